"""The attributes against Frey and Slate's definitions, computed in exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from letters_generator.attributes import FRACTION, NAMES, TOP, measure, scale
from letters_generator.raster import Bitmap

L_SHAPE = """
#....
#....
#....
#####
"""

bitmaps = st.integers(1, 12).flatmap(
    lambda width: st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=12)
)


def picture(text: str) -> Bitmap:
    return np.array([[mark == "#" for mark in line] for line in reversed(text.split())])  # (height, width)


def named(image: Bitmap) -> dict[str, int]:
    return dict(zip(NAMES, measure(image), strict=True))


def slow_edges(box: list[list[bool]]) -> tuple[Fraction, Fraction]:
    found = [
        Fraction(2 * row - (len(box) - 1), 2 * len(box))
        for row, pixels in enumerate(box)
        for column, on in enumerate(pixels)
        if on and (column == 0 or not pixels[column - 1])
    ]
    return Fraction(len(found), len(box)), sum(found, Fraction()) / len(box)


def slow_attributes(rows: list[list[bool]]) -> list[Fraction]:
    on = [(column, row) for row, pixels in enumerate(rows) for column, set_ in enumerate(pixels) if set_]
    left, right = min(x for x, _ in on), max(x for x, _ in on)
    low, high = min(y for _, y in on), max(y for _, y in on)
    width, height = right - left + 1, high - low + 1
    middle_x, middle_y = Fraction(left + right, 2), Fraction(low + high, 2)
    away = [((x - middle_x) / width, (y - middle_y) / height) for x, y in on]
    powers = [(1, 0), (0, 1), (2, 0), (0, 2), (1, 1), (2, 1), (1, 2)]
    moments = [sum((x**a * y**b for x, y in away), Fraction()) / len(on) for a, b in powers]
    box = [pixels[left : right + 1] for pixels in rows[low : high + 1]]
    turned = [list(column) for column in zip(*box, strict=True)]
    counted = [Fraction(value) for value in (left + right, low + high, width, height, len(on))]
    return counted + moments + [*slow_edges(box), *slow_edges(turned)]


@given(bitmaps.filter(lambda rows: any(map(any, rows))))
def test_every_attribute_matches_its_definition_rounded_down(rows: list[list[bool]]) -> None:
    units = [1] * 5 + [FRACTION] * 11

    expected = [value * unit // 1 for value, unit in zip(slow_attributes(rows), units, strict=True)]

    assert measure(np.array(rows)) == expected


def test_an_l_leans_to_the_left_and_low_and_has_its_edges_at_the_left() -> None:
    attributes = named(picture(L_SHAPE))

    assert (attributes["width"], attributes["high"], attributes["onpix"]) == (5, 4, 8)
    assert attributes["x-bar"] < 0 and attributes["y-bar"] < 0
    assert attributes["x-ege"] == FRACTION and attributes["xegvy"] == 0
    assert attributes["y-ege"] == FRACTION and attributes["yegvx"] == 0


def test_a_stroke_that_climbs_to_the_right_correlates_x_with_y() -> None:
    climbing = np.eye(7, dtype=np.bool_)  # (7, 7)

    assert named(climbing)["xybar"] > 0 > named(climbing[::-1])["xybar"]


def test_only_the_position_attributes_depend_on_the_place() -> None:
    image = picture(L_SHAPE)  # (4, 5)
    moved = np.pad(image, ((3, 0), (6, 0)))  # (7, 11)

    assert measure(moved)[2:] == measure(image)[2:]
    assert measure(moved)[:2] == [measure(image)[0] + 2 * 6, measure(image)[1] + 2 * 3]


@given(st.lists(st.lists(st.integers(-(10**9), 10**9), min_size=3, max_size=3), min_size=1, max_size=9))
def test_scaling_keeps_order_and_takes_the_extremes_to_0_and_15(measured: list[list[int]]) -> None:
    scaled = scale(measured)  # (n, 3)

    for raw, column in zip(np.array(measured).T, scaled.T, strict=True):
        assert np.all(np.diff(column[np.argsort(raw)]) >= 0)
        assert column.min() == 0
        assert column.max() == (TOP if raw.max() > raw.min() else 0)


@pytest.mark.parametrize(("raw", "scaled"), [(0, 0), (3, 0), (4, 1), (9, 1), (10, 2), (96, 14), (97, 15)])
def test_scaling_rounds_to_the_nearest_and_halves_up(raw: int, scaled: int) -> None:
    assert scale([[0], [100], [raw]])[2, 0] == scaled
