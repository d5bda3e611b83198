"""Jobs with differential privacy: bounded updates, secret noise, an account that ends the job, and nothing besides."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from roundelay.chord.effects import Request
from roundelay.chord.refs import NodeRef
from roundelay.federation import trained_round
from roundelay.federation.client_sampling import sampled_files
from roundelay.federation.driver import Driver
from roundelay.federation.errors import BadSpec, Overtaken
from roundelay.federation.listing import list_latest
from roundelay.federation.records import RoundResult
from roundelay.federation.requests import Order
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import read_snapshot
from roundelay.federation.tasks import MomentsTask, TrainTask
from tests.federation.secure_job import SecureJob
from tests.federation.test_driver import IDS, RING, SETTINGS, Job, make_spec

CLIP = 0.25


def job_of(**settings: Any) -> Job:
    return Job(IDS[:3], make_spec(replace(SETTINGS, **{"dp_noise": 1.0, "dp_clip": CLIP, **settings})))


def change_of(job: Job) -> np.ndarray[Any, Any]:
    first = np.frombuffer(trained_round.first_weights(job.spec), "<f4").astype(np.float64)
    return np.frombuffer(job.drive(), "<f4").astype(np.float64) - first


@pytest.mark.parametrize("where", ["central", "local"])
def test_a_round_is_the_mean_of_clipped_updates_with_noise(where: str) -> None:
    """Almost without noise the change has at most the clip's length; with it, the noise has the stated size."""
    quiet = change_of(job_of(rounds=1, dp_noise=1e-9, dp_where=where))
    assert 0 < np.linalg.norm(quiet) <= CLIP * (1 + 1e-6)

    noisy = job_of(rounds=1, dp_noise=20.0, dp_clip=4.0, dp_where=where, hidden=(200,))
    change = change_of(noisy)
    sites = set(noisy.rounds[0][1].placement.values()) if where == "local" else {"the driver"}  # each adds its own
    assert change.std() == pytest.approx(80.0 * np.sqrt(len(sites)) / len(noisy.spec.files), rel=0.1)


def test_the_noise_of_two_drivers_differs_and_the_job_is_recorded() -> None:
    one, other = job_of(rounds=1), job_of(rounds=1)

    assert one.drive() != other.drive()
    assert (one.spec.repro, make_spec(SETTINGS).repro) == ("recorded", "bits")
    assert "secret" in one.spec.why_recorded


def test_nothing_but_the_noisy_sum_tells_of_the_training_files() -> None:
    job, asked = job_of(rounds=2), list[Order]()

    def watch(node: NodeRef, request: Request[Any]) -> None:
        if isinstance(request, Order):
            asked.append(request)

    job.net.before_answer = watch
    job.drive()

    assert {type(order.task) for order in asked} == {TrainTask}
    assert not any(isinstance(order.task, MomentsTask) for order in asked)
    assert [result.loss for result in job.look().results] == [0.0] * 3
    assert {(report.training_loss, report.training_accuracy) for _, report in job.rounds} == {(0.0, 0.0)}
    assert job.look().results[0].moments, "of the validation file"


def test_each_round_says_what_is_spent_and_the_job_ends_in_time() -> None:
    settings = replace(SETTINGS, rounds=10, dp_noise=4.0, dp_clip=CLIP)
    limit = settings.epsilon_after(3) + 1e-6
    job = Job(IDS[:3], make_spec(replace(settings, dp_epsilon=limit)))

    job.drive()

    assert len(job.rounds) == 3
    notices = [report.notices for _, report in job.rounds]
    assert [len(each) for each in notices] == [1, 1, 2]
    assert notices[2][0] == f"privacy spent: epsilon {settings.epsilon_after(3):.4g} at delta 1e-05"
    assert notices[2][1].startswith("the job ends: one more round would spend more than --dp-epsilon")


def test_the_accountant_of_the_job_says_when_it_ends() -> None:
    """At the same limit, the tighter one allows more rounds."""
    settings = replace(SETTINGS, rounds=50, dp_noise=2.0, dp_clip=CLIP, dp_epsilon=10.0)
    by_rdp = replace(settings, dp_accountant="rdp")

    assert settings.epsilon_after(9) < by_rdp.epsilon_after(9)
    assert settings.rounds_allowed > by_rdp.rounds_allowed
    for each in (settings, by_rdp):
        assert each.epsilon_after(each.rounds_allowed) <= 10.0 < each.epsilon_after(each.rounds_allowed + 1)


def test_a_model_is_stored_before_any_node_sees_it() -> None:
    """Else a driver that takes over would add other noise to a sum that has been seen."""
    job = job_of(rounds=3)
    seen: list[tuple[int, int]] = []
    job.net.before_answer = lambda node, request: (
        seen.append((request.round, len(job.rounds))) if isinstance(request, Order) else None
    )
    job.drive()

    assert all(stored >= number - 1 for number, stored in seen)


def test_files_are_drawn_independently_and_the_divisor_is_the_expected_number() -> None:
    spec = make_spec(replace(SETTINGS, rounds=3, dp_noise=1.0, dp_clip=CLIP, fraction=0.3))
    sizes = {len(sampled_files(spec, number)) for number in range(1, 60)}

    assert {0, 1, 5} <= sizes
    assert spec.settings.epsilon_after(3) < replace(spec.settings, fraction=1.0).epsilon_after(3)
    assert replace(spec.settings, dp_where="local").epsilon_after(3) == replace(
        spec.settings, fraction=1.0
    ).epsilon_after(3)
    job = Job(IDS[:3], replace(spec, settings=replace(spec.settings, fraction=0.01)))
    job.drive()
    assert len(job.rounds) == 3, "a round without files is only noise"


def test_secure_aggregation_and_noise_go_together() -> None:
    job = SecureJob(rounds=1, dp_noise=1e-9, dp_clip=CLIP)
    plain = SecureJob(secure=False, rounds=1, dp_noise=1e-9, dp_clip=CLIP)

    assert np.allclose(change_of(job), change_of(plain), atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dp_noise": 0.0}, "--dp-clip is for --dp-noise"),
        ({"dp_clip": 0.0}, "--dp-noise needs --dp-clip"),
        ({"dp_clip": 100.0, "dp_noise": 2.0}, "leaves the range of sums"),
        ({"verify": 0.5}, "cannot be combined with --verify"),
        ({"topology": "tree"}, "needs --topology star"),
        ({"halvings": 2}, "cannot be combined with --halvings"),
        ({"weighting": "balanced"}, "cannot be combined with --weighting"),
        ({"dp_epsilon": 0.1}, "one round spends"),
    ],
)
def test_what_would_spend_more_or_tell_more_is_refused_at_the_start(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        Settings(**{"dp_noise": 1.0, "dp_clip": 1.0, **settings})


# --- two drivers at once


class Died(BaseException):
    """A driver's process has ended."""


@pytest.mark.parametrize("dies", [True, False])
def test_a_round_that_two_drivers_store_at_the_same_moment_ends_no_job(dies: bool) -> None:
    """Each draws other noise. All readers follow one of them, and a driver whose round is not read stops."""
    job = job_of(rounds=3)
    first, second = job.driver(), job.driver()
    plain = first._log.commit
    is_alone = [True]

    def commit(result: RoundResult, *rest: Any) -> Any:
        if result.round == 1 and is_alone:
            is_alone.pop()
            _drive_second(job, second, dies)  # the first has looked for results of the round already
        yield from plain(result, *rest)

    first._log.commit = commit  # type: ignore[assignment,method-assign]
    with suppress(Overtaken) if dies else pytest.raises(Overtaken, match="round 2 was completed by another driver"):
        job.net.run(first.drive())
    if job.look().state != "done":  # as the owner of the job's key does
        job.drive()

    view = job.net.run(read_snapshot(job.net.entry, RING, job.spec.job, with_reports=True))
    assert first._rounds.results[1] != second._rounds.results[1]
    assert view.results[1] == second._rounds.results[1] or dies
    assert (view.state, len(view.results)) == ("done", 4)
    assert [view.reports[number].result for number in range(4)] == [result.digest for result in view.results]
    [listed] = job.net.run(list_latest(tuple(job.net.members), RING, 1))
    assert (listed.state, listed.result) == ("done", view.results[-1].digest)


def _drive_second(job: Job, driver: Driver, dies: bool) -> None:
    plain = driver._log.commit

    def commit(result: RoundResult, *rest: Any) -> Any:
        yield from plain(result, *rest)
        if dies and result.round == 1:
            raise Died

    driver._log.commit = commit  # type: ignore[assignment,method-assign]
    with pytest.raises(Died) if dies else nullcontext():
        job.net.run(driver.drive())
