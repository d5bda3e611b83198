"""Vectors of integers that are masked in secure aggregation, and their sums, in which the masks cancel.

A vector is little-endian numbers of `width` bytes, modulo 2^(8 width). A mask is as many pseudorandom bytes. The vector
of an update ends with the site's training loss and the number of rows that it predicted rightly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from roundelay.ml import exact, exact_moments
from roundelay.ml.errors import BadTask
from roundelay.ml.exact_moments import FeatureSums

WORD_BYTES = 8
UPDATE_WIDTH, MOMENTS_WIDTH = WORD_BYTES, 96  # bytes of a number; a sum of squares over all rows has 600 bits
SCORES = 2  # numbers behind an update


def add(vectors: Sequence[bytes], plus: Iterable[bytes], minus: Iterable[bytes], width: int) -> bytes:
    """Return the sum of vectors, with some masks added and others subtracted. Raises BadTask for unequal sizes."""
    sizes = sorted({len(vector) for vector in vectors})
    if len(sizes) != 1 or sizes[0] % width:
        raise BadTask(f"vectors of {sizes} bytes, expected one size in numbers of {width} bytes")
    return _add_words(vectors, plus, minus) if width == WORD_BYTES else _add_long(vectors, plus, minus, width)


def _add_words(vectors: Sequence[bytes], plus: Iterable[bytes], minus: Iterable[bytes]) -> bytes:
    total = np.zeros(len(vectors[0]) // WORD_BYTES, "<u8")  # (numbers,): wraps around, as it must
    for each in chain(vectors, plus):
        total += np.frombuffer(each, "<u8")
    for each in minus:
        total -= np.frombuffer(each, "<u8")
    return total.tobytes()


def _add_long(vectors: Sequence[bytes], plus: Iterable[bytes], minus: Iterable[bytes], width: int) -> bytes:
    places = range(0, len(vectors[0]), width)
    total, modulus = [0] * len(places), 1 << 8 * width
    for sign, addends in ((1, chain(vectors, plus)), (-1, minus)):
        for each in addends:
            for number, at in enumerate(places):
                total[number] += sign * int.from_bytes(each[at : at + width], "little")
    return b"".join((number % modulus).to_bytes(width, "little") for number in total)


# --- what the vectors hold


def update_vector(update: bytes, rows: int, bits: int, loss: float, accuracy: float) -> bytes:
    """Return an update's vector. loss, accuracy: means over these rows."""
    scores = np.array([exact.units_of_mean(loss, rows, bits), round(accuracy * rows)], "<i8")  # (SCORES,)
    return update + scores.tobytes()


def update_in(vector: bytes, rows: int, bits: int) -> tuple[bytes, float, float]:
    """Return the update in a vector, with the means of loss and accuracy over all rows. Raises BadTask."""
    end = len(vector) - SCORES * WORD_BYTES
    units, right = (int(number) for number in np.frombuffer(vector[end:], "<i8"))
    loss = exact.mean_loss(units, rows, bits)
    if not 0 <= right <= rows or abs(loss) > exact.LOSS_MAX:
        raise BadTask(f"a sum over {rows} rows with {right} right ones and a loss of {loss:.6g}")
    return vector[:end], loss, right / rows


def moments_vector(sums: bytes) -> bytes:
    """Return the vector of feature sums. Raises BadTask."""
    found = exact_moments.feature_sums_from_bytes(sums)
    numbers, width = (*found.sums, *found.squares), MOMENTS_WIDTH
    return b"".join(number.to_bytes(width, "little", signed=True) for number in numbers)


def moments_in(vector: bytes, rows: int) -> bytes:
    """Return the feature sums in a vector."""
    width = MOMENTS_WIDTH
    pieces = [vector[at : at + width] for at in range(0, len(vector), width)]
    numbers = tuple(int.from_bytes(piece, "little", signed=True) for piece in pieces)
    features = len(numbers) // 2
    return FeatureSums(rows, numbers[:features], numbers[features:]).to_bytes()
