"""Round updates to small integers without bias: each entry to one of its two neighbours, at random, by a seed.

The farther an entry is from its lower neighbour, the more often it is rounded up, so that the mean of the rounded value
is the value (stochastic rounding: Alistarh et al., QSGD, 2017). With a unit larger than most entries, few entries are
left: the large ones for certain, each other one with a probability that grows with its size (Wangni et al., 2018).

What an entry is rounded to follows from the entry, the unit and the seed alone: no residual is carried from round to
round that could be lost with the node that holds it. A unit is a power of two that BLOCK entries share, agreed before
the training, so that rounded updates add up exactly in any grouping.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Ints
from roundelay.ml.errors import BadTask
from roundelay.ml.raw_random import RawGenerator

BLOCK = 256  # entries that share a unit
UNIT_MIN, UNIT_MAX = -128, 127  # as exponents of two
_STREAM = 1  # of the random numbers that follow from a local training's seed
_WORD_BITS, _FRACTION_BITS = 64, 52

Doubles = npt.NDArray[np.float64]


def blocks(entries: int) -> int:
    """Return the number of units of a vector."""
    return -(-entries // BLOCK)


def exponents(units: bytes, entries: int) -> Ints:
    """Return the exponent of each entry's unit: (entries,). Raises BadTask for another number of units."""
    if len(units) != blocks(entries):
        raise BadTask(f"units: {len(units)} for {entries} weights, expected {blocks(entries)}")
    return np.repeat(np.frombuffer(units, np.int8).astype(np.int64), BLOCK)[:entries]


def rounded(values: Doubles, exponents: Ints, seed: int) -> Ints:
    """Return values (n,) in their units, each rounded up or down at random. Values below 2^52 units are exact."""
    words = RawGenerator((_STREAM, seed)).words(len(values)) >> np.uint64(_WORD_BITS - _FRACTION_BITS)  # (n,)
    thresholds = np.ldexp(words.astype(np.float64), -_FRACTION_BITS)  # (n,) below 1
    scaled = np.ldexp(values, -exponents)  # (n,)
    low = np.floor(scaled)  # (n,)
    made: Ints = low.astype(np.int64) + (thresholds < scaled - low)  # (n,) the difference is exact, a sum would round
    return made
