"""The accountants of differential privacy: values of others, closed forms, and what both must have in common."""

from __future__ import annotations

import math
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.ml import loss_distribution, renyi
from roundelay.ml.accountant import ACCOUNTANTS, epsilon, rounds_within
from roundelay.ml.renyi import rdp

# What dp-accounting 0.6.0 (Google) gives: RdpAccountant with its own orders, and PLDAccountant, for a GaussianDpEvent,
# within a PoissonSampledDpEvent where the files are sampled, composed with itself.
PUBLISHED = [
    (1.1, 0.01, 10_000, 1e-5, 5.632010670081592, 5.192620123878041),
    (1.0, 1.0, 20, 1e-5, 30.12663110385034, 28.373473804682842),
    (0.8, 0.1, 200, 1e-6, 19.16452927119198, 17.42560257818526),
    (2.0, 0.3, 100, 1e-5, 8.659605928332795, 7.924804061962662),
]
# By numerical integration of the definition of RDP with 30 digits (mpmath 1.3).
PUBLISHED_BY_PLD = [(0.5, 0.01, 1, 1e-5, 3.025357808762044), (0.5, 1e-4, 100, 1e-9, 2.762830452367733)]
INTEGRATED = [
    (0.8, 0.1, 2.3, 0.048406322461370561369),
    (0.8, 0.1, 2.4, 0.052993543908425768161),
    (2.0, 0.3, 3.5, 0.048519143060900470106),
]
NOISES = st.floats(0.4, 50)
SHARES = st.floats(1e-4, 1) | st.just(1.0)
ROUNDS = st.integers(1, 10_000)
DELTAS = st.floats(-15, -1).map(lambda power: 10**power)
LOOSER = 1 + 2 * loss_distribution.TOLERANCE  # than the least upper bound


def exact_delta(eps: float, noise: float, rounds: int) -> float:
    """Return the delta of the Gaussian mechanism (Balle and Wang 2018, theorem 8), up to cancellation."""
    shift = math.sqrt(rounds) / noise
    tails = [math.erfc((eps / shift + side * shift / 2) / math.sqrt(2)) / 2 for side in (-1, 1)]
    return tails[0] - (math.exp(eps + math.log(tails[1])) if tails[1] else 0.0)


def exact_epsilon(noise: float, rounds: int, delta: float) -> float:
    low, high = 0.0, renyi.epsilon(noise, rounds, delta)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if exact_delta(middle, noise, rounds) > delta else (low, middle)
    return low


@pytest.mark.parametrize(("noise", "sampled", "order", "integrated"), INTEGRATED)
def test_rdp_is_the_integral_that_defines_it(noise: float, sampled: float, order: float, integrated: float) -> None:
    assert rdp(noise, sampled, order) == pytest.approx(integrated, rel=1e-9)


@pytest.mark.parametrize(("noise", "sampled", "rounds", "delta", "by_rdp", "by_pld"), PUBLISHED)
def test_epsilon_is_within_a_percent_of_the_published_values(
    noise: float, sampled: float, rounds: int, delta: float, by_rdp: float, by_pld: float
) -> None:
    assert epsilon("rdp", noise, rounds, delta, sampled) == pytest.approx(by_rdp, rel=0.01)
    assert epsilon("prv", noise, rounds, delta, sampled) == pytest.approx(by_pld, rel=0.002)


@pytest.mark.parametrize(("noise", "sampled", "rounds", "delta", "by_pld"), PUBLISHED_BY_PLD)
def test_epsilon_of_rare_files_is_that_of_another_accountant_or_little_more(
    noise: float, sampled: float, rounds: int, delta: float, by_pld: float
) -> None:
    assert by_pld < epsilon("prv", noise, rounds, delta, sampled) < by_pld * LOOSER


@given(NOISES, ROUNDS, DELTAS)
def test_without_sampling_epsilon_is_the_exact_one_or_little_more(noise: float, rounds: int, delta: float) -> None:
    exact, found = exact_epsilon(noise, rounds, delta), epsilon("prv", noise, rounds, delta)

    assert found >= exact * (1 - 1e-9)
    assert found <= max(exact * LOOSER, exact + 1e-6) or exact > loss_distribution.LOSS_MAX / 2


@given(NOISES, SHARES, ROUNDS, DELTAS)
def test_epsilon_grows_with_rounds_and_sampling_and_falls_with_noise(
    noise: float, sampled: float, rounds: int, delta: float
) -> None:
    found, by_rdp = (epsilon(accountant, noise, rounds, delta, sampled) for accountant in ACCOUNTANTS)
    slack = 0.01 * by_rdp

    assert found <= by_rdp
    assert found <= epsilon("prv", noise, 2 * rounds, delta, sampled) + slack
    assert found <= epsilon("prv", noise, rounds, delta, min(1.0, 1.5 * sampled)) + slack
    assert found >= epsilon("prv", 1.5 * noise, rounds, delta, sampled) - slack
    assert found >= epsilon("prv", noise, rounds, min(0.1, 10 * delta), sampled) - slack


def test_the_rdp_between_whole_orders_lies_between_theirs() -> None:
    for q in (0.01, 0.2):
        values = [rdp(1.1, q, order) for order in (2, 2.3, 2.6, 3, 4, 4.5, 5)]
        assert values == sorted(values)


@pytest.mark.parametrize("accountant", ACCOUNTANTS)
def test_rounds_within_an_epsilon_are_as_many_as_fit(accountant: str) -> None:
    spent = partial(epsilon, accountant, 1.0, delta=1e-5)
    most = spent(7)

    assert spent(0) == 0.0
    assert rounds_within(most, spent, 50) == 7
    assert rounds_within(most - 1e-9, spent, 50) == 6
    assert rounds_within(1e9, spent, 50) == 50
    assert rounds_within(0.0, spent, 50) == 0


@pytest.mark.parametrize("accountant", ACCOUNTANTS)
@pytest.mark.parametrize(("noise", "rounds", "sampled"), [(0.0, 1, 1.0), (1e-9, 1, 1.0), (1e-9, 10_000, 1e-9)])
def test_next_to_no_noise_gives_no_privacy(accountant: str, noise: float, rounds: int, sampled: float) -> None:
    assert epsilon(accountant, noise, rounds, 1e-12, sampled) > 1e6
