"""Tests of the supervisor of jobs: a job that fails unexpectedly is left alone, and no job delays another."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import NoReturn

import pytest

from roundelay.chord.effects import Procedure, Request
from roundelay.chord.errors import NotFound
from roundelay.chord.node import ChordNode
from roundelay.chord.quarantine import Quarantine
from roundelay.chord.refs import NodeRef
from roundelay.federation import jobs, records
from roundelay.federation.driver import Driver
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import CannotDrive
from roundelay.federation.failover import DRIVER_LEASE_S, JOB_SCAN_INTERVAL_S, RETRY_MAX_S, JobSupervisor, Start
from roundelay.federation.job_lister import JobLister
from roundelay.federation.requests import ListJob
from roundelay.federation.spec import JobSpec, spec_from_bytes
from roundelay.store.items import Put, Read
from tests.federation.test_driver import IDS, RING, SPEC, Job, make_spec
from tests.federation.test_verification import LONG, WRONG, attack, workers
from tests.killed import Killed


def test_a_job_that_fails_unexpectedly_is_named_once_and_the_next_one_is_driven() -> None:
    job = Job([10])
    other = replace(SPEC, nonce="second")
    job.net.run(jobs.publish(job.net.entry, RING, other, next(job.versions)))
    [owner] = [member.node for member in job.net.members.values()]
    reported: list[str] = []
    quarantine = Quarantine(job.net.clock, lambda what, error: reported.append(f"{what}: {error!r}"))
    clocks = Clocks(job.net.clock, lambda: next(job.versions))
    supervisor = JobSupervisor(owner, clocks, lambda _: None, job.net.start, quarantine)

    def fail(node: NodeRef, request: Request[object]) -> None:
        if isinstance(request, Read) and request.digest == SPEC.job:
            raise RecursionError("too deep")

    def end(of: str) -> str:
        return job.net.run(jobs.read_end(job.net.entry, RING, of))

    job.net.before_answer = fail
    job.net.run(jobs.put_record(job.net.entry, RING, SPEC.job, records.CANCELLED, b"", next(job.versions)))
    for _ in range(3):
        job.net.run(supervisor._scan())
        job.net.now += DRIVER_LEASE_S

    assert end(other.job) == records.DONE
    assert len(reported) == 1
    assert reported[0].startswith(f"job {SPEC.job[:8]} is left alone")


def test_two_silent_jobs_are_driven_side_by_side_and_each_only_once() -> None:
    job = Job([10])
    other = replace(SPEC, nonce="second")
    job.net.run(jobs.publish(job.net.entry, RING, other, next(job.versions)))
    [owner] = [member.node for member in job.net.members.values()]
    drivers: list[Procedure[None]] = []
    clocks = Clocks(job.net.clock, lambda: next(job.versions))
    supervisor = JobSupervisor(owner, clocks, lambda _: None, lambda _, driver: drivers.append(driver))

    for _ in range(3):
        job.net.run(supervisor._scan())
        job.net.now += DRIVER_LEASE_S

    assert supervisor.driving == {SPEC.job, other.job}
    assert len(drivers) == 2
    for driver in reversed(drivers):
        job.net.run(driver)
    assert {job.net.run(jobs.read_end(job.net.entry, RING, of)) for of in (SPEC.job, other.job)} == {records.DONE}
    assert not supervisor.driving


@pytest.mark.parametrize("fails", ["the start", "the driver"])
def test_a_job_whose_driver_cannot_begin_is_not_counted_as_driven(fails: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job([10])
    [owner] = [member.node for member in job.net.members.values()]
    clocks = Clocks(job.net.clock, lambda: next(job.versions))
    quarantine = Quarantine(job.net.clock, lambda what, error: None)

    def fail(*_: object) -> NoReturn:
        raise MemoryError("no memory left")

    if fails == "the driver":
        monkeypatch.setattr("roundelay.federation.driver.Driver", fail)
    start: Start = job.net.start if fails == "the driver" else lambda *_: fail()
    supervisor = JobSupervisor(owner, clocks, lambda _: None, start, quarantine)

    for _ in range(2):
        job.net.run(supervisor._scan())
        job.net.now += DRIVER_LEASE_S

    assert not supervisor.driving


def test_a_job_that_cannot_be_driven_here_is_tried_ever_more_seldom_and_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = Job([10])
    [owner] = [member.node for member in job.net.members.values()]
    clocks = Clocks(job.net.clock, lambda: next(job.versions))
    lines, tried_at, reasons = list[str](), list[float](), ["no room: 1 of 2 MB"]
    supervisor = JobSupervisor(owner, clocks, lines.append, job.net.start)
    drive = Driver._drive

    def fail(driver: Driver) -> Procedure[None]:
        tried_at.append(job.net.now)
        if reasons:
            raise CannotDrive(reasons[-1])
        yield from drive(driver)

    def scan(seconds: float) -> None:
        until_s = job.net.now + seconds
        while job.net.now < until_s:
            job.net.run(supervisor._scan())
            job.net.now += JOB_SCAN_INTERVAL_S

    monkeypatch.setattr(Driver, "_drive", fail)
    scan(10 * RETRY_MAX_S)
    shown = f"job {SPEC.job[:8]}"
    assert lines == [f"driving {shown} from round 1 on", f"{shown}: no room: 1 of 2 MB; trying again"]
    pauses = [later - earlier for earlier, later in pairwise(tried_at)]
    assert pauses[0] < 2 * DRIVER_LEASE_S and pauses == sorted(pauses)
    assert RETRY_MAX_S <= pauses[-1] <= RETRY_MAX_S + 2 * JOB_SCAN_INTERVAL_S
    assert listed(job, owner, supervisor) == ("waiting", "no room: 1 of 2 MB")

    reasons.append("no room: 2 of 3 MB")
    scan(3 * RETRY_MAX_S)
    assert lines[2:] == [f"{shown}: no room: 2 of 3 MB; trying again"]

    reasons.clear()
    scan(2 * RETRY_MAX_S)
    assert lines[-1] == f"{shown} is done"
    assert listed(job, owner, supervisor) == ("done", "")


def test_a_listing_says_that_a_job_waits_for_its_validation_file() -> None:
    job = Job([10])
    [owner] = [member.node for member in job.net.members.values()]
    clocks, said = Clocks(job.net.clock, lambda: next(job.versions)), list[tuple[str, str]]()
    supervisor = JobSupervisor(owner, clocks, lambda line: None, job.net.start)
    name, digest = SPEC.validation_file.name, SPEC.validation_file.digest

    def lose(node: NodeRef, request: Request[object]) -> None:
        if isinstance(request, Read) and request.digest == digest and job.net.now < 600.0:
            raise NotFound("it is lost")

    def look() -> Procedure[None]:
        said.append(listed(job, owner, supervisor))
        yield from ()

    job.net.before_answer, job.net.beside = lose, look
    for _ in range(2):
        job.net.run(supervisor._scan())
        job.net.now += DRIVER_LEASE_S

    assert dict.fromkeys(said).keys() >= {("waiting", f"no live node has {name}, its validation file")}
    assert listed(job, owner, supervisor) == ("done", "")


def listed(job: Job, owner: ChordNode, supervisor: JobSupervisor) -> tuple[str, str]:
    """Return the job's state and the reason for it, as its owner lists it."""
    store = next(member.store for member in job.net.members.values() if member.node is owner)
    found = JobLister(RING, store, supervisor.why_waiting).answer(ListJob(job.spec.job))
    return found.state, found.reason


# --- a driver killed while another job replaces its own


def replaced_in_part() -> tuple[Job, JobSpec]:
    """Return a job whose driver was killed once it had published the successor, and that successor."""
    settings = replace(LONG, verify=0.3)
    for seed in range(9):
        job = Job(IDS, make_spec(replace(settings, seed=seed)))
        attack(job, workers()[0], WRONG, from_round=2)

        def kill_the_driver(node: NodeRef, request: Request[object]) -> None:
            if isinstance(request, Put) and any(is_replaced(parcel.item.entry.name) for parcel in request.parcels):
                raise Killed

        job.net.before_answer = kill_the_driver
        try:
            job.drive()
        except Killed:
            job.net.before_answer, job.net.beside = lambda node, request: None, None
            specs = [spec for spec in published(job) if spec.replaces]
            return job, specs[0]
    raise AssertionError("no liar was found too late")


def is_replaced(name: str) -> bool:
    return name.endswith(f".{records.REPLACED}")


def published(job: Job) -> list[JobSpec]:
    """Return the specs of all jobs on a ring."""
    stores = [member.store for member in job.net.members.values()]
    items = {item.entry: store for store in stores for item in store.list_specs()}
    return [spec_from_bytes(store.whole(entry.digest, entry.size_bytes)) for entry, store in items.items()]


def supervisors(job: Job, start: Start) -> list[JobSupervisor]:
    clocks = Clocks(job.net.clock, lambda: next(job.versions))
    return [JobSupervisor(member.node, clocks, lambda _: None, start) for member in job.net.members.values()]


def scan(job: Job, watching: list[JobSupervisor]) -> None:
    for supervisor in watching:
        job.net.run(supervisor._scan())


def test_a_driver_killed_between_a_successor_and_the_end_of_its_job_leaves_one_job() -> None:
    job, successor = replaced_in_part()
    assert not job.look().end
    started: list[str] = []
    watching = supervisors(job, lambda name, _: started.append(name))

    scan(job, watching)
    job.net.now += DRIVER_LEASE_S
    scan(job, watching)

    assert (job.look().end, job.look().successor) == (records.REPLACED, successor.job)
    assert started == [f"driver {successor.job[:8]}"]


def test_a_successor_that_another_one_has_forestalled_is_not_driven() -> None:
    job, late = replaced_in_part()
    other = replace(late, inherited=late.inherited + 1)
    job.net.run(jobs.publish_successor(job.net.entry, RING, other, next(job.versions)))
    end = jobs.put_record(job.net.entry, RING, job.spec.job, records.REPLACED, other.job.encode(), next(job.versions))
    job.net.run(end)
    started: list[str] = []
    watching = supervisors(job, lambda name, _: started.append(name))

    for _ in range(3):
        scan(job, watching)
        job.net.now += DRIVER_LEASE_S

    assert job.net.run(jobs.read_end(job.net.entry, RING, late.job)) == records.FAILED
    assert started == [f"driver {other.job[:8]}"]


def nothing() -> Procedure[None]:
    return
    yield  # makes this a procedure


def test_a_job_waits_only_while_as_many_as_may_share_the_ring_run_before_it() -> None:
    job, waited = Job([10]), list[int]()
    for number in range(jobs.RUNNING_MAX):
        job.net.run(jobs.publish(job.net.entry, RING, replace(SPEC, nonce=str(number)), next(job.versions)))
    last = replace(SPEC, nonce=str(jobs.RUNNING_MAX - 1)).job

    def end_one(ahead: list[str]) -> None:
        waited.append(len(ahead))
        done = jobs.put_record(job.net.entry, RING, ahead[0], records.CANCELLED, b"", next(job.versions))
        job.net.run(done)

    job.net.run(jobs.await_turn(job.net.entry, RING, last, tuple, end_one, nothing))

    assert waited == [jobs.RUNNING_MAX]
