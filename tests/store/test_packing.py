"""Tests of packing: lossless for every content, smaller for weights and sums, and nothing else is unpacked."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.chord.errors import Malformed
from roundelay.store import packing
from roundelay.store.items import CHUNK_BYTES
from roundelay.store.packing import (
    PACK_FROM_BYTES,
    PLAIN_BYTES_MAX,
    SUM_BYTES,
    TEXT,
    WEIGHT_BYTES,
    WINDOW_BITS,
    pack,
    unpack,
    unpack_along,
)

PARAMETERS = 20_000
RNG = np.random.default_rng(5)
WEIGHTS = RNG.normal(0, 0.1, PARAMETERS).astype("<f4")
CHANGES = (RNG.normal(0, 0.01, PARAMETERS).astype("<f4") + WEIGHTS).astype(np.float64) - WEIGHTS
SUMS = np.rint(np.ldexp(4000 * CHANGES, 37)).astype("<i8")


def packed(content: bytes, width: int) -> bytes:
    """Pack a content, and check that it comes back."""
    made = pack(content, width)
    assert unpack(made, len(content)) == content
    return made


def test_weights_and_sums_of_a_round_take_less_than_8_bytes_a_parameter() -> None:
    down, up = packed(WEIGHTS.tobytes(), WEIGHT_BYTES), packed(SUMS.tobytes(), SUM_BYTES)

    assert len(down) + len(up) <= 8 * PARAMETERS
    assert len(down) < 0.9 * WEIGHTS.nbytes


def test_signs_cost_nothing_and_extreme_sums_come_back() -> None:
    sums = SUMS.copy()
    sums[:4] = (2**63 - 1, -(2**63), -1, 0)

    assert len(packed(sums.tobytes(), SUM_BYTES)) < 0.7 * sums.nbytes


def test_a_text_is_deflated() -> None:
    text = b"1,2,3,4,5,6,7,8,9,10\n" * 500

    assert len(packed(text, TEXT)) < len(text) / 10


@pytest.mark.parametrize("size", [0, 1, PACK_FROM_BYTES - 1, PLAIN_BYTES_MAX + 1])
def test_what_is_too_small_or_too_large_stays_as_it_is(size: int) -> None:
    assert pack(bytes(size), SUM_BYTES) == bytes(size)


def test_noise_stays_as_it_is() -> None:
    noise = RNG.bytes(8 * PACK_FROM_BYTES)

    assert all(packed(noise, width) == noise for width in (TEXT, WEIGHT_BYTES, SUM_BYTES))


@given(st.binary(max_size=64), st.integers(1, 400), st.sampled_from((TEXT, WEIGHT_BYTES, SUM_BYTES)))
def test_every_content_comes_back(part: bytes, times: int, width: int) -> None:
    packed(part * times, width)


@given(st.binary(max_size=200), st.integers(0, 4096))
def test_any_bytes_are_unpacked_into_the_announced_size_or_refused(data: bytes, size: int) -> None:
    with suppress(Malformed):
        assert len(unpack(data, size)) == size


@given(st.integers(0, 1 << 14), st.integers(1, 255))
def test_a_damaged_packing_is_refused_or_has_the_announced_size(place: int, flip: int) -> None:
    damaged = bytearray(packed(WEIGHTS[:4096].tobytes(), WEIGHT_BYTES))
    damaged[place % len(damaged)] ^= flip
    with suppress(Malformed):
        assert len(unpack(bytes(damaged), 4 * 4096)) == 4 * 4096


def test_a_small_packing_cannot_become_large() -> None:
    work = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = work.compress(bytes(1 << 20)) + work.flush()
    made = struct.pack("<BII", TEXT, 0, len(bomb)) + bomb

    with pytest.raises(Malformed, match="expected 4096"):
        unpack(made, 4096)
    with pytest.raises(Malformed, match="at most"):
        unpack(made, PLAIN_BYTES_MAX + 1)
    with pytest.raises(Malformed, match="too many"):
        unpack(made + b"x", 1 << 20)


def list_of(entries: int) -> bytes:
    """Return the packed text of a plane in which this many bytes are listed, one behind the other."""

    def part(content: bytes) -> bytes:
        work = zlib.compressobj(wbits=WINDOW_BITS)
        deflated = work.compress(content) + work.flush()
        return struct.pack("<II", len(content), len(deflated)) + deflated

    listed = part(bytes(entries)) + part(b"\1" * entries)
    return struct.pack("<BII", TEXT, 0, 1 << 31 | len(listed)) + listed


def test_a_list_that_is_longer_than_any_that_is_made_is_refused() -> None:
    size = 10_000

    assert unpack(list_of(3000), size) == b"\1" * 3000 + bytes(7000)
    with pytest.raises(Malformed, match="a list of 3002 gaps and 3002 values"):
        unpack(list_of(3002), size)


def test_a_content_that_comes_along_is_not_unpacked_if_it_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "unpack", lambda packed, size_bytes: pytest.fail("it is unpacked"))

    with pytest.raises(Malformed, match="cannot come along"):
        unpack_along(list_of(3000), CHUNK_BYTES + 1)


@given(st.binary(min_size=64, max_size=64), st.binary(min_size=64, max_size=64))
def test_bytes_are_added_modulo_256(one: bytes, other: bytes) -> None:
    assert packing._added(one, other) == bytes((a + b) % 256 for a, b in zip(one, other, strict=True))


@given(
    st.lists(st.sampled_from((-300, -3, -1, 0, 0, 0, 0, 1, 2, 70_000)), min_size=300, max_size=400), st.integers(0, 64)
)
def test_small_integers_come_back_with_what_stands_behind_them(numbers: list[int], tail: int) -> None:
    content = np.array(numbers, "<i8").tobytes() + RNG.bytes(tail)
    made = pack(content, SUM_BYTES, tail)

    assert unpack(made, len(content)) == content
    assert len(made) < len(content) / 4 + tail


@pytest.mark.parametrize("share", [0.0, 0.03, 0.25, 0.6, 1.0])
def test_small_integers_take_few_bytes_more_than_their_entropy(share: float) -> None:
    rng = np.random.default_rng(7)
    numbers = np.where(rng.random(100_000) < share, rng.integers(-1, 2, 100_000), 0)
    _, counts = np.unique(numbers, return_counts=True)
    entropy_bytes = -float((counts * np.log2(counts / counts.sum())).sum()) / 8

    assert len(packed(numbers.astype("<i8").tobytes(), SUM_BYTES)) < 1.1 * entropy_bytes + 200


@given(st.integers(0, 3000), st.integers(1, 255))
def test_damaged_small_integers_are_refused_or_have_the_announced_size(place: int, flip: int) -> None:
    numbers = np.random.default_rng(1).integers(-2, 3, 4096) * (np.random.default_rng(2).random(4096) < 0.3)
    damaged = bytearray(packed(numbers.astype("<i8").tobytes(), SUM_BYTES))
    damaged[place % len(damaged)] ^= flip
    with suppress(Malformed):
        assert len(unpack(bytes(damaged), 8 * 4096)) == 8 * 4096
