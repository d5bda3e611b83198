"""Line plots as SVG, without a library: enough for the figures of the experiments.

A series is points, joined by a line or not; a point may have an interval around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 40, 52
COLOURS = ("#1f5fa8", "#c2410c", "#15803d", "#7c3aed", "#525252")
TICKS = 6
HEADROOM = 1.3  # the legend's

Point = tuple[float, float]
Interval = tuple[float, float, float]  # x, low, high


@dataclass(frozen=True)
class PlotSeries:
    """One curve of a plot."""

    name: str
    points: tuple[Point, ...]
    intervals: tuple[Interval, ...] = ()
    joined: bool = True


@dataclass(frozen=True)
class Plot:
    """A figure; `name` is part of its file name."""

    name: str
    title: str
    x_label: str
    y_label: str
    series: tuple[PlotSeries, ...]
    log_x: bool = False


def svg(plot: Plot) -> str:
    """Return a figure as an SVG document."""
    xs = [x for s in plot.series for x, _ in s.points]
    ys = [y for s in plot.series for y in (*(y for _, y in s.points), *(h for _, _, h in s.intervals))]
    x_ticks = sorted(set(xs)) if plot.log_x and len(set(xs)) <= 12 else _ticks(min(xs), max(xs))
    y_ticks = _ticks(min(0.0, *ys), max(ys) * HEADROOM)
    across = _scale(x_ticks[0], x_ticks[-1], LEFT, WIDTH - RIGHT, plot.log_x)
    up = _scale(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP, log=False)
    body = [*_frame(plot), *_axes(x_ticks, y_ticks, across, up)]
    for place, series in enumerate(plot.series):
        body += _curve(series, COLOURS[place % len(COLOURS)], across, up)
        body += _legend(series.name, COLOURS[place % len(COLOURS)], place)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            'font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            *body,
            "</svg>",
            "",
        )
    )


# --- helpers

Scale = Callable[[float], float]


def _scale(low: float, high: float, start: float, end: float, log: bool) -> Scale:
    """Return the function from values to pixels."""
    at = math.log if log else float
    span = (at(high) - at(low)) or 1.0
    return lambda value: start + (at(value) - at(low)) / span * (end - start)


def _ticks(low: float, high: float) -> list[float]:
    """Return round values that enclose both ends."""
    rough = (high - low) / TICKS or 1.0
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(step * i, 12) for i in range(first, last + 1)]


def _frame(plot: Plot) -> list[str]:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return [
        _text(WIDTH / 2, 18, plot.title, "middle", 'font-weight="bold"'),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, plot.x_label, "middle"),
        _text(16, middle, plot.y_label, "middle", f'transform="rotate(-90 16 {middle})"'),
    ]


def _axes(x_ticks: Sequence[float], y_ticks: Sequence[float], across: Scale, up: Scale) -> list[str]:
    lines = [_segment(LEFT, up(y), WIDTH - RIGHT, up(y), "#e5e5e5") for y in y_ticks]
    lines += [_text(LEFT - 6, up(y) + 4, f"{y:g}", "end") for y in y_ticks]
    lines += [_segment(across(x), HEIGHT - BOTTOM, across(x), HEIGHT - BOTTOM + 5, "black") for x in x_ticks]
    lines += [_text(across(x), HEIGHT - BOTTOM + 18, f"{x:g}", "middle") for x in x_ticks]
    return [
        *lines,
        _segment(LEFT, TOP, LEFT, HEIGHT - BOTTOM, "black"),
        _segment(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "black"),
    ]


def _curve(series: PlotSeries, colour: str, across: Scale, up: Scale) -> list[str]:
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in series.points)
    line = [f'<polyline points="{path}" fill="none" stroke="{colour}"/>'] if series.joined else []
    dots = [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{colour}"/>' for x, y in series.points]
    bars = [_segment(across(x), up(low), across(x), up(high), colour) for x, low, high in series.intervals]
    return line + bars + dots


def _legend(name: str, colour: str, place: int) -> list[str]:
    y = TOP + 8 + 16 * place
    return [
        f'<rect x="{LEFT + 12}" y="{y - 8}" width="10" height="10" fill="{colour}"/>',
        _text(LEFT + 28, y + 1, name, "start"),
    ]


def _segment(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(text)}</text>'
