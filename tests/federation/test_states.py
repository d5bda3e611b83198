"""The code makes only the transitions in the state tables, and makes each of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from itertools import chain, combinations

import pytest

from roundelay.federation import jobs, records
from roundelay.federation.errors import OtherBits, StepTooLarge, WorkFailed
from roundelay.federation.records import RoundResult
from roundelay.federation.requests import Order, Progress, Share
from roundelay.federation.snapshot import JobSnapshot
from roundelay.federation.states import JOB_STATES, JOB_TRANSITIONS, ORDER_STATES, ORDER_TRANSITIONS
from roundelay.store.items import Entry, Item
from tests.federation.test_orders import ME, ORDER, Node
from tests.federation.test_spec import SPEC

Moves = set[tuple[str, str]]


class RecordingProgress(OrderedDict[str, Progress]):
    """Progress by ticket, which notes every change of state."""

    def __init__(self, moves: Moves) -> None:
        super().__init__()
        self.moves = moves

    def __setitem__(self, ticket: str, progress: Progress) -> None:
        before = self[ticket].state if ticket in self else "unknown"
        if before != progress.state:
            self.moves.add((before, progress.state))
        super().__setitem__(ticket, progress)


def watched() -> tuple[Node, Moves]:
    node, moves = Node(), Moves()
    node.orders._progress = RecordingProgress(moves)
    return node, moves


def carried_out(outcome: Exception | None = None, order: Order = ORDER) -> Moves:
    """The moves of an order that comes to this, twice."""
    node, moves = watched()
    for _ in range(2):
        node.outcome = outcome
        node.ask(order)
        node.work()
    return moves


def passed_on() -> Moves:
    """The moves of an order that this node, which cannot fetch its weights, should pass on, twice."""
    node, moves = watched()
    launched: list[Order] = []
    node.orders._launch = launched.append
    for _ in range(2):
        node.ask(replace(ORDER, shares=(Share(ME, (0,)),), weights="ff" * 32))
        node.run(node.orders.run_collective(node.core, launched.pop()))
    return moves


SCENARIOS: dict[str, Callable[[], Moves]] = {
    "done": carried_out,
    "failed": lambda: carried_out(WorkFailed("line 2 is damaged")),
    "unfit": lambda: carried_out(OtherBits("computes different bits")),
    "unstable": lambda: carried_out(StepTooLarge("a weight has changed by 4096")),
    "unable": lambda: carried_out(order=replace(ORDER, weights="ff" * 32)),
    "passed on": passed_on,
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_order_moves_only_along_its_table(scenario: str) -> None:
    assert SCENARIOS[scenario]() <= {(t.source, t.target) for t in ORDER_TRANSITIONS}


def test_every_row_of_the_orders_table_is_made_by_some_order() -> None:
    moves = set().union(*(scenario() for scenario in SCENARIOS.values()))

    assert moves == {(t.source, t.target) for t in ORDER_TRANSITIONS}
    assert {state for move in moves for state in move} == {"unknown", *ORDER_STATES}


def job_state(written: tuple[str, ...], paused: bool = False) -> str:
    """The state of a job of which these records are written."""
    items = [Item(Entry(0, records.record_name(SPEC.job, what), "00" * 32, 1), 1) for what in written]
    results = (RoundResult(SPEC.job, 0, "", "00" * 32, 4),) if "result-0" in written else ()
    return JobSnapshot(SPEC, results, end=jobs.end_among(SPEC.job, tuple(items)), paused=paused).state


def test_a_job_moves_only_along_its_table_whatever_is_written_in_whatever_order() -> None:
    """Done and replaced are written only after a RESULT; a cancelled job is given no further one."""
    kinds, moves = ("result-0", *records.ENDS), Moves()
    for before in chain.from_iterable(combinations(kinds, size) for size in range(len(kinds))):
        for what in set(kinds) - set(before):
            is_late = what in (records.DONE, records.REPLACED)
            is_possible = "result-0" in before if is_late else what != "result-0" or not before
            for paused in (False, True) if is_possible else ():
                moves.add((job_state(before, paused), job_state((*before, what), paused)))
        moves |= {(job_state(before, paused), job_state(before, not paused)) for paused in (False, True)}
    moves = Moves(move for move in moves if move[0] != move[1])

    assert moves == {(t.source, t.target) for t in JOB_TRANSITIONS}
    assert {state for move in moves for state in move} == {*JOB_STATES}
