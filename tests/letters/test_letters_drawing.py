"""Fonts, distortion and raster: from Hershey's strokes to a bitmap."""

from __future__ import annotations

import sys
from itertools import combinations, pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from letters_generator.command import FontsMissing
from letters_generator.distort import (
    ASPECT_MILLI,
    MAGNIFICATION_MILLI,
    PIXELS_PER_UNIT_MILLI,
    SUBPIXELS,
    WARP_MILLI,
    Distortion,
    distort,
    random_distortion,
    uniform,
)
from letters_generator.fonts import CAPITALS, FONTS, QUARTERS, Font, Segments, load_glyphs
from letters_generator.raster import rasterise

PLAIN = Distortion(magnification_milli=1000, aspect_milli=1000, warp_x_milli=0, warp_y_milli=0)
UNIT = QUARTERS  # a unit of Hershey's, in the coordinates of a glyph

distortions = st.builds(
    Distortion,
    magnification_milli=st.integers(*MAGNIFICATION_MILLI),
    aspect_milli=st.integers(*ASPECT_MILLI),
    warp_x_milli=st.integers(*WARP_MILLI),
    warp_y_milli=st.integers(*WARP_MILLI),
)


def line(*points: tuple[int, int]) -> Segments:
    return np.array(list(pairwise(points)), np.int64)  # (n, 2, 2)


@pytest.fixture(scope="module")
def glyphs() -> dict[tuple[Font, str], Segments]:
    pytest.importorskip("HersheyFonts", reason="Hershey-Fonts is needed to draw letters")
    return load_glyphs()


def test_there_are_20_fonts_of_26_capitals(glyphs: dict[tuple[Font, str], Segments]) -> None:
    assert len(FONTS) == len({font.name for font in FONTS}) == 20
    assert set(glyphs) == {(font, letter) for font in FONTS for letter in CAPITALS}
    assert all(len(segments) and segments.min() >= 0 for segments in glyphs.values())


def test_only_i_and_j_of_gothic_german_are_drawn_alike(glyphs: dict[tuple[Font, str], Segments]) -> None:
    alike = [
        (font.name, one, other)
        for font in FONTS
        for one, other in combinations(CAPITALS, 2)
        if np.array_equal(glyphs[font, one], glyphs[font, other])
    ]

    assert alike == [("Gothic German", "I", "J")]


def test_no_two_fonts_are_the_same_strokes_and_the_same_pen(glyphs: dict[tuple[Font, str], Segments]) -> None:
    drawn = {(font.pen_px, *(glyphs[font, letter].tobytes() for letter in CAPITALS)) for font in FONTS}

    assert len(drawn) == len(FONTS)


def test_letters_stand_upright(glyphs: dict[tuple[Font, str], Segments]) -> None:
    simplex = FONTS[0]
    image = rasterise(distort(glyphs[simplex, "T"], PLAIN), simplex.pen_px)  # (height, width)
    rows_on = np.flatnonzero(image.any(axis=1))

    assert image[rows_on[-1]].sum() > 5 * image[rows_on[0]].sum()


def test_without_hershey_fonts_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "HersheyFonts", None)

    with pytest.raises(FontsMissing, match=r"^Hershey-Fonts is not installed: pip install .*$"):
        load_glyphs()


def test_without_distortion_a_unit_is_one_and_a_half_pixels() -> None:
    drawn = distort(line((0, 0), (20 * UNIT, 10 * UNIT)), PLAIN)  # (1, 2, 2)

    assert drawn[0, 1].tolist() == [30 * SUBPIXELS, 15 * SUBPIXELS]
    assert PIXELS_PER_UNIT_MILLI == 1500


def test_aspect_widens_and_magnification_widens_and_heightens() -> None:
    twice = Distortion(magnification_milli=1500, aspect_milli=1200, warp_x_milli=0, warp_y_milli=0)

    drawn = distort(line((0, 0), (20 * UNIT, 20 * UNIT)), twice)  # (1, 2, 2)

    assert drawn[0, 1].tolist() == [54 * SUBPIXELS, 45 * SUBPIXELS]


def test_warp_moves_the_middle_and_leaves_the_ends() -> None:
    warped = Distortion(magnification_milli=1000, aspect_milli=1000, warp_x_milli=250, warp_y_milli=-250)
    diagonal = line((0, 0), (8 * UNIT, 8 * UNIT), (16 * UNIT, 16 * UNIT))  # (2, 2, 2)

    drawn = distort(diagonal, warped)  # (2, 2, 2)

    assert drawn[0, 0].tolist() == [0, 0]
    assert drawn[0, 1].tolist() == [15 * SUBPIXELS, 9 * SUBPIXELS]  # 12 +- 0.25 of half of 24
    assert drawn[1, 1].tolist() == [24 * SUBPIXELS, 24 * SUBPIXELS]


@given(distortions, st.lists(st.integers(0, 40 * UNIT), min_size=2, max_size=8, unique=True))
def test_no_distortion_folds_a_letter_over(distortion: Distortion, places: list[int]) -> None:
    ordered = sorted(places)

    drawn = distort(line(*((place, place) for place in ordered)), distortion)  # (n, 2, 2)

    assert np.all(drawn[:, 1] >= drawn[:, 0])
    assert drawn.min() >= 0


def test_random_values_reach_both_ends_of_every_range() -> None:
    chance = Random(1)

    assert {uniform(chance, -1, 2) for _ in range(200)} == {-1, 0, 1, 2}
    for _ in range(200):
        drawn = random_distortion(chance)
        assert MAGNIFICATION_MILLI[0] <= drawn.magnification_milli <= MAGNIFICATION_MILLI[1]
        assert ASPECT_MILLI[0] <= drawn.aspect_milli <= ASPECT_MILLI[1]
        assert WARP_MILLI[0] <= min(drawn.warp_x_milli, drawn.warp_y_milli)
        assert max(drawn.warp_x_milli, drawn.warp_y_milli) <= WARP_MILLI[1]


@pytest.mark.parametrize("pen_px", [1, 2, 4])
def test_strokes_are_as_thick_as_the_pen(pen_px: int) -> None:
    low, high = (3, 5), (9, 15)
    corner = np.array([[low, (9, 5)], [(9, 5), high]]) * SUBPIXELS  # (2, 2, 2)

    image = rasterise(corner, pen_px)  # (height, width)

    y, x = np.nonzero(image)
    assert (x.min(), x.max(), y.min(), y.max()) == (3, 8 + pen_px, 5, 14 + pen_px)
    assert image[:, 3].sum() == image[15].sum() == pen_px
    assert len(x) == (6 + 10 + pen_px) * pen_px


@given(st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 6000)), min_size=2, max_size=6))
def test_a_pen_that_is_never_lifted_leaves_no_gap(points: list[tuple[int, int]]) -> None:
    image = rasterise(line(*points), pen_px=1)  # (height, width)

    reached = np.zeros_like(image)
    reached[points[0][1] // SUBPIXELS, points[0][0] // SUBPIXELS] = True
    height, width = image.shape
    for _ in range(image.size):
        around = np.pad(reached, 1)  # (height + 2, width + 2)
        shifted = [around[dy : dy + height, dx : dx + width] for dy in range(3) for dx in range(3)]
        grown = image & np.any(shifted, axis=0)  # (height, width)
        if np.array_equal(grown, reached):
            break
        reached = grown
    assert np.array_equal(reached, image)
    assert all(image[y // SUBPIXELS, x // SUBPIXELS] for x, y in points)
