"""How much privacy a job has spent: Rényi differential privacy (RDP), and the epsilon that it amounts to.

One round is a Gaussian mechanism on the clipped updates of files, each of which takes part with probability q (Poisson
sampling). Its RDP is that of Mironov, Talwar and Zhang, Rényi differential privacy of the sampled Gaussian mechanism,
2019, section 3.3; rounds add up. Epsilon follows by the conversion of Canonne, Kamath and Steinke 2020, proposition
12, minimised over the orders. Noise from the discrete Gaussian with the same standard deviation spends no more (the
same, theorem 4), for q = 1; for q < 1 the difference is below 2^-1000 at the scales that are used here.
"""

from __future__ import annotations

import math
from functools import lru_cache

ORDERS = (*(1 + x / 10 for x in range(1, 100)), *range(11, 64), 128, 256, 512, 1024)
KNOWN_MAX = 4096  # values that are remembered: all orders, for some jobs
SERIES_MAX = 2000  # terms of a series; an order whose series has not converged by then is left out


def epsilon(noise: float, rounds: int, delta: float, sampled: float = 1.0) -> float:
    """Return epsilon after some rounds. noise: the standard deviation, in clips. sampled: the probability q."""
    return tightest(noise, rounds, delta, sampled)[0]


def tightest(noise: float, rounds: int, delta: float, sampled: float) -> tuple[float, float]:
    """Return the least epsilon, and the order that gives it."""
    spent, order = min((_converted(rounds * rdp(noise, sampled, order), order, delta), order) for order in ORDERS)
    return max(0.0, spent), order


@lru_cache(KNOWN_MAX)
def rdp(noise: float, sampled: float, order: float) -> float:
    """Return the RDP of one round at an order above 1."""
    if sampled == 1.0:
        return order / (2 * noise**2)
    if not sampled:
        return 0.0
    log_a = _log_a_whole(noise, sampled, int(order)) if order == int(order) else _log_a(noise, sampled, order)
    return log_a / (order - 1)


def _converted(spent: float, order: float, delta: float) -> float:
    """Return the epsilon of an RDP at an order (Canonne, Kamath and Steinke 2020, proposition 12)."""
    return spent + math.log1p(-1 / order) - math.log(delta * order) / (order - 1)


def _log_a_whole(noise: float, q: float, order: int) -> float:
    """Return the logarithm of A for a whole order: a binomial sum (Mironov et al. 2019, section 3.3)."""
    terms = [
        _log_binomial(order, k) + k * math.log(q) + (order - k) * math.log1p(-q) + (k * k - k) / (2 * noise**2)
        for k in range(order + 1)
    ]
    return _log_sum(terms)


def _log_a(noise: float, q: float, order: float) -> float:
    """Return the logarithm of A for another order: two series (the same section)."""
    z0 = noise**2 * math.log(1 / q - 1) + 0.5
    sign, log_coefficient = 1, 0.0  # of binomial(order, k)
    positive, negative = [-math.inf, -math.inf], [-math.inf, -math.inf]
    for k in range(SERIES_MAX):
        other = order - k
        log_t0 = log_coefficient + k * math.log(q) + other * math.log1p(-q)
        log_t1 = log_coefficient + other * math.log(q) + k * math.log1p(-q)
        s0 = log_t0 + (k * k - k) / (2 * noise**2) + _log_half_erfc((k - z0) / (math.sqrt(2) * noise))
        s1 = log_t1 + (other * other - other) / (2 * noise**2) + _log_half_erfc((z0 - other) / (math.sqrt(2) * noise))
        sums = positive if sign > 0 else negative
        sums[0], sums[1] = _log_sum([sums[0], s0]), _log_sum([sums[1], s1])
        if max(s0, s1) < -30 and k > order:
            total_0, total_1 = (_log_difference(positive[at], negative[at]) for at in (0, 1))
            return _log_sum([total_0, total_1])
        factor = (order - k) / (k + 1)
        sign, log_coefficient = (sign if factor > 0 else -sign), log_coefficient + math.log(abs(factor))
    return math.inf


def _log_half_erfc(x: float) -> float:
    """Return log(erfc(x) / 2), also where that is too small for a float."""
    if x < 25:
        return math.log(math.erfc(x) / 2)
    inverse = 1 / (x * x)
    series = 1 - inverse / 2 + 3 * inverse**2 / 4 - 15 * inverse**3 / 8
    return -x * x - math.log(2 * x * math.sqrt(math.pi)) + math.log(series)


def _log_binomial(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _log_sum(terms: list[float]) -> float:
    largest = max(terms)
    if largest == -math.inf:
        return largest
    return largest + math.log(sum(math.exp(term - largest) for term in terms))


def _log_difference(one: float, other: float) -> float:
    return one if other == -math.inf else one + math.log1p(-math.exp(other - one))
