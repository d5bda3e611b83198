"""A file that no live node has is named and waited for; with a quorum, a round goes on without it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any, NoReturn

import pytest

from roundelay.chord.effects import Procedure, Request
from roundelay.chord.errors import NotFound
from roundelay.chord.refs import NodeRef
from roundelay.federation import jobs, records
from roundelay.federation.errors import FileUnavailable, JobEnded
from roundelay.federation.file_waits import FILES_WAIT_MAX_S
from roundelay.federation.job_reader import LOOK_MAX_S
from roundelay.federation.requests import Order, TrainingFile, names
from roundelay.federation.retry import RETRY_S
from roundelay.federation.spec import JobSpec
from roundelay.ml.errors import PluginUnknown
from roundelay.store.items import Read
from tests.federation.test_driver import CONTENTS, EXPECTED, IDS, RING, SETTINGS, SPEC, Job, make_spec

QUORUM = make_spec(replace(SETTINGS, rounds=4, quorum=0.8))
GONE = QUORUM.files[2]


def job_without(spec: JobSpec, file: TrainingFile, after_round: int = 1, until_s: float = float("inf")) -> Job:
    """Nobody can read this file any more, nor has it in its trainer, once a round has passed, until so much time has
    gone by."""
    job = Job(IDS[:2], spec)  # two owners: every order is for several files
    rounds = [0]

    def before_answer(node: NodeRef, request: object) -> None:
        if isinstance(request, Order):
            rounds.append(request.round)
        gone = max(rounds) > after_round and job.net.now < until_s
        if gone and isinstance(request, Order):
            job.net.members[node].worker.cache.forget(file.digest)
        if gone and isinstance(request, Read) and request.digest == file.digest:
            raise NotFound(f"{node.address} has lost it")

    job.net.before_answer = before_answer
    return job


def test_a_quorum_goes_on_without_that_file_and_with_all_others() -> None:
    job = job_without(QUORUM, GONE)
    job.drive()

    assert [result.left_out for result, _ in job.rounds] == [(), *[(GONE.index,)] * 3]
    for _, report in job.rounds[1:]:
        assert sorted(report.placement) == sorted(set(CONTENTS) - {GONE.name})


def test_the_report_of_every_such_round_names_it() -> None:
    job = job_without(QUORUM, GONE)
    job.drive()

    assert [
        any(line == f"left out, because no live node has them: {GONE.name}" for line in report.disturbances)
        for _, report in job.rounds
    ] == [False, True, True, True]


def test_a_node_that_lacks_one_file_keeps_its_others() -> None:
    job = job_without(QUORUM, GONE)
    job.drive()

    before, after = job.rounds[0][1].placement, job.rounds[1][1].placement
    assert all(after[name] == before[name] for name in after)


def test_without_a_quorum_it_is_waited_for_by_name_and_the_model_is_the_same() -> None:
    job = job_without(SPEC, GONE, until_s=5.0)
    lines: list[str] = []
    driver = job.driver()
    driver._coordinator._log = lines.append

    job.net.run(driver.drive())

    assert driver.weights == EXPECTED
    assert [line.partition(": ")[2] for line in lines] == [f"no live node has {GONE.name}: waiting"]


def test_what_all_nodes_lack_is_named_instead_of_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(IDS[:2], SPEC)
    lines: list[str] = []
    driver = job.driver()
    driver._coordinator._log = lines.append
    why = "optimizer mine:Own is not allowed here: start the node with --plugins mine"

    def refuse(*_: object) -> NoReturn:
        raise PluginUnknown(why)

    for member in job.net.members.values():
        monkeypatch.setattr(member.worker, "moments", refuse)
    with pytest.raises(FileUnavailable):
        job.net.run(driver.drive())

    assert [line.partition(": ")[2] for line in lines] == [f"no node can train any file: {why}: waiting"]


@pytest.mark.parametrize("look_s", [0.0, 900.0])
def test_it_is_waited_for_an_hour_however_long_each_attempt_takes(look_s: float) -> None:
    job, waited_since = job_without(SPEC, GONE), list[float]()
    lose = job.net.before_answer

    def before_answer(node: NodeRef, request: Request[Any]) -> None:
        if waited_since and isinstance(request, Order):
            job.net.now += look_s
        lose(node, request)

    job.net.before_answer = before_answer
    driver = job.driver()
    driver._coordinator._log = lambda line: waited_since.append(job.net.now)

    with pytest.raises(FileUnavailable, match=f"no live node has {GONE.name}$"):
        job.net.run(driver.drive())
    assert FILES_WAIT_MAX_S <= job.net.now - waited_since[0] <= FILES_WAIT_MAX_S + 3 * look_s + 1.0


def job_without_validation(until_s: float = float("inf")) -> tuple[Job, list[float]]:
    """Nobody can read the validation file until so much time has gone by. Return also when it was asked for."""
    job, asked_at = Job(IDS[:2], SPEC), list[float]()
    file = SPEC.validation_file

    def before_answer(node: NodeRef, request: object) -> None:
        if isinstance(request, Read) and request.digest == file.digest:
            asked_at.append(job.net.now)
            if job.net.now < until_s:
                raise NotFound(f"{node.address} has lost it")

    job.net.before_answer = before_answer
    return job, asked_at


def test_a_validation_file_that_no_node_has_is_named_once_and_waited_for() -> None:
    job, _ = job_without_validation(until_s=600.0)

    assert job.drive() == EXPECTED

    name, shown = SPEC.validation_file.name, SPEC.job[:8]
    assert job.lines == [
        f"job {shown}: no live node has {name}, its validation file: waiting",
        f"job {shown}: {name} is back",
    ]


def test_it_is_looked_for_ever_more_seldom_for_an_hour_and_then_the_job_fails() -> None:
    job, asked_at = job_without_validation()

    with pytest.raises(FileUnavailable, match=f"no live node has {SPEC.validation_file.name}$"):
        job.drive()

    pauses = [later - earlier for earlier, later in pairwise(asked_at) if later - earlier > RETRY_S]
    assert FILES_WAIT_MAX_S <= job.net.now <= FILES_WAIT_MAX_S + 2 * LOOK_MAX_S
    assert pauses == sorted(pauses) and LOOK_MAX_S <= pauses[-1] < LOOK_MAX_S + 1.0
    assert len(pauses) < 2 * FILES_WAIT_MAX_S / LOOK_MAX_S
    assert job.look().end == records.FAILED


def test_a_job_that_waits_for_its_validation_file_can_be_cancelled() -> None:
    job, asked_at = job_without_validation()
    driver = job.driver()

    def cancel() -> Procedure[None]:
        if asked_at and asked_at[-1] > 60.0:
            yield from jobs.put_record(job.net.entry, RING, SPEC.job, records.CANCELLED, b"", next(job.versions))
        yield from driver._watch.look()

    job.net.beside = cancel
    with pytest.raises(JobEnded, match="is cancelled"):
        job.net.run(driver.drive())
    assert job.net.now < FILES_WAIT_MAX_S / 2


@pytest.mark.parametrize(
    ("count", "shown"),
    [(1, "f0"), (8, "f0, f1, f2, f3, f4, f5, f6, f7"), (11, "f0, f1, f2, f3, f4, f5, f6, f7 and 3 more")],
)
def test_a_line_names_some_files_and_counts_the_others(count: int, shown: str) -> None:
    assert names(tuple(TrainingFile(i, f"f{i}", "00" * 32, 1, 1) for i in range(count))) == shown
