"""Interval arithmetic on the circle, checked by walking round it."""

from __future__ import annotations

import hashlib
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.chord.ring import Ring, between, between_right_closed
from tests.hypothesis_profiles import examples

SIZE = 16
CIRCLE = range(SIZE)
RING = Ring(bits=4)


def walk(start: int, end: int) -> list[int]:
    """Every identifier strictly between, clockwise; the whole circle but one where they are equal."""
    steps = (end - start) % SIZE or SIZE
    return [(start + i) % SIZE for i in range(1, steps)]


def test_between_is_the_open_arc() -> None:
    for start, x, end in product(CIRCLE, repeat=3):
        assert between(start, x, end) == (x in walk(start, end))


def test_the_right_closed_arc_includes_its_end() -> None:
    for start, x, end in product(CIRCLE, repeat=3):
        assert between_right_closed(start, x, end) == (x in [*walk(start, end), end])


def test_an_arc_from_a_node_to_itself_is_everything() -> None:
    for a, x in product(CIRCLE, repeat=2):
        assert between(a, x, a) == (x != a)
        assert between_right_closed(a, x, a)


@examples(100)
@given(st.sets(st.integers(0, 15), min_size=1), st.integers(0, 15))
def test_every_key_lies_in_exactly_one_nodes_arc(nodes: set[int], key: int) -> None:
    ring = sorted(nodes)

    owners = [n for place, n in enumerate(ring) if between_right_closed(ring[place - 1], key, n)]

    assert owners == [min(ring, key=lambda n: RING.distance(key, n))]


def test_a_distance_there_and_back_is_the_circle() -> None:
    for a, b in product(CIRCLE, repeat=2):
        assert RING.distance(a, b) + RING.distance(b, a) == (0 if a == b else SIZE)


def test_finger_starts_double_in_distance() -> None:
    for identifier, index in product(CIRCLE, range(RING.bits)):
        assert RING.distance(identifier, RING.finger_start(identifier, index)) == 2**index


def test_an_owner_covers_the_fingers_that_start_before_it() -> None:
    for identifier, owner in product(CIRCLE, repeat=2):
        starts = [RING.finger_start(identifier, index) for index in range(RING.bits)]
        covered = [between_right_closed(identifier, start, owner) for start in starts]
        count = RING.fingers_up_to(identifier, owner)
        assert covered == [True] * count + [False] * (RING.bits - count)


@pytest.mark.parametrize("bits", [3, 8, 17, 159, 160])
def test_a_key_is_the_first_bits_of_the_digest(bits: int) -> None:
    whole = int(hashlib.sha1(b"letters_01.txt").hexdigest(), 16)

    assert Ring(bits=bits).key("letters_01.txt") == whole >> (160 - bits)


@pytest.mark.parametrize(
    ("bits", "shown", "digits"), [(5, "19", "19"), (8, "19", "19"), (9, "013", "013"), (160, "0" * 8, "0" * 38 + "13")]
)
def test_identifiers_are_decimals_on_small_rings_and_hex_on_large_ones(bits: int, shown: str, digits: str) -> None:
    ring = Ring(bits=bits)

    assert ring.show(19) == shown
    assert ring.digits(19) == digits


@pytest.mark.parametrize(
    "wrong",
    [{"bits": 2}, {"bits": 161}, {"replicas": 0}, {"successors": 1, "replicas": 3}, {"successors": 0, "replicas": 2}],
)
def test_impossible_ring_parameters_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Ring(**wrong)
