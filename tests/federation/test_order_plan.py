"""Which orders a buffered job sends next: every file has its turn, whatever the number of sites."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Set
from dataclasses import replace

import pytest

from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import round_tasks
from roundelay.federation.errors import FileUnavailable
from roundelay.federation.file_waits import FILES_WAIT_MAX_S, SITES_WAIT_MAX_S
from roundelay.federation.records import RoundResult
from roundelay.federation.requests import Order, TrainingFile
from roundelay.federation.roster import LOST_ROUNDS, Roster
from roundelay.federation.rounds import RoundWork
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.federation.staleness import Bases
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.federation.topologies.order_plan import BACKOFF_ROUNDS_MAX, OrderPlan, PlannedOrder

RING = Ring(bits=16, successors=8, replicas=3)
BUFFERED = Settings(topology="buffered")
WORKERS, BUFFER = 128, 100


def sites(count: int, settings: Settings = BUFFERED) -> tuple[JobSpec, Roster]:
    """A job with one private file at each of `count` sites, all of which are members of the ring."""
    files = tuple(TrainingFile(index, f"file-{index}", "00" * 32, 1, 1) for index in range(count + 1))
    nodes = tuple(NodeRef(10 * index, f"n{index}", 1) for index in range(count))
    spec = JobSpec(settings, files[:-1], files[-1], 4, 3, pinned="wards", homes=tuple(str(n.address) for n in nodes))
    roster = Roster(RING, nodes[0], spec.homes)
    roster.update_members(nodes)
    return spec, roster


class Rounds:
    """The rounds of a job whose orders end one after the other, without a network."""

    def __init__(self, spec: JobSpec, roster: Roster, workers: int = WORKERS, buffer: int = BUFFER) -> None:
        self.bases = Bases(spec)
        self.plan = OrderPlan(spec, roster, self.bases, lambda: 0.0)
        self.trained, self.failed = Counter[int](), Counter[int]()  # orders, by file
        self._workers, self._buffer = workers, buffer
        self._under_way: deque[PlannedOrder] = deque()
        self._waiting: dict[int, int] = {}  # file -> base

    def run(self, last: int, failing: Set[int] = frozenset()) -> None:
        """Take rounds up to the last one; orders for the `failing` files fail."""
        while self.bases.number < last:
            while len(self._under_way) < self._workers and (order := self.plan.pop()):
                self._under_way.append(order)
            order = self._under_way.popleft()
            trained = order.indices - failing
            self.plan.end(order, trained)
            self.trained.update(trained)
            self.failed.update(order.indices - trained)
            self._waiting |= dict.fromkeys(trained, order.base)
            self._waiting = {index: base for index, base in self._waiting.items() if self.bases[index] == base}
            if len(self._waiting) >= self._buffer:
                self.bases.take(self.bases.number + 1, tuple(self._waiting.items()))
                self.plan.expire()


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
    return calls_of(OrderPlan(spec, roster, Bases(spec), lambda: 0.0).update)


def place_all(count: int) -> int:
    """How many calls it takes to place the files of `count` sites, each in an order of its own."""
    spec, roster = sites(count)

    def make_order(files: tuple[TrainingFile, ...], may_refuse: bool) -> Order:
        return Order(spec.job, 0, files, round_tasks.moments_task(spec), "", 0, may_refuse)

    work = RoundWork(roster, ThroughputEstimate(), lambda: 0.0, make_order, b"")
    return calls_of(lambda: [work.placed((file,)) for file in spec.files])


def judge_all(count: int) -> int:
    """How many calls it takes to find the nodes that may train `count` files."""
    spec, roster = sites(count)
    return calls_of(lambda: roster.eligible(spec.files))


@pytest.mark.parametrize("calls", [plan_all, place_all, judge_all])
def test_ten_times_as_many_sites_take_ten_times_as_many_calls(calls: Callable[[int], int]) -> None:
    assert calls(1000) < 11 * calls(100)


def test_every_site_has_its_turn_although_there_are_more_than_orders_under_way() -> None:
    spec, roster = sites(400)
    rounds = Rounds(spec, roster)
    rounds.run(60)

    assert len(rounds.trained) == 400
    assert max(rounds.trained.values()) - min(rounds.trained.values()) <= 1


def test_every_site_has_its_turn_although_rounds_make_its_update_too_old_before_it_is_ordered() -> None:
    spec, roster = sites(400, replace(BUFFERED, max_staleness=3))
    rounds = Rounds(spec, roster, workers=20, buffer=20)
    rounds.run(60)

    assert len(rounds.trained) == 400
    assert max(rounds.trained.values()) - min(rounds.trained.values()) <= 1


def test_a_driver_that_takes_over_goes_on_with_the_files_that_no_round_has_taken_for_longest() -> None:
    spec, roster = sites(6, replace(BUFFERED, max_staleness=1))
    digest = "aa" * 32
    taken = [(), ((0, 0), (1, 0)), ((4, 0), (5, 0)), ((0, 1),)]  # files 2 and 3 start from round 2, and 1 and 4 later
    results = [RoundResult(spec.job, number, "", digest, 1, taken=each) for number, each in enumerate(taken)]
    plan = OrderPlan(spec, roster, Bases(spec, results), lambda: 0.0)

    assert [index for order in iter(plan.pop, None) for index in order.indices] == [2, 3, 1, 4, 5, 0]


def test_a_site_whose_orders_fail_takes_few_turns_of_the_others_and_has_its_own_when_it_is_back() -> None:
    spec, roster = sites(400)
    rounds, away = Rounds(spec, roster), frozenset({399})
    rounds.run(10)
    rounds.run(300, away)
    usual = min(rounds.trained[index] for index in range(399))
    assert 3 < rounds.failed[399] < usual / 4

    before = rounds.trained[399]
    rounds.run(301 + BACKOFF_ROUNDS_MAX + 400 // BUFFER)
    assert rounds.trained[399] > before


def test_files_that_an_order_has_not_trained_are_ordered_again_without_waiting_for_the_next_look() -> None:
    spec, roster = sites(3)
    plan = OrderPlan(spec, roster, Bases(spec), lambda: 0.0)
    first, *others = iter(plan.pop, None)
    plan.end(first, set())

    assert len(others) == 2 and list(iter(plan.pop, None)) == [first]


def test_the_files_of_a_node_that_is_forgiven_are_ordered_without_waiting_for_the_next_look() -> None:
    spec, roster = sites(3)
    plan = OrderPlan(spec, roster, Bases(spec), lambda: 0.0)
    roster.mark_lost(roster.nodes[0], "did not answer")
    assert [order.indices for order in iter(plan.pop, None)] == [{1}, {2}]
    plan.retry_unplaced()

    assert [order.indices for order in iter(plan.pop, None)] == [{0}]


def test_orders_are_not_planned_again_for_a_site_that_is_no_member(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, roster = sites(3)
    plan = OrderPlan(spec, roster, Bases(spec), lambda: 0.0)
    roster.update_members(roster.nodes[1:])
    assert len(list(iter(plan.pop, None))) == 2
    plan.retry_unplaced()

    monkeypatch.setattr(plan, "update", lambda: pytest.fail("the orders are planned again"))
    assert plan.pop() is None


@pytest.mark.parametrize(("are_private", "wait_max_s"), [(False, FILES_WAIT_MAX_S), (True, SITES_WAIT_MAX_S)])
def test_a_file_is_waited_for_by_time_however_often_nodes_are_looked_for(are_private: bool, wait_max_s: float) -> None:
    spec, roster = sites(3)
    spec = spec if are_private else replace(spec, pinned="", homes=())
    now = [7.0]
    plan = OrderPlan(spec, roster, Bases(spec), lambda: now[0])
    roster.update_members(roster.nodes[2:])

    for _ in range(10_000):
        plan.update()
        plan.retry_unplaced()
    now[0] += wait_max_s - 1.0
    plan.retry_unplaced()
    now[0] += 1.0
    with pytest.raises(FileUnavailable, match=r"no live node has file-0, file-1$"):
        plan.retry_unplaced()


def test_the_wait_for_a_file_ends_when_a_node_trains_it_or_its_site_is_drained_and_not_when_an_order_fails() -> None:
    spec, roster = sites(3)
    now, drained = [0.0], set[str]()
    plan = OrderPlan(spec, roster, Bases(spec), lambda: now[0], lambda: drained)

    def lose_all() -> list[PlannedOrder]:
        orders = list(iter(plan.pop, None))
        for node in roster.nodes:
            roster.mark_lost(node, "did not answer")
        return orders

    orders = lose_all()
    for order in orders:
        plan.end(order, set())
    plan.update()
    plan.retry_unplaced()  # the waits begin
    trained, failed, forgotten = sorted(lose_all(), key=lambda order: order.indices.pop())
    now[0] += SITES_WAIT_MAX_S
    drained.add("n2:1")
    plan.end(trained, trained.indices)
    plan.end(failed, set())
    plan.end(forgotten, set())
    plan.update()
    with pytest.raises(FileUnavailable, match=r"no live node has file-1$"):
        plan.retry_unplaced()
    drained.clear()
    plan.update()
    with pytest.raises(FileUnavailable, match=r"no live node has file-1$"):
        plan.retry_unplaced()


def test_a_slow_node_is_given_only_files_for_which_no_other_node_is_left() -> None:
    spec, roster = sites(12)
    nodes, files = roster.nodes, spec.files
    roster = Roster(RING, nodes[0])
    roster.update_members(tuple(replace(node, id=5000 * at) for at, node in enumerate(nodes)))
    stuck = files[0]
    slow = roster.holders(stuck)
    for node in slow:
        roster.mark_lost(node, "has taken too long")
    others = [file for file in files if roster.holders(file)]
    at_others = [roster.holders(file) for file in others]

    assert roster.forgive_holders([stuck]) and roster.holders(stuck) == slow
    assert others and [roster.holders(file) for file in others] == at_others
    roster.mark_lost(slow[0], "has taken too long")
    assert roster.holders(stuck) == slow[1:]
    for number in range(1, 2 + LOST_ROUNDS):
        roster.begin_round(number)
    assert set(roster.nodes) == set(roster.live)


def test_a_node_that_is_back_has_its_order_at_once_however_often_its_orders_have_failed() -> None:
    spec, roster = sites(400)
    rounds = Rounds(spec, roster)
    rounds.run(300, frozenset({399}))
    roster.mark_lost(roster.nodes[399], "does not answer")
    roster.update_members(roster.nodes[:399])
    rounds.plan.update()
    assert rounds.plan.unplaced[-1].index == 399

    roster.update_members((*roster.nodes, NodeRef(3990, "n399", 1)))
    rounds.plan.update()

    assert 399 in next(iter(rounds.plan._planned)).indices


def test_the_wait_for_a_file_ends_when_its_node_is_back_and_goes_on_when_a_lost_node_is_only_forgiven() -> None:
    spec, roster = sites(2)
    now, members = [0.0], roster.nodes
    plan = OrderPlan(spec, roster, Bases(spec), lambda: now[0])

    def leave_for(seconds: float) -> None:
        roster.update_members(members[1:])
        plan.update()
        plan.retry_unplaced()
        now[0] += seconds
        plan.update()
        plan.retry_unplaced()
        roster.update_members(members)
        plan.update()

    for _ in range(3):
        leave_for(SITES_WAIT_MAX_S - 1.0)

    for _ in range(2):
        roster.mark_lost(members[0], "does not answer")
        plan.update()
        plan.retry_unplaced()
        now[0] += SITES_WAIT_MAX_S / 2
        plan.update()
    roster.mark_lost(members[0], "does not answer")
    plan.update()
    with pytest.raises(FileUnavailable):
        plan.retry_unplaced()
