"""The 20 fonts: capital letters as line segments with integer coordinates.

Hershey's tables hold eleven different faces with Latin capitals. The other nine fonts are variants of them:
four upright faces are slanted, and five thin ones are drawn with a broader pen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from letters_generator.command import FontsMissing

CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

QUARTERS = 4  # coordinates are in quarters of Hershey's unit, so that a slant stays an integer
BASE_LINE = 9  # Hershey's y at the foot of a capital; y grows downwards
LEFT_UNITS = 6  # room left of the left margin, for swashes and slanted descenders
BELOW_UNITS = 12  # room below the base line, for descenders

Segments = NDArray[np.int64]  # (n, 2, 2): segment, start and end, x and y


@dataclass(frozen=True)
class Font:
    """A Hershey face, its slant, and the pen that draws it."""

    name: str
    face: str  # its name in Hershey-Fonts
    slant_quarters: int = 0  # x moved per unit of y, in quarters
    pen_px: int = 2  # edge of the square pen


FONTS = (
    Font("simplex", "futural"),
    Font("duplex", "futuram"),
    Font("roman complex", "timesr"),
    Font("roman triplex", "rowmant"),
    Font("italic complex", "timesi"),
    Font("italic triplex", "timesib"),
    Font("script simplex", "cursive"),
    Font("script complex", "scriptc"),
    Font("Gothic English", "gothgbt"),
    Font("Gothic German", "gothgrt"),
    Font("Gothic Italian", "gothicita"),
    Font("simplex, slanted", "futural", slant_quarters=1),
    Font("duplex, slanted", "futuram", slant_quarters=1),
    Font("roman complex, slanted", "timesr", slant_quarters=1),
    Font("roman triplex, slanted", "rowmant", slant_quarters=1),
    Font("simplex, broad", "futural", pen_px=4),
    Font("duplex, broad", "futuram", pen_px=4),
    Font("roman complex, broad", "timesr", pen_px=4),
    Font("italic complex, broad", "timesi", pen_px=4),
    Font("script simplex, broad", "cursive", pen_px=4),
)


def load_glyphs(fonts: tuple[Font, ...] = FONTS) -> dict[tuple[Font, str], Segments]:
    """Load the segments of all capitals in all fonts, in quarter units from 0: x grows rightwards, y upwards.

    Raises FontsMissing.
    """
    faces = {face: _load_face(face) for face in dict.fromkeys(font.face for font in fonts)}
    return {(font, letter): _place(faces[font.face][letter], font) for font in fonts for letter in CAPITALS}


def _load_face(face: str) -> dict[str, Segments]:
    try:
        from HersheyFonts import HersheyFonts
    except ImportError as error:
        raise FontsMissing("Hershey-Fonts is not installed: pip install 'Hershey-Fonts>=2.1,<3'") from error
    tables = HersheyFonts(load_default_font=face)
    lines = {letter: list(tables.lines_for_text(letter)) for letter in CAPITALS}
    return {letter: np.array(pairs, np.int64) for letter, pairs in lines.items()}  # (n, 2, 2) each


def _place(segments: Segments, font: Font) -> Segments:
    """Flip y upwards, slant, and shift the segments so that no coordinate is negative."""
    x, y = segments[..., 0], BASE_LINE - segments[..., 1]  # (n, 2), (n, 2)
    right = QUARTERS * (x + LEFT_UNITS) + font.slant_quarters * y  # (n, 2)
    return np.stack([right, QUARTERS * (y + BELOW_UNITS)], axis=-1)  # (n, 2, 2)
