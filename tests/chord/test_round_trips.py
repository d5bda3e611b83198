"""A peer's allowance follows its round trips as TCP's retransmission timer does."""

from __future__ import annotations

import pytest

from roundelay.chord.effects import Request
from roundelay.chord.requests import GetNeighbours, NextHop
from roundelay.chord.round_trips import ALLOWANCE_MAX_S, GRANULARITY_S, INITIAL_S, PEERS_MAX, RoundTrip, RoundTrips

NEAR, FAR = ("near", 1), ("far", 1)


def after(*samples_s: float) -> RoundTrip:
    estimate = RoundTrip()
    for sample_s in samples_s:
        estimate = estimate.answered(sample_s)
    return estimate


def test_the_estimate_is_that_of_rfc_6298() -> None:
    first, second = after(0.2), after(0.2, 0.4)

    assert RoundTrip().allowance_s == INITIAL_S == 1.0
    assert (first.smoothed_s, first.variation_s, first.allowance_s) == pytest.approx((0.2, 0.1, 3 * 0.6))
    assert (second.smoothed_s, second.variation_s) == pytest.approx((7 / 8 * 0.2 + 0.4 / 8, 3 / 4 * 0.1 + 0.2 / 4))


def test_a_near_peer_is_allowed_little_and_a_far_one_its_round_trip() -> None:
    near, far = after(*[0.001] * 50), after(*[0.3] * 50)

    assert near.allowance_s == pytest.approx(3 * (0.001 + GRANULARITY_S), abs=1e-4)
    assert 0.9 < far.allowance_s < 0.94


def test_a_spike_raises_the_allowance_and_calm_lowers_it_again() -> None:
    spiked = after(*[0.05] * 50, 2.0)
    calm = spiked
    for _ in range(50):
        calm = calm.answered(0.05)

    assert spiked.allowance_s > 2.0
    assert calm.allowance_s < 0.3


def test_every_timeout_doubles_the_allowance_up_to_a_limit_and_an_answer_ends_that() -> None:
    estimate = after(*[0.1] * 50)
    allowances = []
    for _ in range(20):
        estimate = estimate.timed_out()
        allowances.append(estimate.allowance_s)

    assert allowances[:3] == pytest.approx([0.66, 1.32, 2.64], abs=0.01)
    assert allowances[-1] == ALLOWANCE_MAX_S
    assert estimate.answered(0.1).allowance_s < 0.4


def test_each_peer_has_its_own_estimate_and_the_table_is_bounded() -> None:
    trips = RoundTrips()
    trips.record_answer(NEAR, 0.001)
    trips.record_timeout(FAR)

    assert trips[NEAR].smoothed_s == 0.001
    assert trips[FAR].allowance_s == 2 * INITIAL_S
    for number in range(PEERS_MAX - 2):
        trips.record_answer(("host", number), 0.1)
    trips.record_answer(NEAR, 0.001)
    trips.record_answer(("host", 1 << 20), 0.1)

    assert trips[FAR] == RoundTrip(), "the peer not heard from for longest is forgotten"
    assert trips[NEAR].smoothed_s == 0.001


def test_only_requests_that_are_answered_from_memory_are_samples() -> None:
    assert GetNeighbours().answers_at_once and NextHop(1).answers_at_once
    assert not Request.answers_at_once
