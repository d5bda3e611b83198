"""Successors on a ring: the signature of the job that was submitted stands for those that follow, and for no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from roundelay.chord.errors import NotAllowed
from roundelay.dashboard.poll import look_at_jobs
from roundelay.federation import jobs, records
from roundelay.federation.errors import BadRecord, NoSuchJob
from roundelay.federation.listed_job import MALFORMED
from roundelay.federation.listing import list_latest
from roundelay.federation.origin import origin_of, spec_of, with_signature_of
from roundelay.federation.requests import Order
from roundelay.federation.round_tasks import moments_task
from roundelay.federation.site_gate import SiteGate
from roundelay.federation.site_policy import SitePolicy, SitePolicyInForce
from roundelay.federation.snapshot import read_snapshot
from roundelay.federation.spec import JobSpec, Liar, spec_from_bytes
from roundelay.federation.successor import successor_of
from roundelay.store.items import Item
from roundelay.store.write_path import put_records, record
from tests.federation.inline_ring import InlineRing
from tests.federation.secured_ring import ALICE, SecuredRing
from tests.federation.test_driver import IDS, RING, SETTINGS, make_spec

FIRST = make_spec(replace(SETTINGS, verify=0.5))
SECOND = successor_of(FIRST, 1, [Liar("liar:1", 2)])
THIRD = successor_of(SECOND, 2, [*SECOND.excluded, Liar("other:1", 3)])
FORGED = replace(SECOND, settings=replace(SECOND.settings, rounds=99, seed=7))


def spec_item(net: InlineRing, spec: JobSpec) -> Item:
    found = net.run(jobs.find_records(net.entry, RING, spec.job))
    return next(item for item in found if item.entry.digest == spec.job)


# --- readers


@pytest.fixture
def lying() -> InlineRing:
    """Return a ring whose nodes store a forged spec with the signature of another job."""
    net = InlineRing(IDS[:4], RING)
    written = jobs.job_record(RING, FORGED.job, "spec", FORGED.to_bytes(), 1)
    first = replace(jobs.job_record(RING, FIRST.job, "spec", FIRST.to_bytes(), 1).item, signature=b"of a submitter")
    net.run(put_records(net.entry, RING, (replace(written, item=with_signature_of(first, written.item)),)))
    net.run(put_records(net.entry, RING, (record(RING.key("jobs"), FORGED.job, b"listed", 1),)))
    return net


def test_who_reads_a_job_refuses_a_forged_spec_with_the_signature_of_another(lying: InlineRing) -> None:
    assert spec_of(spec_item(lying, FORGED), SECOND.to_bytes()) == SECOND

    with pytest.raises(BadRecord, match=f"job {FORGED.job[:8]} does not follow from job {FIRST.job[:8]}"):
        lying.run(read_snapshot(lying.entry, RING, FORGED.job))


def test_a_listing_says_that_a_forged_spec_does_not_follow(lying: InlineRing) -> None:
    [listed] = lying.run(list_latest(tuple(lying.members), RING, 10))

    assert listed.state == MALFORMED and "does not follow from" in listed.reason


def test_a_site_trains_nothing_for_a_forged_spec(lying: InlineRing) -> None:
    member = lying.members[lying.entry]
    gate = SiteGate(SitePolicyInForce(SitePolicy(), lying.clock), set(), None, lambda: 1)
    order = Order(FORGED.job, 0, (), moments_task(FORGED), "", 0, False)

    with pytest.raises(BadRecord, match="does not follow from"):
        lying.run(gate.admit(member.node, order))


def test_no_job_on_private_data_is_replaced_because_none_is_verified() -> None:
    private = replace(SECOND, settings=SETTINGS, pinned="wards", homes=("here:1",) * len(SECOND.files))

    with pytest.raises(BadRecord, match="only a job whose results are verified is replaced"):
        spec_from_bytes(private.to_bytes())


# --- a successor of a successor


@pytest.fixture
def ring() -> SecuredRing:
    """Return a secured ring with a job of alice's that a node has replaced."""
    net = SecuredRing(IDS[:4], RING)
    net.run(jobs.publish(net.entry, RING, FIRST, next(net.versions)))
    net.sender = net.entry.address
    net.run(jobs.publish_successor(net.entry, RING, SECOND, next(net.versions)))
    return net


def forget(net: InlineRing, spec: JobSpec) -> None:
    """End the leases of a job's records."""
    for member in net.members.values():
        member.store.release(member.store.find(RING.key(spec.job)))


def test_a_successor_of_a_successor_is_published_after_the_leases_of_the_first_job_have_ended(
    ring: SecuredRing,
) -> None:
    forget(ring, FIRST)

    ring.run(jobs.publish_successor(ring.entry, RING, THIRD, next(ring.versions)))

    assert origin_of(spec_item(ring, THIRD)) == FIRST.job
    assert ring.run(read_snapshot(ring.entry, RING, THIRD.job)).spec == THIRD
    ring.sender = ALICE
    ring.run(jobs.put_record(ring.entry, RING, THIRD.job, "cancelled", b"enough", next(ring.versions)))
    assert ring.run(jobs.read_end(ring.entry, RING, THIRD.job)) == "cancelled"


def test_a_job_that_is_replaced_leads_to_its_successors_which_nobody_else_can_list(ring: SecuredRing) -> None:
    ring.run(jobs.publish_successor(ring.entry, RING, THIRD, next(ring.versions)))
    ring.sender = ALICE
    for first, successor in ((FIRST, SECOND), (SECOND, THIRD)):
        ring.run(jobs.put_record(ring.entry, RING, first.job, "replaced", successor.job.encode(), next(ring.versions)))

    members = tuple(ring.members)
    listed = ring.run(list_latest(members, RING, 1))

    assert [each.job for each in listed] == [FIRST.job, SECOND.job, THIRD.job]
    assert [each.state for each in listed] == ["replaced", "replaced", "waiting"]
    assert [each.job for each in ring.run(look_at_jobs(ring.entry, RING, ()))] == [each.job for each in listed]
    assert ring.run(jobs.list_jobs(ring.entry, RING)) == [FIRST.job]
    assert ring.run(jobs.jobs_ahead(ring.entry, RING, "")) == [FIRST.job], "a job waits for the last of them"
    ring.run(jobs.put_record(ring.entry, RING, THIRD.job, "cancelled", b"enough", next(ring.versions)))
    assert ring.run(jobs.jobs_ahead(ring.entry, RING, "")) == []
    ring.sender = ring.entry.address
    with pytest.raises(NotAllowed, match="a submitter lists its job"):
        line = record(RING.key("jobs"), THIRD.job, b"listed", next(ring.versions))
        ring.run(put_records(ring.entry, RING, (line,)))


def test_jobs_that_replace_one_another_in_a_circle_are_listed_once() -> None:
    net = InlineRing(IDS[:4], RING)
    for number, (one, other) in enumerate(((FIRST, SECOND), (SECOND, FIRST))):
        net.run(jobs.publish(net.entry, RING, one, number))
        net.run(jobs.put_record(net.entry, RING, one.job, "replaced", other.job.encode(), number))

    assert [each.job for each in net.run(list_latest(tuple(net.members), RING, 9))] == [FIRST.job, SECOND.job]
    assert [each.job for each in net.run(look_at_jobs(net.entry, RING, ()))] == [FIRST.job, SECOND.job]
    assert net.run(jobs.jobs_ahead(net.entry, RING, "")) == []


def test_the_lease_of_a_record_is_renewed_though_the_node_that_wrote_it_has_left_the_ring(ring: SecuredRing) -> None:
    key, name = RING.key(SECOND.job), records.report_name(SECOND.job, 1)
    for what in ("report-1", "report-2"):
        ring.run(jobs.put_record(ring.entry, RING, SECOND.job, what, what.encode(), next(ring.versions)))
    holders = [each for ref, each in ring.members.items() if each.store.find(key, (name,)) and ref != ring.entry]
    other = holders[0]
    other.node.set_successors(other.node.ref, ())
    other.node.predecessor = other.node.ref
    [report] = other.store.find(key, (name,))

    assert other.store.put(replace(report, lease_s=2 * report.lease_s)).stored

    assert other.store.find(key, (name,))[0].lease_s == 2 * report.lease_s
    other.store.release([report])
    with pytest.raises(NotAllowed, match="its driver writes it"):
        other.store.put(report)


def test_a_job_that_is_not_stored_any_more_cannot_be_replaced(ring: SecuredRing) -> None:
    forget(ring, SECOND)

    with pytest.raises(NoSuchJob, match=f"no job {SECOND.job} on this ring, so that job {THIRD.job} cannot replace it"):
        ring.run(jobs.publish_successor(ring.entry, RING, THIRD, next(ring.versions)))
