"""Scenes over time as one animated SVG, for documents: it plays without a script.

A piece is there while its scene has it; attributes that change are animated in steps. The styles come
from page.css's variables, resolved for a light page, since an image in a document has no page around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from roundelay.dashboard.scene import Piece, Scene

SKIPPED = {"data-act", "data-value", "tabindex", "role", "aria-label", "aria-pressed", "title"}


@dataclass
class Life:
    """A piece through all frames; None in the frames that lack it."""

    first: Piece
    frames: list[Piece | None]
    children: list[str] = field(default_factory=list)


def animate(frames: Sequence[Scene], frame_s: float, width: int, height: int, style: str) -> str:
    """Return an SVG that shows the frames in a loop. Pieces must be SVG elements."""
    lives = _lives(frames)
    total_s = frame_s * len(frames)
    roots = [name for name, life in lives.items() if not life.first.parent]
    body = "".join(_draw(name, lives, total_s) for name in roots)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}"><style>{escape(style)}</style>'
        f'<rect width="100%" height="100%" class="paper"/>{body}</svg>\n'
    )


def _lives(frames: Sequence[Scene]) -> dict[str, Life]:
    """Return every piece of any frame by name and text: a text cannot be animated, so a new text is a new piece."""
    lives: dict[str, Life] = {}
    for number, frame in enumerate(frames):
        named = {name: _life_name(name, piece) for name, piece in frame.pieces.items()}
        for name, piece in frame.pieces.items():
            mine = named[name]
            if mine not in lives:
                parent = named[piece.parent] if piece.parent else ""
                home = Piece(piece.tag, parent, piece.attributes, piece.text)
                lives[mine] = Life(home, [None] * len(frames))
                if parent:
                    lives[parent].children.append(mine)
            lives[mine].frames[number] = piece
    return lives


def _life_name(name: str, piece: Piece) -> str:
    return f"{name}\0{piece.tag}\0{piece.text}"


def _draw(name: str, lives: dict[str, Life], total_s: float) -> str:
    life = lives[name]
    if life.first.tag == "title":
        return ""
    attributes = {key: value for key, value in life.first.attributes.items() if key not in SKIPPED}
    changing = {key: _values(life, key) for key in sorted(_keys(life) - SKIPPED)}
    animated = "".join(_steps(key, values, total_s) for key, values in changing.items() if len(set(values)) > 1)
    shown = ["visible" if piece is not None else "hidden" for piece in life.frames]
    if len(set(shown)) > 1:
        animated += _steps("visibility", shown, total_s)
        attributes["visibility"] = shown[0]
    inner = "".join(_draw(child, lives, total_s) for child in life.children)
    words = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{life.first.tag}{words}>{animated}{escape(life.first.text)}{inner}</{life.first.tag}>"


def _keys(life: Life) -> set[str]:
    return {key for piece in life.frames if piece is not None for key in piece.attributes}


def _values(life: Life, key: str) -> list[str]:
    """Return an attribute's value in every frame; a frame without one repeats the previous value."""
    values: list[str] = []
    for piece in life.frames:
        before = values[-1] if values else life.first.attributes.get(key, "")
        values.append(before if piece is None else piece.attributes.get(key, ""))
    return values


def _steps(key: str, values: Sequence[str], total_s: float) -> str:
    """Return the moments at which a value changes, and the values."""
    moments = [0, *(n for n in range(1, len(values)) if values[n] != values[n - 1])]
    times = ";".join(f"{n / len(values):.4f}".rstrip("0").rstrip(".") or "0" for n in moments)
    shown = ";".join(values[n] for n in moments)
    return (
        f'<animate attributeName={quoteattr(key)} values={quoteattr(shown)} keyTimes="{times}" '
        f'dur="{total_s:g}s" calcMode="discrete" repeatCount="indefinite"/>'
    )
