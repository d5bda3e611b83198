"""Noise from the discrete Gaussian distribution, sampled exactly.

Canonne, Kamath and Steinke, The discrete Gaussian for differential privacy, NeurIPS 2020, algorithms 1 to 3, for many
numbers at a time. Each decision with probability p compares a uniform number with p. A floating-point p decides all but
those that lie closer to it than its rounding errors; these are decided with more random bits and digits.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal, localcontext
from functools import partial

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Ints
from roundelay.ml.errors import OutOfRange

SIGMA_MAX = 1 << 47  # so that 64 standard deviations stay within the exact integers of float64
UNIFORM_BITS = 53
MARGIN = 1e-11  # more than all rounding errors of a probability
DIGITS, MORE_BYTES = 110, 32  # of a close decision: a tie has a probability of 2^-256

Floats64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Draw = Callable[[int], bytes]  # this many random bytes, which must be secret


def sample(sigma: int, count: int, draw: Draw = os.urandom) -> Ints:
    """Return numbers x with probabilities proportional to exp(-x^2 / (2 sigma^2)): (count,)."""
    if not 1 <= sigma <= SIGMA_MAX:
        raise OutOfRange(f"noise of {sigma} units: expected 1 to {SIGMA_MAX}")
    made = np.empty(count, np.int64)  # (count,)
    done = 0
    while done < count:  # ends: more than half of the candidates are accepted
        candidates = _laplace(sigma + 1, 2 * (count - done) + 16, draw)
        accepted = candidates[_accept(candidates, sigma, draw)][: count - done]
        made[done : done + len(accepted)] = accepted
        done += len(accepted)
    return made


def _accept(candidates: Ints, sigma: int, draw: Draw) -> Bools:
    """Decide with probability exp(-(|y| - sigma^2 / t)^2 / (2 sigma^2)), where t = sigma + 1."""
    t = sigma + 1
    distance = np.abs(candidates).astype(np.float64) - sigma * (sigma / t)  # (n,)

    def exact(place: int) -> Decimal:
        return -((abs(int(candidates[place])) - Decimal(sigma**2) / t) ** 2) / (2 * sigma**2)

    return _bernoulli_exp(-((distance / sigma) ** 2) / 2, exact, draw)


def _laplace(t: int, count: int, draw: Draw) -> Ints:
    """Return numbers x with probabilities proportional to exp(-|x| / t); fewer than `count`."""
    offset = _below(t, count, draw)  # (n,)
    kept = offset[_bernoulli_exp(offset / -t, lambda place: Decimal(-int(offset[place])) / t, draw)]
    steps = np.zeros(len(kept), np.int64)  # (n,): a geometric number
    going = np.arange(len(kept))
    while len(going):  # ends: each goes on with probability 1/e
        going = going[_bernoulli_exp(np.full(len(going), -1.0), lambda _: Decimal(-1), draw)]
        steps[going] += 1
    magnitude = kept + t * steps
    negative = np.frombuffer(draw(len(kept)), np.uint8) & 1 == 1
    made = np.where(negative, -magnitude, magnitude)
    found: Ints = made[~(negative & (magnitude == 0))]  # zero has one sign
    return found


def _below(most: int, count: int, draw: Draw) -> Ints:
    """Return numbers from 0 to most - 1, all equally probable: (count,)."""
    mask = (1 << most.bit_length()) - 1
    made = np.empty(0, np.int64)
    while len(made) < count:  # ends: at least half are below
        words = np.frombuffer(draw(16 * (count - len(made)) + 64), "<u8") & np.uint64(mask)
        found = words.astype(np.int64)
        made = np.concatenate([made, found[found < most]])
    return made[:count]


def _bernoulli_exp(exponent: Floats64, exact: Callable[[int], Decimal], draw: Draw) -> Bools:
    """Decide with probability exp(exponent), each. exact: the exponent of one, with all its digits."""
    probability = np.exp(exponent)  # (n,)
    words = np.frombuffer(draw(8 * len(exponent)), "<u8") >> np.uint64(64 - UNIFORM_BITS)
    uniform = np.ldexp(words.astype(np.float64), -UNIFORM_BITS)  # (n,): the first bits of a number below 1
    decided: Bools = uniform < probability
    for place in np.flatnonzero(np.abs(uniform - probability) < MARGIN).tolist():
        decided[place] = _is_below(int(words[place]), partial(exact, place), draw)
    return decided


def _is_below(first_bits: int, exponent: Callable[[], Decimal], draw: Draw) -> bool:
    """Return whether a uniform number that begins with these bits is below exp(exponent)."""
    more = int.from_bytes(draw(MORE_BYTES))
    bits = UNIFORM_BITS + 8 * MORE_BYTES
    with localcontext() as context:
        context.prec = DIGITS
        uniform = Decimal((first_bits << 8 * MORE_BYTES) | more) / Decimal(1 << bits)
        return uniform < exponent().exp()
