"""A job's records lie under several keys, each of some rounds: whatever is killed, all readers find all of them."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bench.messages import simulate
from roundelay.chord.effects import Gather, Request, ask, ask_all
from roundelay.chord.errors import NotAllowed
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import audit, job_keys, jobs, records
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import BadSpec
from roundelay.federation.failover import JobSupervisor
from roundelay.federation.job_keys import (
    KEYS_AT_ONCE,
    KEYS_MAX,
    KINDS,
    ROUNDS_PER_KEY,
    find_all,
    is_key_of,
    key_of,
    keys_of,
    round_in,
)
from roundelay.federation.job_log import JobLog
from roundelay.federation.lease_renewal import renew_leases
from roundelay.federation.listing import list_latest
from roundelay.federation.proof import check_proof
from roundelay.federation.proof_export import collect_parts
from roundelay.federation.record_rules import JOB_RECORD
from roundelay.federation.roster import Roster
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import read_snapshot, salvage_snapshot
from roundelay.federation.upload import store_and_publish
from roundelay.store.blobs import digest_of
from roundelay.store.items import Find, Put
from roundelay.store.read_path import find
from roundelay.store.store import ITEM_BYTES, KEY_BYTES_MAX
from roundelay.store.write_path import put_records, record
from tests.federation.inline_ring import InlineRing
from tests.federation.secured_ring import ALICE, MALLORY, SecuredRing
from tests.federation.test_driver import CONTENTS, IDS, RING, SETTINGS, Job, make_spec, reference
from tests.killed import Killed

FEW = 3  # rounds under a key
SMALL = {name: CONTENTS[name] for name in ("file-0", "file-1", "file-2")}
SPEC = make_spec(replace(SETTINGS, rounds=8, epochs=1), SMALL)  # with round 0, three keys full of rounds
EXPECTED = reference(SPEC, SMALL)
BY_DIGEST = {digest_of(content): content for content in CONTENTS.values()}
NAME_BYTES = 80  # of a record of a round
SIGNED_BYTES = 640  # of its signature with a certificate; those for one to four hosts have 460 to 560
OTHER_ITEMS = 32  # under a key, beside those of its rounds


@pytest.fixture
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_keys, "ROUNDS_PER_KEY", FEW)


def test_the_keys_of_a_job_follow_one_another_and_records_of_no_round_lie_under_the_first() -> None:
    job, first = SPEC.job, RING.key(SPEC.job)
    last = ROUNDS_PER_KEY - 1

    for kind in KINDS:
        assert [key_of(RING, job, f"{kind}-{number}") for number in (0, last, last + 1)] == [first, first, first + 1]
    assert {key_of(RING, job, what) for what in (*records.ENDS, records.SPEC, "personal-999", "result-x")} == {first}
    assert keys_of(RING, job, last) == (first,) and keys_of(RING, job, last + 1) == (first, first + 1)
    assert all(JOB_RECORD.fullmatch(f"{job}.{what}") for what in (*records.OF_THE_JOB, *(f"{k}-1" for k in KINDS)))


def test_the_longest_job_that_settings_allow_has_no_more_keys_than_may_be_its() -> None:
    most = next(each.metadata["most"] for each in dataclasses.fields(Settings) if each.name == "rounds")
    keys = keys_of(RING, SPEC.job, most)

    assert len(keys) == KEYS_MAX
    assert [is_key_of(RING, SPEC.job, key) for key in (keys[0], keys[-1], keys[-1] + 1)] == [True, True, False]


def test_a_key_has_room_for_the_records_of_its_rounds_in_a_secured_ring() -> None:
    """Otherwise the job would wait for ever in a round whose records no node stores."""
    rounds = 6
    job = Job(IDS[:3], make_spec(replace(SETTINGS, rounds=rounds, rule="fedadam")))
    job.drive()

    answers = job.net.run(ask_all([(node, Find(RING.key(job.spec.job))) for node in job.net.members]))
    items = max((answer for answer in answers if isinstance(answer, tuple)), key=len)
    assert any(item.deleted for item in items)
    assert max(len(item.entry.name) for item in items) <= NAME_BYTES
    of_a_round = len(items) // rounds + 1  # masked vectors, too, are deleted
    most = ROUNDS_PER_KEY * of_a_round + OTHER_ITEMS
    assert most * (ITEM_BYTES + NAME_BYTES + SIGNED_BYTES) <= KEY_BYTES_MAX


def between_keys() -> list[tuple[int, ...]]:
    """Return identifiers of rings: nodes anywhere, and nodes that lie between the keys of the job."""
    first = RING.key(SPEC.job)
    few = IDS[:4]
    return [few[:1], few, (*few, first), (*few, first, first + 1, first + 2), (first, first + 1)]


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize("ids", between_keys())
def test_a_job_with_several_keys_has_the_same_model_and_everybody_reads_all_of_it(ids: tuple[int, ...]) -> None:
    job = Job(ids, SPEC, SMALL)

    assert job.drive() == EXPECTED

    entry, view = job.net.entry, job.net.run(salvage_snapshot(job.net.entry, RING, SPEC.job))
    assert [result.round for result in view.results] == sorted(view.reports) == list(range(9))
    findings = job.net.run(audit.verify_chain(entry, RING, view))
    assert all(finding.holds for finding in findings)
    assert Counter(f.what for f in findings if f.what in ("spec", "result-8", "receipts-8")).total() == 3
    assert check_proof(job.net.run(collect_parts(entry, RING, SPEC.job))).results.keys() == set(range(9))
    [listed] = job.net.run(list_latest(tuple(job.net.members), RING, 10))
    assert (listed.state, listed.round, listed.result) == (records.DONE, 8, view.results[-1].digest)
    kept = [number for number in range(9) if weights_of(job, number)]
    assert kept == [7, 8], "old weights are deleted also under earlier keys"


def weights_of(job: Job, number: int) -> tuple[object, ...]:
    name = records.weights_name(SPEC.job, number)
    items = job.net.run(jobs.find_records(job.net.entry, RING, SPEC.job, name))
    return tuple(item for item in items if item.entry.name == name)


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize("count", [10, 30, 50])
def test_a_node_that_is_killed_at_any_put_changes_nothing(count: int) -> None:
    job = Job((*IDS[:4], RING.key(SPEC.job) + 1), SPEC, SMALL)
    job.net.kill_at(Put)
    kill, puts = job.net.before_answer, itertools.count(1)
    job.net.before_answer = lambda node, request: kill(node, request) if next_put(request, puts) >= count else None

    assert job.drive() == EXPECTED
    assert job.net.dead


def next_put(request: Request[Any], puts: Iterator[int]) -> int:
    return next(puts) if isinstance(request, Put) else 0


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize("stored", [1, 4, 6])
def test_a_driver_that_takes_over_finds_the_end_of_the_chain_in_a_few_lookups(stored: int) -> None:
    job = Job(IDS[:4], SPEC, SMALL)
    driver = job.driver()
    cut_off(job, stored)
    with pytest.raises(Killed):
        job.net.run(driver.drive())
    finds: list[int] = []
    job.net.before_answer = lambda node, request: finds.append(request.key) if isinstance(request, Find) else None

    view = job.net.run(read_snapshot(job.net.entry, RING, SPEC.job))

    assert len(view.results) in (stored, stored + 1)
    assert len(set(finds)) == len(finds) // job_readers() <= 1 + len(view.results) // FEW
    job.net.before_answer = lambda node, request: None
    assert job.drive() == EXPECTED


def job_readers() -> int:
    return RING.replicas + 1


def cut_off(job: Job, stored: int) -> None:
    """Have the driver be killed once this many rounds are stored."""

    def before_answer(node: NodeRef, request: Request[Any]) -> None:
        if len(job.rounds) == stored:
            raise Killed

    job.net.before_answer = before_answer


@pytest.mark.usefixtures("few_rounds")
def test_who_follows_a_job_reads_only_its_first_key_and_the_last_ones_again() -> None:
    job = Job(IDS[:4], SPEC, SMALL)
    job.drive()
    view = job.net.run(read_snapshot(job.net.entry, RING, SPEC.job, with_reports=True))
    asked: dict[int, tuple[str, ...]] = {}

    def note(node: NodeRef, request: Request[Any]) -> None:
        if isinstance(request, Find):
            asked[request.key] = request.names

    job.net.before_answer = note
    known = replace(view, results=view.results[:7], reports={n: r for n, r in view.reports.items() if n < 7}, end="")

    assert job.net.run(read_snapshot(job.net.entry, RING, SPEC.job, known, with_reports=True)) == view

    first, *later = keys_of(RING, SPEC.job, 8)
    assert asked.keys() == {first, *later[-2:]}
    assert not any(map(round_in, (name.removeprefix(f"{SPEC.job}.") for name in asked[first]))) and asked[first]


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize("number", [FEW - 1, FEW])
def test_a_driver_that_knows_too_few_nodes_looks_up_the_others_before_it_stores_a_round(number: int) -> None:
    """Its question about a round and the one before may go to the nodes of two keys."""
    spec = replace(SPEC, settings=replace(SPEC.settings, topology="gossip"))
    job = Job(IDS[:3], spec, SMALL)
    known, hidden = list(job.net.members)[:2], list(job.net.members)[2]
    roster = Roster(RING, job.net.entry)
    roster.update_members(tuple(known))
    content = records.RoundResult(spec.job, number, "00" * 32, "aa" * 32, 4).to_bytes()
    written = jobs.job_record(RING, spec.job, f"result-{number}", content, 1)
    job.net.run(ask(hidden, Put((written.parcel(is_along=True),))))

    found = job.net.run(JobLog(spec, roster, lambda: next(job.versions))._find_results(number))

    assert [item.entry for item in found] == [written.item.entry]


@pytest.mark.usefixtures("few_rounds")
def test_leases_are_renewed_under_every_key_and_a_copy_of_the_spec_is_taken_for_no_job() -> None:
    job = Job(IDS[:4], SPEC, SMALL)
    job.drive()
    asked: list[tuple[type[Request[Any]], int]] = []

    def note(node: NodeRef, request: Request[Any]) -> None:
        if isinstance(request, Find):
            asked.append((Find, request.key))
        if isinstance(request, Put):
            asked.extend((Put, p.item.entry.key) for p in request.parcels if p.item.entry.name.startswith(SPEC.job))

    job.net.before_answer = note
    roster = Roster(RING, job.net.entry)
    roster.update_members(tuple(job.net.members))
    job.net.run(renew_leases(roster, SPEC, next(job.versions)))
    keys = (*keys_of(RING, SPEC.job, 8), RING.key(records.DIRECTORY))
    assert list(dict.fromkeys(asked)) == [(kind, key) for key in keys for kind in (Find, Put)], "key by key"

    between = Job((RING.key(SPEC.job), RING.key(SPEC.job) + 1), SPEC, SMALL)
    clocks, started = Clocks(between.net.clock, lambda: next(between.versions)), list[str]()
    for member in between.net.members.values():
        supervisor = JobSupervisor(member.node, clocks, lambda _: None, lambda name, _: started.append(name))
        between.net.now += 100.0
        between.net.run(supervisor._scan())
        between.net.now += 100.0
        between.net.run(supervisor._scan())
    assert len(started) == 1, "the owner of the first key drives the job"


def test_a_listing_shows_the_last_round_that_the_nodes_of_the_first_key_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a ring of few bits, nodes may lie between a job's keys. All other readers look every key up."""
    monkeypatch.setattr(job_keys, "ROUNDS_PER_KEY", 2)
    first = RING.key(SPEC.job)
    job = Job((*IDS[:4], first, first + 1, first + 2, first + 3, first + 4), SPEC, SMALL)
    job.drive()

    [listed] = job.net.run(list_latest(tuple(job.net.members), RING, 1))

    assert len(job.net.run(read_snapshot(job.net.entry, RING, SPEC.job)).results) == 9
    assert (listed.state, listed.round) == (records.DONE, 5), "the third node has the first three keys"


@pytest.mark.usefixtures("few_rounds")
def test_few_keys_of_a_job_are_read_or_renewed_at_once() -> None:
    job, together = Job(IDS[:4], SPEC, SMALL), list[Gather]()
    job.drive()
    perform = job.net._perform

    def note(effect: Any) -> Any:
        together.extend([effect] if type(effect) is Gather else [])
        return perform(effect)

    job.net._perform = note  # type: ignore[method-assign]
    roster = Roster(RING, job.net.entry)
    roster.update_members(tuple(job.net.members))

    job.net.run(find_all(job.net.entry, RING, SPEC))
    job.net.run(renew_leases(roster, SPEC, next(job.versions)))

    assert [each.limit for each in together] == [KEYS_AT_ONCE, KEYS_AT_ONCE]


@pytest.mark.usefixtures("few_rounds")
def test_no_other_submitter_takes_a_key_of_a_job_that_is_being_published() -> None:
    net, tried = SecuredRing(IDS[:4], RING), list[int]()
    name = f"{SPEC.job}.spec"
    keys = keys_of(RING, SPEC.job, 8)

    def intrude(node: NodeRef, request: Request[Any]) -> None:
        """Put the spec under all keys as soon as the copy under the last one is stored."""
        written = [parcel.item.entry for parcel in request.parcels] if isinstance(request, Put) else []
        if not tried and any(entry.key in keys[:-1] for entry in written):
            net.sender = MALLORY
            for key in keys:
                tried.append(key)
                with pytest.raises(NotAllowed, match="another submitter has published it"):
                    net.run(put_records(net.entry, RING, (record(key, name, SPEC.to_bytes(), 99),)))
            net.sender = ALICE

    net.before_answer = intrude
    net.run(jobs.publish(net.entry, RING, SPEC, 1))

    assert tried == list(keys)
    for key in keys:
        [found] = net.run(find(net.entry, RING, key))[0]
        assert found.signature.startswith(str(ALICE).encode())


def test_a_job_with_more_keys_than_its_ring_has_is_refused_before_anything_is_stored() -> None:
    small, long = Ring(bits=3, successors=4), replace(SPEC, settings=replace(SPEC.settings, rounds=8 * ROUNDS_PER_KEY))
    net, stored = InlineRing((1, 4, 6), small), list[str]()

    with pytest.raises(
        BadSpec, match="the records of 2048 rounds have 9 keys, and a ring of 3 bits has 8: ask for at most 2047 rounds"
    ):
        net.run(store_and_publish(net.entry, small, long, BY_DIGEST, 1, lambda file: stored.append(file.name)))

    assert not stored
    most = replace(long, settings=replace(long.settings, rounds=8 * ROUNDS_PER_KEY - 1))
    net.run(store_and_publish(net.entry, small, most, BY_DIGEST, 1))


@pytest.mark.usefixtures("few_rounds")
def test_a_round_takes_three_round_trips_whichever_key_its_records_have() -> None:
    found = simulate()

    assert found.a_round == 3
    assert not {"NextHop", "Read", "Write"} & found.kinds.keys()
