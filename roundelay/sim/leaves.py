"""Leaves, simulated: sites that only dial out, and the side of the nodes that answer for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from roundelay.chord.crawl import successors_among
from roundelay.chord.dispatch import Handlers, dispatch
from roundelay.chord.effects import Procedure, Sleep, ask
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetMembers
from roundelay.federation.effects import Clocks
from roundelay.federation.leaf import Leaf, assemble
from roundelay.federation.leaf_host import AttachedLeaf, LeafHost, with_weights
from roundelay.federation.orders import Orders
from roundelay.federation.requests import WAIT_MAX_S, Attach, Collect, Errands, Order
from roundelay.sim.observed_ring import ObservedRing
from roundelay.sim.process import LongPoll, Outcome
from roundelay.store.items import Read, Write
from roundelay.store.store import Store

ENTRY_RETRY_S = 0.2
PORT = 1


class SimLeafHosting:
    """What a simulated node does for its leaves."""

    def __init__(self, host: LeafHost, store: Store) -> None:
        self.host = host
        self._held: list[tuple[Attach, AttachedLeaf]] = []
        self._store_handlers = store.handlers()

    def poll(self, request: Attach) -> LongPoll | None:
        """Take a leaf's call in, and hold it until there is something to do."""
        try:
            self.host.report(request)
        except ChordError:
            return None  # the handler says so
        leaf = self.host.begin_poll(request.leaf) if request.wait_s else None
        if leaf is None:
            return None
        self._held.append((request, leaf))
        return LongPoll(lambda: self.host.has_errands(request.leaf), min(request.wait_s, WAIT_MAX_S))

    def attach(self, request: Attach) -> Errands:
        """Answer a call, after it was held."""
        for each in [each for each in self._held if each[0] == request][:1]:
            self._held.remove(each)
            self.host.end_poll(each[1])
        self.host.report(request)
        errands = self.host.errands(request.leaf)
        return replace(errands, orders=with_weights(errands.orders, self._store_handlers[Read]))

    def handlers_of(self, node: NodeRef) -> Handlers | None:
        """Return the handlers of requests to a leaf; None if it is not known here."""
        ref = self.host.leaf(node.id, node.incarnation)
        if ref is None:
            return None

        def accept(order: Order) -> str:
            if order.content:
                dispatch(self._store_handlers, order.staging)
            return self.host.accept(ref, order.without_content)

        return {
            Order: accept,
            Collect: lambda poll: self.host.collect(ref, poll),
            Read: self._store_handlers[Read],
            Write: self._store_handlers[Write],
        }


class SimLeaves:
    """A workload: leaves that train whatever jobs there are."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.orders: list[Orders] = []
        self._trained = 0

    def start(self, observed: ObservedRing) -> None:
        """Start leaves whose identifiers divide the ring evenly."""
        for number in range(self._count):
            identifier = (2 * number + 1) * observed.ring.size // (2 * self._count)
            self._start(observed, NodeRef(identifier, f"leaf-{number}", PORT, 1))

    def stop(self) -> None:
        """Do nothing: leaves go on."""

    def check(self, observed: ObservedRing) -> None:
        """Count what they have done."""
        self._trained = sum(orders.states["done"] for orders in self.orders)

    def summary(self) -> str:
        return f"{self._count} leaves: {self._trained} orders remembered as done"

    def _start(self, observed: ObservedRing, ref: NodeRef) -> None:
        world, address = observed.world, ref.address
        process = world.start(address)
        world.silent.add(address)  # it accepts no connections
        orders, store = Orders(), Store(lambda: world.clock.now)
        self.orders.append(orders)
        node, process.ref = ChordNode(ref, observed.ring), ref

        def enter() -> Procedure[Sequence[NodeRef]]:
            members = yield from ask(observed.supernode.address, GetMembers())
            return members.nodes

        clocks = Clocks(lambda: world.clock.now, lambda: round(1e6 * world.clock.now))
        leaf = Leaf(node, orders, enter, clocks.monotonic, lambda line: world.note(f"{address} says {line}"))
        process.handlers, loops = assemble(leaf, node, store, orders, clocks, None)
        process.has_order = lambda: orders.next is not None

        def begin(members: Outcome) -> None:
            first, *others = successors_among(members, ref.id)
            node.set_successors(first, tuple(others))
            for name, loop in loops.items():
                world.run(process, name, loop(), _unexpected)

        world.run(process, "enter", _find_members(enter), begin)


def _find_members(enter: Any) -> Procedure[Sequence[NodeRef]]:
    """Ask until there are members."""
    while True:
        try:
            members: Sequence[NodeRef] = yield from enter()
        except ChordError:
            members = ()
        if members:
            return members
        yield Sleep(ENTRY_RETRY_S)


def _unexpected(outcome: Outcome) -> None:
    raise AssertionError(f"a loop of a leaf has ended: {outcome}")
