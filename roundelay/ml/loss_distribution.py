"""How much privacy a job has spent, by the distribution of its privacy loss (PRV, or PLD, accountant).

One round is a Gaussian mechanism on clipped updates of files, each of which takes part with probability q (Poisson
sampling). An output x has the loss ln P(x)/Q(x), for P with a file and Q without it, or the other way round. Losses of
rounds add up, and delta is E max(0, 1 - exp(epsilon - loss)) (Koskela, Jälkö and Honkela, Computing tight differential
privacy guarantees using FFT, 2020; Gopi, Lee and Wutschitz, Numerical composition of differential privacy, 2021). The
result is an upper bound, never above that of RDP:

- A loss between two points of a grid is split between them, so that its probabilities under P and Q stay (Doroshenko et
  al., Connect the dots, 2022). As the mechanism follows from the split one by forgetting, it spends no more.
- Losses are tilted by exp(tilt * loss) before they are composed by FFT, so that errors are small compared with any
  delta. Delta includes the tails outside the window, by Chernoff's bound, and the rounding of the FFT.
- Discrete Gaussian noise of 2896 units or more is continuous noise of NARROWER times its deviation, rounded at random,
  up to factors of 1 + 2^-400 (Peikert, An efficient and parallel Gaussian sampler, 2010).

The grid adds about TOLERANCE of epsilon, and the rest a tenth of that; more for q below 0.001, where it is coarser.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from roundelay.ml import renyi

TOLERANCE = 0.001  # of epsilon, for the grid
NARROWER = 1 - 2.0**-20
GRIDS_MAX = 4  # that are tried, each finer than the one before
CELLS_MAX = 1 << 16  # of the losses of one round, and of the sum
LOSS_MAX = 300.0  # larger ones are left to RDP: they protect nothing
OUTSIDE = 1e-6  # share of delta for outputs outside the grid
TAIL = 1e-9  # of the tilted sum, outside its window
ROUNDING = 2.0**-51  # of an FFT, by log2(cells) and norm
LEAST = 1e-300  # in the place of 0, where a logarithm is taken
TILT_RANGE, BISECTIONS = (1 / 64, float(1 << 14)), 18
TILTS = np.geomspace(1 / 64, 64, 25)  # of Chernoff's bound, by the inverse of the deviation

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Losses:
    """The losses of one round: probabilities of multiples of `step`, from the one with the number `first`."""

    first: int
    step: float
    shares: Floats
    infinite: float  # probability of losses above the grid

    @property
    def values(self) -> Floats:
        return self.step * (self.first + np.arange(len(self.shares), dtype=float))


def epsilon(noise: float, rounds: int, delta: float, sampled: float) -> float:
    """Return epsilon after some rounds. noise: the standard deviation, in clips. sampled: the probability q."""
    least, order = renyi.tightest(noise, rounds, delta, sampled)
    sigma, reach = noise * NARROWER, math.sqrt(2 * math.log(rounds / (OUTSIDE * delta)))
    outputs = np.array([-reach * sigma, 1 + reach * sigma])
    rare = math.log1p(-sampled) if sampled < 1 else -math.inf
    low, high = np.logaddexp(rare, math.log(sampled) + (outputs - 0.5) / sigma**2).tolist()
    if not least < LOSS_MAX or not high < LOSS_MAX:
        return least
    before = math.inf
    for _ in range(GRIDS_MAX):
        if not 0 < least < before / 2:  # the grid before was fine enough
            break
        step = max(math.sqrt(8 * TOLERANCE * least / (rounds * order)), (high - low) / CELLS_MAX)
        both = _one_round(sigma, sampled, math.floor(low / step), math.ceil(high / step), step)
        found, tilt = max(_composed(losses, rounds, delta) for losses in both)
        before, least, order = least, min(least, found), tilt + 1
    return least


def _one_round(sigma: float, q: float, first: int, last: int, step: float) -> tuple[Losses, Losses]:
    """Return the losses of a file that is there, and of one that is not."""
    edges = step * np.arange(first, last + 1)
    with np.errstate(divide="ignore"):  # a loss below ln(1 - q) has no output
        outputs = sigma**2 * np.log1p(np.maximum(np.expm1(edges) / q, -1)) + 0.5
    outputs = np.concatenate(([-np.inf], outputs, [np.inf]))
    without, of_file = _normal_shares(outputs / sigma), _normal_shares((outputs - 1) / sigma)
    with_file = (1 - q) * without + q * of_file  # (cells + 2,): below the grid, in it, above it
    return _split(first, step, with_file, without), _split(-last, step, without[::-1], with_file[::-1])


def _normal_shares(edges: Floats) -> Floats:
    """Return the probabilities of the standard normal distribution between edges, without cancellation in its tails."""
    half = np.array([math.erfc(x) for x in np.abs(edges / math.sqrt(2)).tolist()]) / 2
    return np.diff(np.copysign(half, -edges)) + np.diff(np.where(edges > 0, 1.0, 0.0))


def _split(first: int, step: float, p: Floats, q: Floats) -> Losses:
    """Split each cell's probabilities P and Q between the ends of the cell, so that both sums stay."""
    inside, lower = p[1:-1], step * (first + np.arange(len(p) - 2))
    upwards = np.clip((inside - q[1:-1] * np.exp(lower)) / -math.expm1(-step), 0, inside)
    shares = np.append(inside - upwards, 0.0)
    shares[1:] += upwards
    shares[0] += p[0]  # losses below the grid
    return Losses(first, step, shares, float(p[-1]))


def _composed(one: Losses, rounds: int, delta: float) -> tuple[float, float]:
    """Return the epsilon of some rounds, infinity if their sum does not fit the grid, and the tilt."""
    tilted, log_scale = _tilted(one, tilt := _best_tilt(one, rounds, delta))
    error = TAIL + ROUNDING * rounds * math.log2(CELLS_MAX) * math.sqrt(CELLS_MAX)
    low, high = (_chernoff(side * one.values, tilted, rounds) for side in (-1, 1))
    high = max(high, (rounds * log_scale + math.log(1e3 * error / delta)) / tilt)  # from there on errors hardly count
    start, cells = math.floor(-low / one.step), 1 << math.ceil((low + high) / one.step + 1).bit_length()
    if cells > CELLS_MAX or high > 2 * LOSS_MAX:
        return math.inf, tilt
    spectrum = np.fft.rfft(np.bincount((one.first + np.arange(len(tilted))) % cells, tilted, cells))
    total = np.roll(np.fft.irfft(spectrum**rounds, cells), -start)
    values = one.step * (start + np.arange(cells, dtype=float))
    scale = np.exp(np.minimum(rounds * log_scale - tilt * values, LOSS_MAX))  # what the tilt has to be taken back by
    return _epsilon_at(delta - rounds * one.infinite, values, np.maximum(total, 0) * scale, error * scale), tilt


def _best_tilt(one: Losses, rounds: int, delta: float) -> float:
    """Return the tilt with which Chernoff's bound gives the least epsilon."""
    low, high = (math.log(tilt) for tilt in TILT_RANGE)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        tilted, log_scale = _tilted(one, math.exp(middle))
        is_low = rounds * (math.exp(middle) * float(tilted @ one.values) - log_scale) < -math.log(delta)
        low, high = (middle, high) if is_low else (low, middle)
    return math.exp(low)


def _tilted(one: Losses, tilt: float) -> tuple[Floats, float]:
    """Return the probabilities times exp(tilt * loss), scaled to a sum of 1, and the logarithm of their sum before."""
    weights = np.log(np.maximum(one.shares, LEAST)) + tilt * one.values
    log_scale = float(weights.max() + np.log(np.exp(weights - weights.max()).sum()))
    return np.maximum(np.exp(weights - log_scale), LEAST), log_scale


def _chernoff(values: Floats, shares: Floats, rounds: int) -> float:
    """Return what the sum of some losses exceeds with a probability of at most TAIL."""
    mean, bounds = float(shares @ values), list[float]()
    away = values - mean
    for tilt in TILTS / math.sqrt(rounds * float(shares @ away**2)):
        top = tilt * away.max()
        bounds.append((rounds * (top + math.log(shares @ np.exp(tilt * away - top))) - math.log(TAIL)) / tilt)
    return rounds * mean + min(bounds)


def _epsilon_at(delta: float, values: Floats, shares: Floats, errors: Floats) -> float:
    """Return the least epsilon with which the losses stay within delta; at least 0."""
    above, faded = (np.cumsum(each[::-1])[::-1] for each in (shares, shares * np.exp(-values)))
    fits = np.flatnonzero(above - np.exp(values) * faded + errors <= delta)
    if not len(fits):
        return math.inf
    if not (at := int(fits[0])):
        return max(0.0, float(values[0]))
    between = math.log((above[at] + errors[at - 1] - delta) / max(faded[at], LEAST))
    return max(0.0, min(float(values[at]), between))
