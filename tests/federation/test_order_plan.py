"""Which orders a buffered job sends next: every file has its turn, whatever the number of sites."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import arithmetic
from roundelay.federation.requests import Order, TrainingFile
from roundelay.federation.roster import Roster
from roundelay.federation.rounds import RoundWork
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.federation.staleness import Bases
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.federation.topologies.order_plan import OrderPlan

RING = Ring(bits=16, successors=8, replicas=3)
BUFFERED = Settings(topology="buffered")


def sites(count: int, settings: Settings = BUFFERED) -> tuple[JobSpec, Roster]:
    """A job with one private file at each of `count` sites, all of which are members of the ring."""
    files = tuple(TrainingFile(index, f"file-{index}", "00" * 32, 1, 1) for index in range(count + 1))
    nodes = tuple(NodeRef(10 * index, f"n{index}", 1) for index in range(count))
    spec = JobSpec(settings, files[:-1], files[-1], 4, 3, pinned="wards", homes=tuple(str(n.address) for n in nodes))
    roster = Roster(RING, nodes[0], spec.homes)
    roster.update_members(nodes)
    return spec, roster


def calls_of(procedure: Callable[[], object]) -> int:
    """How many Python functions are called, and generators resumed."""
    count, before = 0, sys.getprofile()

    def observe(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(observe)
    try:
        procedure()
    finally:
        sys.setprofile(before)
    return count


def plan_all(count: int) -> int:
    """How many calls it takes to plan the orders of `count` sites."""
    spec, roster = sites(count)
    return calls_of(OrderPlan(spec, roster, Bases(spec), frozenset).update)


def place_all(count: int) -> int:
    """How many calls it takes to place the files of `count` sites, each in an order of its own."""
    spec, roster = sites(count)

    def make_order(files: tuple[TrainingFile, ...], may_refuse: bool) -> Order:
        return Order(spec.job, 0, files, arithmetic.moments_task(spec), "", 0, may_refuse)

    work = RoundWork(roster, ThroughputEstimate(), lambda: 0.0, make_order, b"")
    return calls_of(lambda: [work.placed((file,)) for file in spec.files])


def judge_all(count: int) -> int:
    """How many calls it takes to find the nodes that may train `count` files."""
    spec, roster = sites(count)
    return calls_of(lambda: roster.eligible(spec.files))


@pytest.mark.parametrize("calls", [plan_all, place_all, judge_all])
def test_ten_times_as_many_sites_take_ten_times_as_many_calls(calls: Callable[[int], int]) -> None:
    assert calls(1000) < 11 * calls(100)
