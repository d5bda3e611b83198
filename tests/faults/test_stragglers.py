"""Nodes that hang, are slow or answer twice: each (round, file) enters the sum once, and the job goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from roundelay.chord.refs import NodeRef
from roundelay.federation import server_step, trained_round
from roundelay.federation.orders import Orders
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.requests import Collect, Order, Progress
from roundelay.federation.snapshot import read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.throughput import BACKUP_AFTER_MIN_S, ThroughputEstimate
from tests.faults.inline_cluster import Table, small_job

NODES = 4


def job(**settings: Any) -> tuple[Table, JobSpec]:
    table = Table(NODES)
    spec, contents = small_job(files=6, rows=8, rounds=2, **settings)
    table.publish(spec, contents)
    return table, spec


def undisturbed() -> str:
    table, spec = job()
    return table.drive(spec)


def hang(table: Table, ref: NodeRef, from_round: int = 0) -> None:
    """From now on its trainer does nothing, while the node itself answers."""
    seat = table.seats[ref]
    asked: dict[str, int] = {}

    def accept(order: Order) -> str:
        asked[order.ticket] = order.round
        return order.ticket if order.round >= from_round else Orders.accept(seat.orders, order)

    def progress(request: Collect) -> Progress:
        if asked.get(request.ticket, 0) >= from_round:
            table.now += request.wait_s  # the question is held for so long
            return Progress("running", "for ever")
        return seat.orders.progress(request.ticket)

    seat.handlers |= {Order: accept, Collect: progress}


def placements(table: Table, spec: JobSpec) -> dict[int, dict[str, str]]:
    reports = table.run(read_snapshot(table.someone, table.ring, spec.job, with_reports=True)).reports
    return {number: report.placement for number, report in reports.items() if number}


@pytest.mark.parametrize("from_round", [0, 1, 2])
def test_a_trainer_that_hangs_gets_a_backup_even_before_the_driver_knows_its_speed(from_round: int) -> None:
    table, spec = job()
    hung = table.owner(spec.files[0].name)
    hang(table, hung, from_round)

    assert table.drive(spec) == undisturbed()
    assert all(
        str(hung.address) not in placement.values()
        for number, placement in placements(table, spec).items()
        if number >= from_round
    )


def test_a_node_that_is_slower_than_its_backup_gets_no_work_for_a_while() -> None:
    table, spec = job()
    hung = table.owner(spec.files[0].name)
    hang(table, hung, 1)
    orders: list[int] = []
    table.interfere = lambda ref, request: (
        orders.append(request.round) if ref == hung and isinstance(request, Order) else None
    )

    table.drive(spec)

    assert orders == [0, 1]
    lines = table.run(read_snapshot(table.someone, table.ring, spec.job, with_reports=True)).reports[1].disturbances
    assert any(f"{hung.address} is slow" in line for line in lines)


def test_when_a_node_and_its_backup_both_finish_the_file_counts_once() -> None:
    """The first is late by as much as makes the driver ask another, and then both are done."""
    table, spec = job()
    late = table.owner(spec.files[0].name)
    seat = table.seats[late]
    asked: dict[str, int] = {}

    def progress(request: Collect) -> Progress:
        asked[request.ticket] = asked.get(request.ticket, 0) + 1
        found = seat.orders.progress(request.ticket)
        if asked[request.ticket] <= 2:
            table.now += BACKUP_AFTER_MIN_S + 1
            return replace(found, state="running")
        return found

    seat.handlers |= {Collect: progress}

    assert table.drive(spec) == undisturbed()
    files = sorted(f.name for f in spec.files)
    assert {n: sorted(placement) for n, placement in placements(table, spec).items()} == {1: files, 2: files}


def test_orders_and_polls_that_arrive_twice_change_nothing() -> None:
    table, spec = job()
    again = table.ask

    def twice(ask: Any) -> Any:
        if isinstance(ask.request, Order | Collect):
            again(ask)
        return again(ask)

    table.ask = twice  # type: ignore[method-assign]

    assert table.drive(spec) == undisturbed()


def test_a_file_that_enters_a_sum_twice_is_found_out() -> None:
    _, spec = job()
    base = trained_round.first_weights(spec)
    part = PartialResult(NodeRef(0, "n", 1), spec.files[:2], Progress("done"), bytes(8 * (len(base) // 4)))

    with pytest.raises(AssertionError, match="once"):
        server_step.mean_of(spec, base, [part, replace(part, files=spec.files[1:])])


def test_an_order_has_no_time_limit_until_another_has_finished() -> None:
    _, spec = job()
    pace = ThroughputEstimate()
    assert pace.backup_after_s(spec.files) == float("inf")

    pace.record(NodeRef(0, "n", 1), spec.files[:1], 0.1)

    assert pace.backup_after_s(spec.files) == BACKUP_AFTER_MIN_S


def test_a_tree_is_waited_for_as_long_as_trees_take_however_short_their_orders_are() -> None:
    """Each level adds the time of its messages: over links of 50 ms a thousand nodes took more than 3 s."""
    _, spec = job()
    pace = ThroughputEstimate()
    pace.record(NodeRef(0, "n", 1), spec.files[:1], 0.1)
    assert pace.tree_timeout_s(spec.files) == pace.backup_after_s(spec.files)

    pace.record_tree(4.0)

    assert pace.tree_timeout_s(spec.files) == 4 * 4.0
