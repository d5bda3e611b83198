"""A host's memory of its leaves: orders until they are taken, results until they are collected, within bounds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from roundelay.chord.errors import Busy, NotFound, NotYet, WrongIncarnation
from roundelay.chord.refs import NodeRef
from roundelay.federation import leaf_host
from roundelay.federation.leaf_host import LeafHost
from roundelay.federation.requests import Attach, Collect, LeafTicket, Order, Progress
from roundelay.federation.tasks import MixTask

LEAF = NodeRef(7, "ward", 1024, 3)
ORDER = Order("j" * 64, 1, (), MixTask(1))
DONE = Progress("done", result="ab" * 32, size_bytes=3, content=b"sum")


class Host:
    """A host with one leaf and a clock that stands still."""

    def __init__(self) -> None:
        self.now, self.staged, self.number = 0.0, set[str](), 0
        self.host = LeafHost(lambda: self.now, self.staged.__contains__)

    def attach(self, leaf: NodeRef = LEAF, **said: Any) -> None:
        self.number += 1
        self.host.report(Attach(leaf, **({"number": self.number} | said)))

    def tell(self, progress: Progress, **said: Any) -> None:
        self.attach(tickets=(LeafTicket(ORDER.ticket, progress),), **said)

    @property
    def collected(self) -> Progress:
        return self.host.collect(LEAF, Collect(ORDER.ticket))


@pytest.fixture
def attached() -> Host:
    made = Host()
    made.attach()
    return made


def test_an_order_is_offered_until_the_leaf_says_that_it_has_come(attached: Host) -> None:
    assert attached.host.accept(LEAF, ORDER) == attached.host.accept(LEAF, ORDER) == ORDER.ticket
    assert attached.host.errands(LEAF).orders == attached.host.errands(LEAF).orders == (ORDER,)
    assert attached.collected.state == "queued"

    attached.tell(Progress("queued"), taken=(ORDER.ticket,))

    assert not attached.host.has_errands(LEAF)
    assert attached.host.accept(LEAF, ORDER) == ORDER.ticket  # the leaf knows it
    assert not attached.host.errands(LEAF).orders


def test_a_result_that_was_delivered_is_collected_even_while_its_leaf_is_away(attached: Host) -> None:
    attached.tell(DONE)
    attached.now += leaf_host.SILENT_S + 1

    assert attached.host.is_over(LEAF, ORDER.ticket)
    assert attached.collected == DONE
    with pytest.raises(NotYet, match="has not been heard of for 6 s"):
        attached.host.accept(LEAF, replace(ORDER, round=2))


def test_another_host_asks_the_leaf_for_a_result_that_it_lacks(attached: Host) -> None:
    attached.tell(replace(DONE, content=b""))

    assert attached.collected.state == "running"
    assert attached.host.errands(LEAF).wanted == (ORDER.ticket,)
    assert not attached.host.has_errands(LEAF)  # the leaf is told once, and then again only after a while
    attached.tell(DONE)
    assert attached.collected == DONE


def test_a_large_result_is_complete_when_its_content_is_staged(attached: Host) -> None:
    large = replace(DONE, content=b"")
    attached.tell(large)
    assert attached.collected.state == "running"
    attached.staged.add(large.result)
    assert attached.collected == large
    assert large.result in attached.host.claims()


def test_an_overtaken_call_takes_nothing_back(attached: Host) -> None:
    attached.tell(DONE, number=9)
    attached.tell(Progress("running"), number=8)

    assert attached.collected == DONE


def test_an_order_that_failed_is_offered_again(attached: Host) -> None:
    attached.tell(Progress("unable", "no such file"))
    assert attached.collected.state == "unable"

    attached.host.accept(LEAF, ORDER)

    assert attached.collected.state == "queued"
    assert attached.host.errands(LEAF).orders == (ORDER,)


def test_an_unknown_order_is_not_found_and_that_of_a_silent_leaf_not_yet(attached: Host) -> None:
    with pytest.raises(NotFound):
        _ = attached.collected
    attached.tell(Progress("running"))
    attached.now += leaf_host.SILENT_S + 1
    with pytest.raises(NotYet):
        _ = attached.collected


def test_a_leaf_whose_call_is_held_is_not_silent(attached: Host) -> None:
    held = attached.host.begin_poll(LEAF)
    assert held is not None
    attached.now += 100.0
    assert attached.host.accept(LEAF, ORDER)
    attached.host.end_poll(held)
    assert attached.host.statuses[0].silent_s == 0.0


def test_the_end_of_a_call_of_an_earlier_life_says_nothing_of_the_latest(attached: Host) -> None:
    held = attached.host.begin_poll(LEAF)
    assert held is not None
    reborn = replace(LEAF, incarnation=4)
    attached.attach(reborn)
    attached.host.end_poll(held)
    assert attached.host.begin_poll(LEAF) is None

    attached.now += leaf_host.SILENT_S + 1

    assert attached.host.statuses[0].silent_s == leaf_host.SILENT_S + 1
    with pytest.raises(NotYet):
        attached.host.accept(reborn, ORDER)


def test_the_latest_life_of_a_leaf_counts(attached: Host) -> None:
    attached.tell(DONE)
    reborn = replace(LEAF, incarnation=4)
    attached.attach(reborn)

    with pytest.raises(WrongIncarnation):
        attached.attach(LEAF)
    with pytest.raises(WrongIncarnation):
        attached.host.leaf(LEAF.id, LEAF.incarnation)
    with pytest.raises(NotFound):
        attached.host.collect(reborn, Collect(ORDER.ticket))


def test_a_full_host_refuses_more_leaves_until_one_has_been_silent(
    attached: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaf_host, "LEAVES_MAX", 1)
    other = NodeRef(8, "ward", 1025, 3)
    with pytest.raises(Busy, match="1 leaves are attached here already"):
        attached.attach(other)
    attached.now += leaf_host.SILENT_S + 1
    attached.attach(other)
    assert [leaf.node for leaf in attached.host.statuses] == [other]


def test_the_oldest_results_make_room_and_are_asked_for_again(attached: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaf_host, "RESULTS_BYTES_MAX", 2)
    attached.tell(DONE)
    assert attached.collected.state == "running"
    assert attached.host.errands(LEAF).wanted == (ORDER.ticket,)


def test_no_more_orders_wait_for_a_leaf_than_it_is_allowed(attached: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaf_host, "ORDERS_MAX", 1)
    attached.host.accept(LEAF, ORDER)
    with pytest.raises(Busy):
        attached.host.accept(LEAF, replace(ORDER, round=2))
