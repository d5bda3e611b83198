"""A job is paused and resumed by a record: its driver, or the next one, waits between two rounds."""

from __future__ import annotations

from typing import Any

import pytest

from roundelay.chord.refs import NodeRef
from roundelay.federation import jobs, records
from roundelay.federation.errors import JobEnded
from roundelay.federation.requests import Order
from tests.federation.test_driver import EXPECTED, IDS, RING, Job

PAUSE_S = 50.0


class PausedJob(Job):
    """A job that is paused in its second round, for a while."""

    def __init__(self, end: str = "") -> None:
        super().__init__(IDS)
        self.end = end  # written instead of resuming
        self.paused_at = -1.0
        self.states: list[str] = []
        self.net.before_answer = self._disturb

    def write(self, paused: bool) -> None:
        before, self.net.before_answer = self.net.before_answer, lambda node, request: None
        version = next(self.versions)
        self.net.run(jobs.set_paused(self.net.entry, RING, self.spec.job, paused, version))
        self.states.append(self.look().state)
        self.net.before_answer = before

    def _disturb(self, node: NodeRef, request: Any) -> None:
        if self.paused_at >= 0 and self.net.now - self.paused_at > PAUSE_S:
            self.paused_at = float("inf")
            if self.end:
                self.net.run(jobs.put_record(self.net.entry, RING, self.spec.job, self.end, b"", next(self.versions)))
            else:
                self.write(paused=False)
        if isinstance(request, Order) and request.round == 2 and self.paused_at < 0:
            self.paused_at = self.net.now
            self.write(paused=True)


def test_a_driver_waits_before_the_next_round_and_makes_the_same_model() -> None:
    job = PausedJob()
    driver = job.driver()
    lines: list[str] = []
    driver._logged = lines.append
    train = driver._training.train

    def beat_and_train(number: int, *rest: Any) -> Any:
        made = yield from train(number, *rest)
        yield from driver._watch.beat()
        return made

    driver._training.train = beat_and_train  # type: ignore[assignment,method-assign]
    job.net.run(driver.drive())

    assert driver.weights == EXPECTED
    assert job.states == ["paused", "running"]
    assert job.net.now >= PAUSE_S
    assert "is paused after round 2" in lines[0] and lines[1].endswith("goes on")


def test_the_next_driver_finds_a_job_paused_and_waits_until_it_is_resumed() -> None:
    job = PausedJob()
    job.write(paused=True)
    job.paused_at = job.net.now

    assert job.drive() == EXPECTED
    assert job.states == ["paused", "running"]
    assert job.net.now >= PAUSE_S


def test_a_paused_job_can_be_cancelled() -> None:
    job = PausedJob(records.CANCELLED)
    job.write(paused=True)
    job.paused_at = job.net.now

    with pytest.raises(JobEnded, match="cancelled"):
        job.drive()
    assert job.look().state == "cancelled"


def test_the_latest_record_counts_whether_it_pauses_or_resumes() -> None:
    job = PausedJob()
    for paused in (True, False, True, True, False):
        job.write(paused)

    assert job.states == ["paused", "waiting", "paused", "paused", "waiting"]
