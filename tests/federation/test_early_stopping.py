"""Early stopping: which rounds a job trains, which one it keeps, and which weights stay on the ring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.federation import jobs, records
from roundelay.federation.early_stopping import (
    WEIGHT_ROUNDS_KEPT,
    best_round,
    has_stopped,
    is_complete,
    kept_round,
    superseded_rounds,
)
from roundelay.federation.records import RoundResult
from roundelay.federation.requests import Order
from roundelay.federation.settings import Settings
from roundelay.ml.data import moments_from_bytes
from roundelay.ml.validate import Validator
from roundelay.store.blobs import digest_of
from tests.federation.test_driver import IDS, RING, SETTINGS, VALIDATION, Job, make_spec
from tests.killed import Killed

ROUNDS = 12
BEST = Settings(keep="best", rounds=ROUNDS)
ERRORS = st.lists(st.integers(0, 5), min_size=0, max_size=ROUNDS)


def chain(*errors: int) -> list[RoundResult]:
    """The results of round 0, and of a round for each number of errors."""
    return [
        RoundResult("j", number, "", f"w{number}", 1, errors=count, rows=100)
        for number, count in enumerate((0, *errors))
    ]


def test_the_best_round_has_the_fewest_errors_and_is_the_first_of_equals() -> None:
    assert best_round(chain(5, 3, 4, 3)).round == 2
    assert best_round(chain()).round == 0


def test_the_last_round_is_kept_unless_the_settings_ask_for_the_best() -> None:
    assert kept_round(Settings(), chain(5, 3, 4)).round == 3
    assert kept_round(BEST, chain(5, 3, 4)).round == 2


def test_a_job_stops_once_no_round_was_better_for_as_long_as_its_patience() -> None:
    patient = replace(BEST, patience=2)

    assert not has_stopped(patient, chain(5, 3, 4))
    assert has_stopped(patient, chain(5, 3, 4, 3))
    assert not has_stopped(BEST, chain(5, *[9] * 11))
    assert not has_stopped(patient, chain())


@given(ERRORS)
def test_a_job_without_patience_is_complete_after_exactly_its_rounds(errors: list[int]) -> None:
    assert is_complete(BEST, chain(*errors)) == (len(errors) == ROUNDS)


@given(ERRORS, st.sampled_from(["best", "last"]), st.sampled_from(["2", "5", "best", "all"]))
def test_the_last_rounds_the_kept_one_and_those_asked_for_have_weights_and_no_other_does(
    errors: list[int], keep: str, weights: str
) -> None:
    settings, stored, links = replace(BEST, keep=keep, keep_weights=weights), set[int](), chain(*errors)
    window = {"5": 5, "all": ROUNDS + 1}.get(weights, WEIGHT_ROUNDS_KEPT)
    for count in range(1, len(links) + 1):
        results = links[:count]
        stored.add(results[-1].round)
        stored -= {old.round for old in superseded_rounds(settings, results)}
        last = {result.round for result in results[-window:]}
        best = {best_round(results).round} if weights == "best" else set()
        assert stored == last | best | {kept_round(settings, results).round}


# --- a job on a ring

PATIENT = replace(SETTINGS, rounds=ROUNDS, eta=0.5, keep="best", patience=3)


def stored_weights(job: Job) -> list[int]:
    names = [records.weights_name(job.spec.job, number) for number in range(ROUNDS + 1)]
    items = job.net.run(jobs.find_records(job.net.entry, RING, job.spec.job, *names))
    found = {item.entry.name for item in items if not item.deleted}
    return [number for number, name in enumerate(names) if name in found]


def test_a_job_stops_early_and_keeps_the_weights_of_its_best_round() -> None:
    job = Job(IDS, make_spec(PATIENT))
    kept_weights = job.drive()

    seen = job.look()
    trained = len(seen.results) - 1
    assert trained == seen.kept.round + PATIENT.patience < ROUNDS
    assert seen.kept.errors == min(result.errors for result in seen.results[1:])
    assert digest_of(kept_weights) == seen.kept.weights
    assert job.net.run(jobs.read_weights(job.net.entry, RING, seen.kept)) == kept_weights
    assert stored_weights(job) == [seen.kept.round, trained - 1, trained]
    assert (seen.end, seen.is_over) == (records.DONE, True)
    assert [result.round for result, _ in job.rounds] == list(range(1, trained + 1))


def test_the_kept_weights_have_the_errors_that_the_chain_says() -> None:
    job = Job(IDS, make_spec(PATIENT))
    weights, seen = job.drive(), job.look()
    moments = bytes.fromhex(seen.results[0].moments)
    assert np.isfinite(moments_from_bytes(moments).mean).all()

    assert Validator(job.spec.design, "validation", VALIDATION)(weights, moments).errors == seen.kept.errors


@pytest.mark.parametrize("topology", ["star", "tree"])
@pytest.mark.parametrize("dies_in", range(1, 8))
def test_whichever_round_a_driver_dies_in_the_next_one_stops_and_keeps_alike(dies_in: int, topology: str) -> None:
    spec = make_spec(replace(PATIENT, topology=topology))
    undisturbed = Job(IDS, spec)
    expected = undisturbed.drive()
    job = Job(IDS, spec)

    def kill_the_driver(node: object, request: object) -> None:
        if isinstance(request, Order) and request.round == dies_in:
            raise Killed

    job.net.before_answer = kill_the_driver
    with pytest.raises(Killed):
        job.net.run(job.driver().drive())
    job.net.before_answer = lambda node, request: None
    weights = job.drive()

    assert job.look().results == undisturbed.look().results
    assert weights in (expected, b"")
    assert job.net.run(jobs.read_weights(job.net.entry, RING, job.look().kept)) == expected


def test_a_driver_that_finds_all_rounds_stored_only_writes_the_end() -> None:
    job = Job(IDS, make_spec(PATIENT))

    def kill_at_the_end(node: object, request: object) -> None:
        if records.record_name(job.spec.job, records.DONE) in repr(request):
            raise Killed

    job.net.before_answer = kill_at_the_end
    with pytest.raises(Killed):
        job.net.run(job.driver().drive())
    trained, job.net.before_answer = len(job.rounds), lambda node, request: None
    job.drive()

    assert (len(job.rounds), job.look().end) == (trained, records.DONE)
