"""A listing of jobs shows what whole snapshots would, in at most four round trips."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from roundelay.chord.effects import Ask, AskAll, Gather, Procedure, run
from roundelay.chord.errors import ChordError, NodeUnreachable, NotYet
from roundelay.chord.refs import Address
from roundelay.chord.requests import GetMembers, Hello, Members, SayHello
from roundelay.client.connection import find_ring
from roundelay.federation import jobs, records
from roundelay.federation.driver import Driver
from roundelay.federation.effects import Clocks
from roundelay.federation.listing import ListedJob, list_latest
from roundelay.federation.snapshot import read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.store.write_path import put
from tests.federation.inline_ring import InlineRing
from tests.federation.test_snapshot import RING, ROUNDS, SPEC, net

__all__ = ["net"]  # a fixture
ROUND_TRIPS_MAX = 4  # with the one that names the members
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


def test_a_listing_takes_four_round_trips_and_agrees_with_the_snapshot(net: InlineRing) -> None:
    drive(net, SPEC)
    counting = CountingNetwork(net)

    (found,) = counting.run(listing(SUPERNODE))

    whole = net.run(read_snapshot(net.entry, RING, SPEC.job, with_reports=True))
    assert counting.round_trips <= ROUND_TRIPS_MAX
    assert found == ListedJob(SPEC.job, SPEC, records.DONE, whole.results[-1], whole.kept, whole.reports[ROUNDS])


def test_many_jobs_take_no_more_round_trips_than_one(net: InlineRing) -> None:
    others = [replace(SPEC, settings=replace(SPEC.settings, seed=seed)) for seed in range(1, 6)]
    for number, spec in enumerate(others, 10):
        net.run(jobs.publish(net.entry, RING, spec, number))
    counting = CountingNetwork(net)

    found = counting.run(listing(SUPERNODE, count=5))

    assert [each.job for each in found] == [spec.job for spec in others], "the latest, the oldest first"
    assert {(each.end, each.result, each.error) for each in found} == {("", None, "")}
    assert counting.round_trips <= ROUND_TRIPS_MAX


def test_a_job_that_keeps_its_best_round_takes_one_more(net: InlineRing) -> None:
    best = replace(SPEC, settings=replace(SPEC.settings, keep="best"))
    net.run(jobs.publish(net.entry, RING, best, 3))
    drive(net, best)
    counting = CountingNetwork(net)

    found = counting.run(listing(SUPERNODE))[-1]

    assert found.kept == net.run(read_snapshot(net.entry, RING, best.job)).kept
    assert counting.round_trips <= ROUND_TRIPS_MAX + 1


def test_without_a_supernode_the_listed_nodes_name_themselves(net: InlineRing) -> None:
    addresses = tuple(node.address for node in net.members)
    counting = CountingNetwork(net)

    (found,) = counting.run(listing(None, addresses))

    assert found.job == SPEC.job and counting.round_trips <= ROUND_TRIPS_MAX
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

    assert (found.spec, found.error) == (None, "its records were not found")


def test_a_diverged_job_is_named_as_such(net: InlineRing) -> None:
    for weights in ("aa", "bb"):
        result = records.RoundResult(SPEC.job, 1, "00" * 32, weights * 32, 4)
        net.run(jobs.put_record(net.entry, RING, SPEC.job, "result-1", result.to_bytes(), 5))

    (found,) = net.run(list_latest(tuple(net.members), RING, 10))

    assert found.diverged
