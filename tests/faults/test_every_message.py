"""Kill a node, or the driver, at every kind of message of a whole job: the model has the same bytes.

The dead stay in the lists of the living for a while, as they do on a real ring.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import pytest

from roundelay.chord.errors import NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.federation import jobs, records
from roundelay.federation.errors import JobEnded, NoSuchJob, StepTooLarge
from roundelay.federation.requests import Order
from roundelay.federation.snapshot import read_snapshot
from roundelay.store.items import Put
from tests.faults.inline_cluster import Table, small_job
from tests.killed import Killed

NODES, ROUNDS = 5, 1
HEALED_S = 3.0
KINDS = (
    "GetNeighbours",
    "Find",
    "Read",
    "Collect",
    *(f"Order of round {number}" for number in range(ROUNDS + 1)),
    *(f"Put weights-{number}" for number in range(ROUNDS + 1)),
    "Put report-0 result-0",
    *(f"Put report-{number} receipts-{number} result-{number}" for number in range(1, ROUNDS + 1)),
    "Put done",
)


def prepared() -> tuple[Table, Any]:
    table = Table(NODES)
    spec, contents = small_job(files=2, rows=8, rounds=ROUNDS)
    table.publish(spec, contents)
    return table, spec


def label(request: Any) -> str:
    """What a message is about: its class, and of a put the records."""
    items = [parcel.item for parcel in request.parcels] if isinstance(request, Put) else []
    suffix = "".join(f" {item.entry.name.rpartition('.')[2]}" for item in items if not item.deleted)
    suffix += f" of round {request.round}" if isinstance(request, Order) else ""
    return type(request).__name__ + suffix


@cache
def script() -> tuple[dict[str, int], str]:
    """The first message of each kind that a driver sends, by its number; and the hash of the model."""
    table, spec = prepared()
    first: dict[str, int] = {}
    before = table.asked

    def note(_: NodeRef, request: Any) -> None:
        if not table.working:
            first.setdefault(label(request), table.asked - before)

    table.interfere = note
    return first, table.drive(spec)


def at(table: Table, number: int, act: Callable[[NodeRef], None], after: bool = False) -> None:
    """Have something happen before (or after) the message of this number is handled; and the ring healed later."""
    start = table.asked
    happened: list[Any] = []

    def reached() -> int:
        return table.current - start if not table.working else -1

    def interfere(ref: NodeRef, _: Any) -> None:
        if happened and table.now - happened[0] >= HEALED_S:
            happened[:] = [float("inf")]
            table.settle()
        if not happened and reached() == number:
            happened.append(table.now)
            act(ref)

    if after:
        table.interfere_after = interfere
    else:
        table.interfere = interfere


def test_a_job_sends_every_kind_of_message() -> None:
    assert set(KINDS) <= set(script()[0])


@pytest.mark.parametrize("kind", KINDS)
def test_the_receiver_dies_at_this_message(kind: str) -> None:
    table, spec = prepared()
    at(table, max(script()[0][kind], 3), lambda ref: void(table.seats.pop(ref, None)))

    assert table.drive(spec) == script()[1]


@pytest.mark.parametrize("kind", KINDS)
def test_two_of_three_holders_die_at_this_message(kind: str) -> None:
    table, spec = prepared()

    def act(ref: NodeRef) -> None:
        others = [r for r in table.seats if r != ref]
        for each in (ref, others[len(kind) % len(others)]):
            table.seats.pop(each, None)

    at(table, max(script()[0][kind], 4), act)

    assert table.drive(spec) == script()[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("heard", [False, True], ids=["before", "after"])
def test_the_driver_dies_at_this_message_and_another_drives_on(kind: str, heard: bool) -> None:
    table, spec = prepared()

    def die(_: NodeRef) -> None:
        raise Killed

    at(table, script()[0][kind], die, after=heard)
    with pytest.raises(Killed):
        table.drive(spec)
    with suppress(JobEnded):  # its last word had been heard
        table.drive(spec)

    view = table.run(read_snapshot(table.someone, table.ring, spec.job, with_reports=True))
    reports = view.reports
    assert view.end == records.DONE
    assert view.results[-1].weights == script()[1]
    assert sorted(reports) == list(range(ROUNDS + 1))
    assert all(sorted(reports[n].placement) == [f.name for f in spec.files] for n in range(1, ROUNDS + 1))


@pytest.mark.parametrize("kind", KINDS)
def test_this_message_is_lost(kind: str) -> None:
    table, spec = prepared()

    def lose(_: NodeRef) -> None:
        raise NodeUnreachable("lost")

    at(table, script()[0][kind], lose)

    assert table.drive(spec) == script()[1]


def test_two_drivers_write_the_same_bytes_and_one_result_a_round() -> None:
    table, spec = prepared()
    one, other = table.driver(spec).drive(), table.driver(spec, list(table.seats)[2]).drive()

    finished = table.together([one, other])

    assert [chain[-1].weights for chain in finished] == [script()[1]] * 2
    view = table.run(read_snapshot(table.someone, table.ring, spec.job))
    assert (view.end, len(view.results)) == (records.DONE, ROUNDS + 1)


def test_a_driver_that_finds_no_spec_fails_no_job() -> None:
    """Its holders may be on their way back: all nodes have restarted, and one of them is early."""
    table, spec = prepared()
    seats, table.seats = table.seats, {}
    early = Table(1)

    with pytest.raises(NoSuchJob):
        early.drive(spec)

    table.seats = seats
    assert early.run(jobs.read_end(early.someone, early.ring, spec.job)) == ""
    assert table.drive(spec) == script()[1]


def test_a_model_that_cannot_be_validated_fails_the_job_by_name() -> None:
    table = Table(NODES)
    spec, contents = small_job(files=3, rows=8, rounds=2, eta=90.0, momentum=1.0, epochs=200)
    table.publish(spec, contents)

    with pytest.raises(StepTooLarge):
        table.drive(spec)

    assert table.run(read_snapshot(table.someone, table.ring, spec.job)).end == records.FAILED


def void(_: object) -> None:
    return None
