"""Tests of which orders are verified: how many, how soon for each node, and that nobody can know it beforehand."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pytest

from roundelay.federation.records import RoundReport
from roundelay.federation.verification_draws import Draws, challenge, chances_of, draw, uniform
from tests.federation.test_driver import make_spec

SHARES = (0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 1 / 3, 0.5, 0.7, 0.9)
FILE = make_spec().files[0]


def report(number: int, address: str, is_verified: bool) -> RoundReport:
    """Return the report of a round in which one node has trained one file."""
    verified = {"file": "other:1"} if is_verified else {}
    return RoundReport("", number, "", 0, 0, 0, 0, 0, placement={"file": address}, verified=verified)


def rounds_drawn(job: str, share: float, address: str = "node:1") -> Iterator[bool]:
    """Yield for each round of a job whether the only order of a node is drawn."""
    draws, number = Draws(job, share), 0
    while True:
        number += 1
        is_drawn = draws.is_drawn(challenge(job, number, "w", [b"sum"]), (FILE,), address)
        yield is_drawn
        draws.add(report(number, address, is_drawn))


@pytest.mark.parametrize("share", SHARES)
def test_a_node_that_lies_in_every_round_escapes_two_and_a_half_mean_intervals_in_at_most_2_of_100_jobs(
    share: float,
) -> None:
    chances = chances_of(share)
    escapes = math.prod(1.0 - chances.after(rounds) for rounds in range(math.ceil(2.5 / share)))

    assert escapes < 0.02


def test_a_tenth_finds_a_node_that_lies_in_every_round_within_25_rounds_in_99_of_100_jobs() -> None:
    found = [
        any(drawn for drawn, _ in zip(rounds_drawn(f"job {seed}", 0.1), range(25), strict=False))
        for seed in range(2000)
    ]

    assert sum(found) / len(found) > 0.99


@pytest.mark.parametrize("share", SHARES)
def test_the_share_of_all_orders_is_verified_in_the_mean(share: float) -> None:
    chances = chances_of(share)
    rng, rounds, drawn = random.Random(f"share {share}"), 0, 0
    while drawn < 4000:
        rounds, drawn = rounds + 1, drawn + 1
        unverified = 0
        while rng.random() >= chances.after(unverified):
            unverified, rounds = unverified + 1, rounds + 1

    assert drawn / rounds == pytest.approx(share, rel=0.06)


@pytest.mark.parametrize("rounds", [1, 5, 30])
def test_a_short_job_verifies_its_share_as_well(rounds: int) -> None:
    drawn = [
        is_drawn
        for seed in range(3000)
        for is_drawn, _ in zip(rounds_drawn(f"{seed}", 0.1), range(rounds), strict=False)
    ]

    assert sum(drawn) / len(drawn) == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize("share", SHARES)
def test_no_round_is_safe_for_a_liar_and_none_is_certain_to_be_verified(share: float) -> None:
    chances = chances_of(share)

    assert {chances.after(rounds) >= share / 2 for rounds in range(100)} == {True}
    assert max(chances.after(rounds) for rounds in (0, *range(int(1 / share), 10_000))) < 1.0


def test_everything_is_verified_at_a_share_of_one() -> None:
    assert all(is_drawn for is_drawn, _ in zip(rounds_drawn("job", 1.0), range(99), strict=False))


def test_a_verified_order_lowers_the_chance_and_unverified_rounds_raise_it() -> None:
    chances = chances_of(0.1)

    assert chances.after(0) == 0.05
    assert chances.after(10) > 0.3
    assert chances.after(10_000) == chances.after(10)


def test_a_driver_that_takes_over_draws_what_the_first_would_have_drawn() -> None:
    first, reports = Draws("job", 0.1), []
    for number in range(60):
        reports.append(report(number, f"node:{number % 3}", is_verified=number % 7 == 0))
        first.add(reports[-1])
        second = Draws("job", 0.1)
        for each in reports:
            second.add(each)
        for node in range(4):
            word = challenge("job", number + 1, "w", [b"sum"])
            assert first.is_drawn(word, (FILE,), f"node:{node}") == second.is_drawn(word, (FILE,), f"node:{node}")


def test_the_moments_which_are_always_verified_do_not_make_the_first_rounds_safer() -> None:
    def drawn(draws: Draws) -> list[bool]:
        return [draws.is_drawn(challenge("job", n, "w", [b""]), (FILE,), f"node:{n}") for n in range(300)]

    fresh, after_moments = Draws("job", 0.1), Draws("job", 0.1)
    for number in range(300):
        after_moments.add(report(0, f"node:{number}", is_verified=True))

    assert drawn(fresh) == drawn(after_moments)


def test_the_draw_depends_on_every_result_and_on_the_job() -> None:
    assert challenge("job", 1, "w", [b"sum"]) != challenge("job", 1, "w", [b"sun"])
    assert challenge("job", 1, "w", [b"sum"]) != challenge("the same again", 1, "w", [b"sum"])
    assert draw("one", (FILE,)) != draw("other", (FILE,))
    assert uniform(b"\xff" * 32) < 1.0
