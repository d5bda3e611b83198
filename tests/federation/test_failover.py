"""Tests of the supervisor of jobs: a job that fails unexpectedly is left alone, and delays no other."""

from __future__ import annotations

from dataclasses import replace

from roundelay.chord.effects import Request
from roundelay.chord.quarantine import Quarantine
from roundelay.chord.refs import NodeRef
from roundelay.federation import jobs, records
from roundelay.federation.effects import Clocks
from roundelay.federation.failover import DRIVER_LEASE_S, JobSupervisor
from roundelay.store.items import Read
from tests.federation.test_driver import RING, SPEC, Job


def test_a_job_that_fails_unexpectedly_is_named_once_and_the_next_one_is_driven() -> None:
    job = Job([10])
    other = replace(SPEC, nonce="second")
    job.net.run(jobs.publish(job.net.entry, RING, other, next(job.versions)))
    [owner] = [member.node for member in job.net.members.values()]
    reported: list[str] = []
    quarantine = Quarantine(job.net.clock, lambda what, error: reported.append(f"{what}: {error!r}"))
    supervisor = JobSupervisor(owner, Clocks(job.net.clock, lambda: next(job.versions)), lambda _: None, quarantine)

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
