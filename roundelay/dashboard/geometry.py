"""Points, arcs and chords on the circle: 0 at the top, identifiers growing clockwise."""

from __future__ import annotations

import math

from roundelay.chord.ring import Ring

Point = tuple[float, float]
WHOLE = 0.999999  # an arc of a whole turn has no direction: two halves are drawn instead


def turn(ring: Ring, identifier: int) -> float:
    """Return an identifier's position as a fraction of a turn, from 0 to 1."""
    shift = max(0, ring.bits - 53)  # a float holds no more
    return (identifier >> shift) / (ring.size >> shift)


def point(part: float, radius: float) -> Point:
    """Return the point at this fraction of a turn."""
    angle = 2 * math.pi * part
    return radius * math.sin(angle), -radius * math.cos(angle)


def arc(start: float, end: float, radius: float) -> str:
    """Return the clockwise path between two fractions of a turn; the whole circle if they are equal."""
    length = (end - start) % 1.0 or 1.0
    if length > WHOLE:
        return f"{arc(start, (start + 0.5) % 1.0, radius)} {arc((start + 0.5) % 1.0, start, radius)}"
    large = 1 if length > 0.5 else 0
    return f"M{_show(point(start, radius))} A{radius:g},{radius:g} 0 {large} 1 {_show(point(end, radius))}"


def chord(start: float, end: float, radius: float, bend: float = 0.35) -> str:
    """Return a path between two points of the circle, bent inwards; from a point to itself, a small loop."""
    first, last = point(start, radius), point(end, radius)
    if math.dist(first, last) < 1e-6:
        left, right = point(start - 0.06, radius * 0.7), point(start + 0.06, radius * 0.7)
        return f"M{_show(first)} C{_show(left)} {_show(right)} {_show(last)}"
    middle = ((first[0] + last[0]) / 2 * (1 - bend), (first[1] + last[1]) / 2 * (1 - bend))
    return f"M{_show(first)} Q{_show(middle)} {_show(last)}"


def _show(at: Point) -> str:
    return f"{at[0]:.2f},{at[1]:.2f}"
