"""A job that runs for weeks stays stored and listed; an item that a node refuses does not stop the others' renewal."""

from __future__ import annotations

import pytest

from roundelay.chord.effects import Procedure, ask_all
from roundelay.chord.errors import NotAllowed, StoreFull
from roundelay.federation import jobs, records
from roundelay.federation.driver import Driver
from roundelay.federation.effects import Clocks
from roundelay.federation.failover import JobSupervisor
from roundelay.federation.lease_renewal import renew_leases
from roundelay.federation.roster import Roster
from roundelay.federation.spec import JobSpec
from roundelay.store.items import Find, Item, Put
from tests.federation.inline_ring import InlineRing
from tests.federation.secured_ring import SecuredRing
from tests.federation.test_driver import EXPECTED, IDS, RING, Job
from tests.federation.test_origin import FIRST, SECOND, THIRD

HOUR_S, DAY_S = 3600.0, 24 * 3600.0


@pytest.fixture(params=[InlineRing, SecuredRing])
def net(request: pytest.FixtureRequest) -> InlineRing:
    """Return a ring whose leases run out in the ring's time."""
    net: InlineRing = request.param(IDS[:4], RING)
    for member in net.members.values():
        member.store._clock = member.store._index._clock = net.clock
    return net


def renew(net: InlineRing, spec: JobSpec, version: int) -> None:
    roster = Roster(RING, net.entry)
    roster.update_members(tuple(net.members))
    net.run(renew_leases(roster, spec, version))


def live_for(net: InlineRing, spec: JobSpec, days: int) -> None:
    """Let time pass while a job is driven."""
    for day in range(days):
        net.now += DAY_S
        renew(net, spec, 1000 + day)


def test_a_job_that_runs_for_a_month_stays_listed_in_its_place(net: InlineRing) -> None:
    net.run(jobs.publish(net.entry, RING, FIRST, 1))
    net.run(jobs.publish(net.entry, RING, SECOND, 2))

    live_for(net, FIRST, 30)

    assert net.run(jobs.list_jobs(net.entry, RING)) == [FIRST.job], "the other one is not driven"
    assert net.run(jobs.jobs_ahead(net.entry, RING, "")) == [FIRST.job]
    net.run(jobs.publish(net.entry, RING, SECOND, 500))
    renew(net, FIRST, 1000)
    assert net.run(jobs.list_jobs(net.entry, RING)) == [FIRST.job, SECOND.job], "in the order of their publication"


def test_a_job_that_replaces_others_stays_listed_by_the_line_of_the_first(net: InlineRing) -> None:
    net.run(jobs.publish(net.entry, RING, FIRST, 1))
    for replaced, successor in ((FIRST, SECOND), (SECOND, THIRD)):
        net.run(jobs.publish_successor(net.entry, RING, successor, 2))
        net.run(jobs.put_record(net.entry, RING, replaced.job, records.REPLACED, successor.job.encode(), 3))

    live_for(net, THIRD, 30)

    assert net.run(jobs.jobs_ahead(net.entry, RING, "")) == [FIRST.job]
    assert net.run(jobs.follow(net.entry, RING, FIRST.job)) == (FIRST.job, SECOND.job, THIRD.job)


class Refusing:
    """Rules by which a node refuses some records."""

    def __init__(self, refused: set[str], error: type[Exception]) -> None:
        self.refused, self.error = refused, error

    def check(self, item: Item, named: object, caller: int | None) -> None:
        if item.entry.name in self.refused:
            raise self.error("it is not allowed here")

    def check_content(self, item: Item, content: object) -> None:
        return


@pytest.mark.parametrize("error", [NotAllowed, StoreFull])
def test_items_that_a_node_refuses_leave_no_other_of_their_page_without_a_lease(error: type[Exception]) -> None:
    net = InlineRing(IDS[:1], RING)
    [member] = net.members.values()
    member.store._clock = member.store._index._clock = net.clock
    net.run(jobs.publish(net.entry, RING, FIRST, 1))
    names = [f"{FIRST.job}.report-{number}" for number in range(40)]
    for name in names:
        net.run(jobs.put_record(net.entry, RING, FIRST.job, name.partition(".")[2], name.encode(), 2))
    member.store.guard = Refusing({names[0], names[17], names[39]}, error)
    asked = list[int]()
    net.before_answer = lambda _, request: asked.extend([len(request.parcels)] if isinstance(request, Put) else [])

    net.now += 6 * DAY_S
    renew(net, FIRST, 1000)
    net.now += 6 * DAY_S

    [answer] = net.run(ask_all([(net.entry, Find(RING.key(FIRST.job)))]))
    assert isinstance(answer, tuple)
    left = {item.entry.name for item in answer}
    assert left == {f"{FIRST.job}.spec", *names} - member.store.guard.refused
    assert len(asked) < len(names), "the messages are halved"


# --- jobs that wait for their turn


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Job:
    """Return a job that waits until another one has ended, after three hours."""
    monkeypatch.setattr(jobs, "RUNNING_MAX", 1)
    monkeypatch.setattr(jobs, "TURN_INTERVAL_S", 60.0)
    job = Job(IDS[:4])
    for member in job.net.members.values():
        member.store._clock = member.store._index._clock = job.net.clock
    job.net.run(jobs.publish(job.net.entry, RING, FIRST, 0))
    return job


def live_on(job: Job) -> Procedure[None]:
    """Drop what has no lease any more, and end the first job when its time has come."""
    for member in job.net.members.values():
        member.store.collect_garbage(0)
    if job.net.now >= 3 * HOUR_S:
        yield from jobs.put_record(job.net.entry, RING, FIRST.job, records.DONE, b"", next(job.versions))


def test_a_job_that_waits_for_its_turn_for_hours_keeps_its_files(waiting: Job) -> None:
    waiting.net.beside = lambda: live_on(waiting)
    clocks = Clocks(waiting.net.clock, lambda: next(waiting.versions))
    driver = Driver(waiting.spec, RING, waiting.net.entry, "a test", clocks, lambda *_: None, on_wait=lambda _: None)

    waiting.net.run(driver.drive())

    assert driver.weights == EXPECTED
    assert waiting.net.now >= 3 * HOUR_S


def test_a_job_that_nobody_drives_yet_keeps_its_files_while_it_waits(waiting: Job) -> None:
    owner = next(member.node for member in waiting.net.members.values() if member.node.owns(RING.key(waiting.spec.job)))
    clocks = Clocks(waiting.net.clock, lambda: next(waiting.versions))
    supervisor = JobSupervisor(owner, clocks, lambda _: None, waiting.net.start)

    while waiting.net.now < 4 * HOUR_S:
        supervisor.heartbeat(FIRST.job)  # it has a driver
        waiting.net.run(supervisor._scan())
        waiting.net.run(live_on(waiting))
        waiting.net.now += 60.0

    assert waiting.net.run(jobs.read_end(waiting.net.entry, RING, waiting.spec.job)) == records.DONE
