"""Line charts as drawings: a few series over the rounds, with an axis of round numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from roundelay.dashboard.scene import Scene

WIDTH, HEIGHT = 560.0, 180.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 10.0, 12.0, 26.0
TICKS = 5
POINTS_MAX = 240  # of one line; longer ones are thinned
PIECE_POINTS = 16  # points in one piece of a line: a further round changes only the last piece
DASHES = ("", "7 4", "2 3", "9 3 2 3")  # lines differ in dashes as well as in colour


@dataclass(frozen=True)
class Series:
    """One line of a chart: its name, and its (round, value) pairs in order."""

    name: str
    points: tuple[tuple[float, float], ...]
    colour: int = 0
    dash: int = 0


def chart_scene(
    title: str, series: Sequence[Series], rounds: int, marks: Sequence[tuple[float, str]] = (), unit: str = ""
) -> Scene:
    """Draw a chart below its title, or say that there is nothing to draw. marks: rounds to mark, with the reason."""
    scene = Scene()
    scene.add("title", "h3", "", title)
    if not any(line.points for line in series):
        scene.add("empty", "p", "", "No round is finished yet.", cls="hint")
        return scene
    scene.add(
        "svg", "svg", viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}", cls="chart", role="img", aria_label=_spoken(title, series)
    )
    top = _ceiling(max((value for s in series for _, value in s.points), default=1.0))
    _add_axes(scene, top, rounds, unit)
    for number, (at, why) in enumerate(marks):
        x = _x(at, rounds)
        scene.add(f"mark-{number}", "line", "svg", x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM, cls="mark")
        scene.add(f"mark-{number}-tip", "title", f"mark-{number}", why)
    for number, line in enumerate(series):
        _add_line(scene, number, line, top, rounds)
    scene.add("legend", "ul", cls="legend")
    for number, line in enumerate(series):
        scene.add(f"legend-{number}", "li", "legend", cls=f"owner-{line.colour}")
        scene.add(f"legend-{number}-svg", "svg", f"legend-{number}", viewBox="0 0 24 8", aria_hidden="true")
        scene.add(
            f"legend-{number}-line",
            "line",
            f"legend-{number}-svg",
            x1=0,
            x2=24,
            y1=4,
            y2=4,
            cls="line",
            stroke_dasharray=DASHES[line.dash % len(DASHES)],
        )
        scene.add(f"legend-{number}-name", "span", f"legend-{number}", line.name)
    return scene


def _add_axes(scene: Scene, top: float, rounds: int, unit: str) -> None:
    for tick in range(TICKS + 1):
        value = top * tick / TICKS
        y = _y(value, top)
        scene.add(f"grid-{tick}", "line", "svg", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, cls="grid")
        scene.add(
            f"value-{tick}", "text", "svg", f"{value:.3g}{unit}", x=LEFT - 6, y=y + 3, text_anchor="end", cls="tick"
        )
    for number in sorted({0, rounds // 2, rounds}):
        scene.add(
            f"round-{number}",
            "text",
            "svg",
            str(number),
            x=_x(number, rounds),
            y=HEIGHT - 11,
            text_anchor="middle",
            cls="tick",
        )
    scene.add("axis", "text", "svg", "round", x=LEFT + 0.75 * (WIDTH - RIGHT - LEFT), y=HEIGHT - 11, cls="tick")


def _add_line(scene: Scene, number: int, line: Series, top: float, rounds: int) -> None:
    places = [(_x(at, rounds), _y(value, top)) for at, value in thinned(line.points)]
    if not places:
        return
    for part, start in enumerate(range(0, len(places), PIECE_POINTS)):
        piece = places[max(0, start - 1) : start + PIECE_POINTS]  # from where the one before it ends
        path = "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in piece)
        scene.add(
            f"line-{number}-{part}",
            "path",
            "svg",
            d=path,
            cls=f"line owner-{line.colour}",
            stroke_dasharray=DASHES[line.dash % len(DASHES)],
        )
    scene.add(
        f"end-{number}", "circle", "svg", cx=places[-1][0], cy=places[-1][1], r=3.2, cls=f"end owner-{line.colour}"
    )


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return at most POINTS_MAX of the points, including the last."""
    step = -(-len(points) // POINTS_MAX) or 1
    return [*points[:-1:step], *points[-1:]]


def _ceiling(value: float) -> float:
    """Return the next of 1, 2, 2.5, 5 times a power of ten."""
    if not math.isfinite(value) or value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= value * 0.999999)


def _x(at: float, rounds: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * at / max(1, rounds)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value, top) / top


def _spoken(title: str, series: Sequence[Series]) -> str:
    ends = ", ".join(f"{s.name} {s.points[-1][1]:.4g}" for s in series if s.points)
    return f"{title}: {ends}" if ends else f"{title}: nothing yet"
