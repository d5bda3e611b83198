"""Where identifiers are on the circle, and what is drawn between them."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.chord.ring import Ring
from roundelay.dashboard.geometry import arc, chord, point, turn
from tests.hypothesis_profiles import examples

NUMBER = re.compile(r"-?\d+\.\d+")


def ends(path: str) -> tuple[tuple[float, float], tuple[float, float]]:
    pairs = [(float(x), float(y)) for x, y in re.findall(r"(-?\d+\.\d+),(-?\d+\.\d+)", path)]
    return pairs[0], pairs[-1]


@pytest.mark.parametrize(("part", "place"), [(0, (0, -10)), (0.25, (10, 0)), (0.5, (0, 10)), (0.75, (-10, 0))])
def test_identifiers_grow_clockwise_from_the_top(part: float, place: tuple[int, int]) -> None:
    assert point(part, 10) == pytest.approx(place)


@pytest.mark.parametrize("bits", [3, 8, 53, 54, 160])
def test_the_middle_of_every_ring_is_half_a_turn(bits: int) -> None:
    ring = Ring(bits=bits, successors=2, replicas=2)

    assert turn(ring, 0) == 0
    assert turn(ring, ring.size // 2) == 0.5
    assert turn(ring, ring.size - 1) < 1 or bits > 53


@examples(60)
@given(st.floats(0, 0.999), st.floats(0, 0.999))
def test_an_arc_and_a_chord_begin_and_end_where_they_should(start: float, end: float) -> None:
    for path in (arc(start, end, 100), chord(start, end, 100)):
        first, last = ends(path)
        assert first == pytest.approx(point(start, 100), abs=0.01)
        assert last == pytest.approx(point(end, 100), abs=0.01)


def test_more_than_half_a_turn_is_the_long_way_round() -> None:
    assert " 0 1 1 " in arc(0, 0.75, 100)
    assert " 0 0 1 " in arc(0, 0.25, 100)
    assert " 0 0 1 " in arc(0.9, 0.1, 100), "across the top"


def test_a_node_that_is_alone_owns_the_whole_circle() -> None:
    assert arc(0.3, 0.3, 100).count("A100,100") == 2


@examples(60)
@given(st.floats(0, 0.999), st.floats(0, 0.999))
def test_no_path_has_anything_but_finite_numbers(start: float, end: float) -> None:
    for path in (arc(start, end, 100), chord(start, end, 100)):
        assert "nan" not in path and "inf" not in path
        assert all(math.isfinite(float(number)) for number in NUMBER.findall(path))
