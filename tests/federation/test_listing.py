"""A listing of jobs shows what whole snapshots would, in three round trips."""

from __future__ import annotations

import itertools
import time
from dataclasses import fields, replace
from typing import Any

import pytest
from thrift.TSerialization import serialize

from roundelay.chord.effects import Ask, AskAll, Gather, Procedure, run
from roundelay.chord.errors import ChordError, NodeUnreachable, NotFound, NotYet
from roundelay.chord.refs import Address
from roundelay.chord.requests import GetMembers, Hello, Members, SayHello
from roundelay.client.connection import find_ring
from roundelay.client.ring import JOBS_MAX
from roundelay.federation import job_keys, job_lister, jobs, records
from roundelay.federation.driver import Driver
from roundelay.federation.effects import Clocks
from roundelay.federation.job_lister import JobLister
from roundelay.federation.listed_job import DIVERGED, SITES_MAX, TWO_RESULTS, UNREADABLE, ListedJob
from roundelay.federation.listing import _agreed, list_latest
from roundelay.federation.records import RoundResult
from roundelay.federation.requests import ListJob
from roundelay.federation.setting_texts import LISTED_CHARACTERS_MAX, LISTED_MAX, chosen_texts, differing, listed_texts
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.rpc.listing_codec import listed_job_to_wire
from roundelay.store.items import Item
from roundelay.store.store import Store
from roundelay.store.write_path import put, record
from tests.federation.inline_ring import InlineRing
from tests.federation.test_snapshot import RING, ROUNDS, SPEC, net
from tests.rpc.codecs import BINARY

__all__ = ["net"]  # a fixture
ROUND_TRIPS = 3  # with the one that names the members
FIRST_PACKETS_BYTES = 10 * 1400  # RFC 6928
SUPERNODE = Address("supernode", 9091)


class CountingNetwork:
    """Answers as the ring and its supernode do, and counts the round trips that wait for one another."""

    def __init__(self, net: InlineRing) -> None:
        self.round_trips = 0
        self._net = net

    def run(self, procedure: Procedure[Any]) -> Any:
        return run(procedure, self._perform)

    def _perform(self, effect: Any) -> Any:
        match effect:
            case Ask() | AskAll():
                self.round_trips += 1
                return self._answer(effect) if isinstance(effect, Ask) else [self._value(each) for each in effect.asks]
            case Gather():
                branches = [CountingNetwork(self._net) for _ in effect.procedures]
                outcomes = [b._outcome(p) for b, p in zip(branches, effect.procedures, strict=True)]
                self.round_trips += max((b.round_trips for b in branches), default=0)
                return outcomes
        return self._net._perform(effect)

    def _outcome(self, procedure: Procedure[Any]) -> Any:
        try:
            return self.run(procedure)
        except Exception as error:
            return error

    def _answer(self, effect: Ask) -> Any:
        if effect.to == SUPERNODE and isinstance(effect.request, GetMembers):
            return Members(RING, tuple(sorted(self._net.members, key=lambda node: node.id)))
        if isinstance(effect.request, SayHello):
            node = next(node for node in self._net.members if node.address == effect.to)
            return Hello(node, RING, joined=True)
        if isinstance(effect.to, Address):
            raise NodeUnreachable("nobody listens there")
        return self._net._perform(effect)

    def _value(self, effect: Ask) -> Any:
        try:
            return self._answer(effect)
        except ChordError as error:
            return error


def listing(supernode: Address | None, listed: tuple[Address, ...] = (), count: int = 10) -> Procedure[list[ListedJob]]:
    """As `client.py jobs` does it."""
    known = yield from find_ring(supernode, listed)
    return (yield from list_latest(known.members, known.ring, count))


def drive(net: InlineRing, spec: JobSpec) -> None:
    versions = itertools.count(100)
    clocks = Clocks(net.clock, lambda: next(versions))
    net.run(Driver(spec, RING, net.entry, "a test", clocks, lambda *_: None).drive())


def as_listed(view: JobSnapshot) -> ListedJob:
    """What a listing should show of a job that has a result."""
    last, report = view.results[-1], view.reports[view.results[-1].round]
    return ListedJob(
        view.job,
        view.state,
        last.round,
        view.spec.settings.rounds,
        view.kept.error,
        last.digest,
        report.driver,
        started_ns=3,
        files=len(view.spec.files),
        settings=listed_texts(view.spec.settings),
    )


@pytest.mark.parametrize("keep", ["last", "best"])
@pytest.mark.parametrize("keep_weights", ["2", "all"])
def test_a_listing_takes_three_round_trips_and_agrees_with_the_snapshot(
    net: InlineRing, keep: str, keep_weights: str
) -> None:
    spec = replace(SPEC, settings=replace(SPEC.settings, keep=keep, keep_weights=keep_weights, rounds=7, epochs=20))
    net.run(jobs.publish(net.entry, RING, spec, 3))
    drive(net, spec)
    counting = CountingNetwork(net)

    first, found = counting.run(listing(SUPERNODE))

    assert counting.round_trips == ROUND_TRIPS
    assert found == as_listed(net.run(read_snapshot(net.entry, RING, spec.job, with_reports=True)))
    assert first == replace(
        ListedJob(SPEC.job, "waiting", rounds=ROUNDS),
        started_ns=2,
        files=2,
        settings=("rounds=4", "epochs=1", "hidden=4"),
    )


def test_many_jobs_take_no_more_round_trips_than_one(net: InlineRing) -> None:
    others = [replace(SPEC, settings=replace(SPEC.settings, seed=seed)) for seed in range(1, 6)]
    for number, spec in enumerate(others, 10):
        net.run(jobs.publish(net.entry, RING, spec, number))
    counting = CountingNetwork(net)

    found = counting.run(listing(SUPERNODE, count=5))

    assert [each.job for each in found] == [spec.job for spec in others], "the latest, the oldest first"
    assert {each.state for each in found} == {"waiting"}
    assert counting.round_trips == ROUND_TRIPS


def test_what_jobs_shows_of_a_job_fits_into_the_first_packets_of_a_connection() -> None:
    listed = ListedJob("ab" * 32, "running", 30, 30, 0.25, "cd" * 32, "client at 10.77.0.1", "", "ef" * 32)
    chosen = Settings(
        rounds=30, hidden=(128, 64), eta=0.05, batch=64, seed=12345, fraction=0.3, quorum=0.8, keep="best"
    )
    listed = replace(listed, started_ns=time.time_ns(), files=100, settings=listed_texts(chosen))

    answer = serialize(listed_job_to_wire(listed), BINARY)

    assert JOBS_MAX * len(answer) < FIRST_PACKETS_BYTES


def test_settings_in_a_listing_are_bounded_and_long_ones_that_differ_still_differ() -> None:
    sites = ",".join(f"host-{number}.example.org:8001" for number in range(2000))
    one, other = Settings(require=sites), Settings(require=f"{sites},another:1")

    (told,), (another,) = listed_texts(one), listed_texts(other)

    assert told.startswith("require=host-0.example.org:8001,") and told != another
    longest = max(len(field.name) for field in fields(Settings)) + len(told) - len("require")
    assert longest <= LISTED_CHARACTERS_MAX and len(fields(Settings)) <= LISTED_MAX


def test_jobs_differ_in_what_one_chose_and_another_left_at_its_default() -> None:
    jobs_ = [Settings(rounds=9, eta=0.1), Settings(rounds=9), Settings(rounds=9, hidden=(8, 4), seed=1)]

    assert differing([chosen_texts(each) for each in jobs_]) == {
        "hidden": ("256", "256", "8,4"),
        "eta": ("0.1", "0.2", "0.2"),
        "seed": ("0", "0", "1"),
    }


def test_without_a_supernode_the_listed_nodes_name_themselves(net: InlineRing) -> None:
    addresses = tuple(node.address for node in net.members)
    counting = CountingNetwork(net)

    (found,) = counting.run(listing(None, addresses))

    assert found.job == SPEC.job and counting.round_trips == ROUND_TRIPS
    assert CountingNetwork(net).run(find_ring(Address("silent", 1), addresses)).members == tuple(net.members)


def test_a_dead_node_hides_no_job(net: InlineRing) -> None:
    for dead in list(net.members):
        net.dead = {dead}
        assert [each.job for each in CountingNetwork(net).run(listing(SUPERNODE))] == [SPEC.job]


def test_nodes_that_do_not_answer_are_not_an_empty_list(net: InlineRing) -> None:
    net.dead = set(net.members)

    with pytest.raises(NotYet):
        net.run(list_latest(tuple(net.members), RING, 10))


def test_a_job_whose_records_are_gone_says_so(net: InlineRing) -> None:
    unknown = replace(SPEC, settings=replace(SPEC.settings, seed=99))
    net.run(put(net.entry, RING, RING.key(records.DIRECTORY), unknown.job, b"listed", 50, 1e6))

    found = net.run(list_latest(tuple(net.members), RING, 10))[-1]

    assert found == ListedJob(unknown.job, UNREADABLE, reason="its records were not found")


def test_a_diverged_job_is_named_as_such(net: InlineRing) -> None:
    for weights in ("aa", "bb"):
        result = records.RoundResult(SPEC.job, 1, "00" * 32, weights * 32, 4)
        net.run(jobs.put_record(net.entry, RING, SPEC.job, "result-1", result.to_bytes(), 5))

    (found,) = net.run(list_latest(tuple(net.members), RING, 10))

    assert (found.state, found.reason) == (DIVERGED, TWO_RESULTS)


@pytest.mark.parametrize("keep", ["last", "best"])
@pytest.mark.parametrize(("left", "right"), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)])
def test_of_a_job_that_nobody_can_repeat_the_chain_is_listed_that_a_driver_follows(
    net: InlineRing, left: int, right: int, keep: str
) -> None:
    spec = replace(SPEC, settings=replace(SPEC.settings, topology="gossip", keep=keep, keep_weights="all", rounds=9))
    net.run(jobs.publish(net.entry, RING, spec, 3))
    versions, start = itertools.count(10), results_after(spec.job, None, "00", 2)
    branches = [results_after(spec.job, start[-1], "aa", left), results_after(spec.job, start[-1], "bb", right)]
    for result in (*start, *branches[0], *branches[1]):
        for what, content in {"weights": result.weights.encode(), "result": result.to_bytes()}.items():
            net.run(jobs.put_record(net.entry, RING, spec.job, f"{what}-{result.round}", content, next(versions)))
    for branch in branches:
        report = replace(records.blank_report(spec.job, branch[-1].round), driver="d", result=branch[-1].digest)
        content = replace(report, driver=branch[-1].digest).to_bytes()
        net.run(jobs.put_record(net.entry, RING, spec.job, f"report-{report.round}", content, next(versions)))

    listed = net.run(list_latest(tuple(net.members), RING, 10))[-1]

    view = net.run(read_snapshot(net.entry, RING, spec.job))
    assert (listed.round, listed.result, listed.validation_error) == (
        view.results[-1].round,
        view.results[-1].digest,
        view.kept.error,
    )
    assert (listed.state, listed.driver) == ("running", view.results[-1].digest)


def results_after(job: str, last: RoundResult | None, weights: str, count: int) -> list[RoundResult]:
    """Return a chain of results; those of the weights "bb" have the lowest errors."""
    chain = [] if last is None else [last]
    for number in range(count):
        errors = (5 if weights == "bb" else 9) - number
        place = chain[-1].round + 1 if chain else 0
        previous = chain[-1].digest if chain else ""
        chain.append(RoundResult(job, place, previous, weights * 32, 4, errors=errors, rows=10))
    return chain[len(chain) - count :]


def test_nodes_that_name_different_results_of_a_round_show_a_divergence_if_it_can_be_repeated() -> None:
    one, other = ListedJob("j", "running", 3, 9, result="aa"), ListedJob("j", "running", 3, 9, result="bb")
    forked = [replace(each, may_fork=True) for each in (other, one)]

    assert _agreed("j", [one, other, one]).state == DIVERGED
    assert _agreed("j", forked) == forked[1], "the smaller digest"
    assert _agreed("j", [one, replace(one, round=4, result="cc")]).state == "running"


def test_most_nodes_are_believed_and_of_equally_many_those_that_are_furthest() -> None:
    honest, lie = ListedJob("j", "running", 3, 9), ListedJob("j", "done", 9, 9)

    assert _agreed("j", [lie, honest, honest, NotFound("j")]) == honest
    assert _agreed("j", [honest, replace(honest, round=4)]).round == 4
    assert _agreed("j", [replace(lie, job="another"), honest]) == honest
    assert _agreed("j", [NotFound("j"), NodeUnreachable("it is gone")]).reason.endswith("do not answer: it is gone")


def test_why_a_job_waits_is_taken_from_the_one_node_that_knows() -> None:
    job = ListedJob("j", "waiting", rounds=9)
    knows = replace(job, reason="no live node has v.txt, its validation file")

    assert _agreed("j", [job, knows, job]) == knows
    assert _agreed("j", [job, replace(knows, round=3, state="running"), job]) == job, "it says something else as well"


@pytest.mark.parametrize("is_forked", [False, True])
def test_of_a_job_with_many_keys_only_the_end_and_the_kept_rounds_are_looked_at(
    is_forked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_keys, "ROUNDS_PER_KEY", 10)
    rounds, best, few = 99, 34, 40
    spec = replace(SPEC, settings=replace(SPEC.settings, topology="gossip", keep="best", rounds=rounds))
    store, seen = Store(lambda: 0.0), list[str]()
    lister, chain = JobLister(RING, store), list[RoundResult]()

    def keep(what: str, content: bytes) -> None:
        store.put(jobs.job_record(RING, spec.job, what, content, 1).item, content)

    keep(records.SPEC, spec.to_bytes())
    for number in range(rounds):
        errors = 1 if number == best else 5
        previous = chain[-1].digest if chain else ""
        chain.append(RoundResult(spec.job, number, previous, "aa" * 32, 4, errors=errors, rows=10))
        keep(f"result-{number}", chain[-1].to_bytes())
        keep(f"report-{number}", records.blank_report(spec.job, number).to_bytes())
    for number in (best, rounds - 1):
        keep(f"weights-{number}", b"w")
    if is_forked:
        keep(f"result-{best}", replace(chain[best], errors=0, loss=9.0).to_bytes())
    find = store.find

    def note(key: int, names: tuple[str, ...] = ()) -> tuple[Item, ...]:
        found = find(key, names)
        seen.extend(item.entry.name for item in found)
        return found

    monkeypatch.setattr(store, "find", note)

    listed = lister.answer(ListJob(spec.job))

    assert (listed.round, listed.validation_error) == (rounds - 1, 0.1)
    assert (len(seen) < 3 * 2 * 10 + few) != is_forked, "under the first key and the last two, and a few others"


def test_a_record_is_read_once(net: InlineRing) -> None:
    reads: list[str] = []
    store, content = Store(lambda: 0.0), SPEC.to_bytes()
    store.put(record(RING.key(SPEC.job), records.record_name(SPEC.job, records.SPEC), content, 1).item, content)
    lister, read = JobLister(RING, store), store.read

    def counted(digest: str, offset: int, length: int) -> bytes:
        reads.append(digest)
        return read(digest, offset, length)

    store.read = counted  # type: ignore[method-assign]

    assert lister.answer(ListJob(SPEC.job)) == lister.answer(ListJob(SPEC.job))
    assert reads == [SPEC.job]


def test_what_is_remembered_of_records_is_bounded_however_large_they_are(
    net: InlineRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, placement = replace(SPEC, pinned="wards", homes=("a:1", "b:1")), {f"f{i}": f"host-{i}:1" for i in range(9000)}
    store = Store(lambda: 0.0)
    lister, most = JobLister(RING, store), 2 * SITES_MAX * len("'host-9999:1', ")
    monkeypatch.setattr(job_lister, "REMEMBERED_BYTES_MAX", most)
    written, last = {records.SPEC: spec.to_bytes()}, ""
    for number in range(4):
        result = RoundResult(spec.job, number, last, "aa" * 32, 4)
        report = replace(records.blank_report(spec.job, number), placement=placement)
        written |= {f"report-{number}": report.to_bytes(), f"result-{number}": result.to_bytes()}
        last = result.digest
        for what, content in written.items():
            item = record(RING.key(spec.job), records.record_name(spec.job, what), content, 1).item
            store.stage(item.entry.digest, content)
            store.put(item)

        assert len(lister.answer(ListJob(spec.job)).sites) == SITES_MAX

    said = sum(len(repr(value)) for value, _ in lister._remembered.values())
    assert 0 < said <= lister._remembered_bytes <= most


def test_a_paused_and_a_failed_job_say_so(net: InlineRing) -> None:
    net.run(jobs.set_paused(net.entry, RING, SPEC.job, True, 5))
    (paused,) = net.run(list_latest(tuple(net.members), RING, 10))
    net.run(jobs.put_record(net.entry, RING, SPEC.job, records.FAILED, b"no\nfile", 6))
    (failed,) = net.run(list_latest(tuple(net.members), RING, 10))

    assert paused.state == "paused"
    assert (failed.state, failed.reason) == ("failed", "no\\nfile")


def test_of_a_job_on_private_data_the_sites_that_trained_last_are_listed(net: InlineRing) -> None:
    private = replace(SPEC, pinned="wards", homes=("a:1", "b:1"))
    net.run(jobs.publish(net.entry, RING, private, 3))
    result = records.RoundResult(private.job, 0, "", "aa" * 32, 4)
    report = replace(records.blank_report(private.job, 0), driver="d", placement={"file-0": "b:1", "file-1": "a:1"})
    net.run(jobs.put_record(net.entry, RING, private.job, "report-0", report.to_bytes(), 4))
    net.run(jobs.put_record(net.entry, RING, private.job, "result-0", result.to_bytes(), 5))

    listed = net.run(list_latest(tuple(net.members), RING, 10))[-1]

    assert (listed.pinned, listed.sites, listed.driver) == ("wards", ("a:1", "b:1"), "d")
