"""Delta encoding: a round's weights as the difference to those of the round before, which the receiver has.

A delta is words of 8 bytes: an integer for each weight, then, for each block of weights, the exponent of the power of
two that its integers count. A weight is the one before plus its integer times that power, in float64, rounded to
float32: the same on every machine. The integers are small, so that a delta packs well (packing.py).

Made with numpy where rounds are added up (roundelay.federation.compression); applied here without, as most nodes do.
"""

from __future__ import annotations

import sys
from array import array
from itertools import repeat
from operator import add, mul

from roundelay.chord.errors import Malformed

BLOCK = 256  # weights that share an exponent
EXPONENT_MIN, EXPONENT_MAX = -200, 127  # below the smallest float32, and of the largest
WORD_BYTES, FLOAT_BYTES = 8, 4
BASE_BYTES_MAX = 128 << 20  # of weights that a delta may lead to: a node has them whole in memory, several times
APPLY_BYTES_PER_S_MIN = 1 << 20  # of weights, at which a node unpacks a delta and applies it


def delta_bytes(size_bytes: int) -> int:
    """Return the size of a delta to weights of this many bytes."""
    weights = size_bytes // FLOAT_BYTES
    return WORD_BYTES * (weights + -(-weights // BLOCK))


def apply_timeout_s(size_bytes: int) -> float:
    """Return how long a node may take to make weights of this many bytes from a delta that it has received."""
    return size_bytes / APPLY_BYTES_PER_S_MIN


def apply_delta(base: bytes, delta: bytes) -> bytes:
    """Return the weights after those of `base`. Raises Malformed for a delta that does not fit."""
    if len(base) % FLOAT_BYTES or len(delta) != delta_bytes(len(base)):
        raise Malformed(f"a delta of {len(delta)} bytes to weights of {len(base)}")
    weights, words = _numbers("f", base), _numbers("q", delta)
    exponents = words[len(weights) :]
    if exponents and not EXPONENT_MIN <= min(exponents) <= max(exponents) <= EXPONENT_MAX:
        raise Malformed(f"a delta with exponents outside {EXPONENT_MIN} to {EXPONENT_MAX}")
    for start, exponent in zip(range(0, len(weights), BLOCK), exponents, strict=True):
        stop = min(start + BLOCK, len(weights))
        if any(counts := words[start:stop]):
            changes = map(mul, counts, repeat(2.0**exponent))
            weights[start:stop] = array("f", map(add, weights[start:stop], changes))
    return _bytes_of(weights)


def _numbers(kind: str, raw: bytes) -> array[float] | array[int]:
    made = array(kind, raw)
    if sys.byteorder == "big":
        made.byteswap()
    return made


def _bytes_of(weights: array[float] | array[int]) -> bytes:
    if sys.byteorder == "big":
        weights.byteswap()
    return weights.tobytes()
