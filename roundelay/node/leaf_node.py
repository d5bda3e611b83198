"""A leaf as a process runs it: a compute node that only dials out (roundelay.federation.leaf)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from roundelay.chord.crawl import successors_among
from roundelay.chord.dispatch import Handlers, dispatch
from roundelay.chord.effects import Ask, AskAll, Procedure, Request
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetMembers, Hello, Members, SayHello
from roundelay.federation.effects import Clocks
from roundelay.federation.leaf import Leaf, assemble
from roundelay.federation.leaf_directory import withdraw
from roundelay.federation.requests import Order
from roundelay.federation.states import ORDER_STATES
from roundelay.node.joining import Entry, find_members
from roundelay.node.participant import ComputeNodeOptions, Participant
from roundelay.node.runtime import Stopped

if TYPE_CHECKING:  # most leaves have none of them
    from roundelay.node.metrics import Gauges
    from roundelay.node.private import Private
    from roundelay.node.security import Security

LEAVE_TIMEOUT_S = 2.0
STOP_TIMEOUT_S = 1.5
ENTER_TIMEOUT_S = 5.0


class LeafNode(Participant):
    """One leaf: its procedures, its trainer and their threads. `log` is given lines for people."""

    def __init__(
        self,
        options: ComputeNodeOptions,
        log: Callable[[str], None],
        private: Private | None = None,
        security: Security | None = None,
    ) -> None:
        super().__init__(options, log, private=private, security=security)
        self.address = Address(options.advertise, options.listen.port)  # a name: nothing listens there
        self.node: ChordNode | None = None
        self._leaf: Leaf | None = None
        self._handlers: Handlers = {}

    def join(self) -> ChordNode:
        """Find the ring, and begin to attach to nodes of it. Raises JoinRefused, NodeUnreachable."""
        node_id = self._security.channel.identity.node_id if self._security else None
        entry = Entry(self.address, self._options.supernode, self._options.bootstrap, self._log, node_id)
        ring, members = self.runtime.run(find_members(entry))
        identifier = ring.key(f"leaf {self.address}") if node_id is None else node_id
        ref = NodeRef(identifier, self.address.host, self.address.port, time.time_ns())
        self.node = node = ChordNode(ref, ring)
        first, *others = successors_among(members, identifier)
        node.set_successors(first, tuple(others))
        self.runtime.peers.bits = ring.bits
        self._leaf = leaf = Leaf(node, self.orders, self._enter, time.monotonic, self._log)
        clocks = Clocks(time.monotonic, time.time_ns)
        self._handlers, loops = assemble(leaf, node, self.store, self.orders, clocks, self._private)
        self.runtime.be(ref, self.answer)
        self._perform_orders()
        self._keep(loops | self._security_loops(node))
        return node

    def leave(self) -> None:
        """Take itself off the list of leaves, then stop; within LEAVE_TIMEOUT_S + STOP_TIMEOUT_S."""
        leaving = threading.Thread(target=self._withdraw, daemon=True)
        leaving.start()
        leaving.join(LEAVE_TIMEOUT_S)
        self.trainer.stop()
        self.runtime.stop(STOP_TIMEOUT_S)

    def answer(self, request: Request[Any]) -> Any:
        """Answer a request of the leaf's own procedures; no other process can reach it."""
        if type(request) in self._store_requests:
            return self._answer_from_store(self._handlers, request)
        if isinstance(request, Order) and request.content:
            self._stage(self._handlers, request)
        with self.runtime.lock:
            reply = dispatch(self._handlers, request)
            self.runtime.lock.wake()
            return reply

    # --- for monitoring

    def why_not_ready(self) -> str:
        """Return why no orders can come now; empty if they can."""
        if self._leaf is None:
            return "has not found the ring yet"
        return "" if self._leaf.hosts else "is attached to no node of the ring"

    def gauges(self) -> Gauges:
        """Return what monitoring shows of the hosts and the orders of this leaf."""
        with self.runtime.lock:
            orders, training = self.orders.states, self.orders.training
            hosts = len(set(self._leaf.hosts.values())) if self._leaf is not None else 0
        return {
            "ready": ("Whether the leaf is attached to the ring", float(not self.why_not_ready())),
            "leaf_hosts": ("Nodes that the leaf is attached to", float(hosts)),
            "training": ("Whether the node trains", float(training is not None)),
            "trainer_running": ("Whether the trainer process runs", float(self.trainer.pid is not None)),
            "orders": ("Orders that the node remembers, by state", {each: orders[each] for each in ORDER_STATES}),
        }

    # --- helpers

    def _enter(self) -> Procedure[Sequence[NodeRef]]:
        """Ask once for members of the ring: the supernode, or the known addresses. Return none if nothing answers."""
        options = self._options
        supernode = [options.supernode()] if options.supernode is not None else []
        doors = [*([options.bootstrap] if options.bootstrap is not None else []), *options.listed()]
        asks = [Ask(address, GetMembers(), ENTER_TIMEOUT_S) for address in supernode]
        asks += [Ask(address, SayHello(), ENTER_TIMEOUT_S) for address in dict.fromkeys(doors)]
        answers = yield AskAll(asks, need=1)
        members = [node for answer in answers if isinstance(answer, Members) for node in answer.nodes]
        return [*members, *(answer.node for answer in answers if isinstance(answer, Hello) and answer.joined)]

    def _withdraw(self) -> None:
        if self.node is not None:
            with suppress(ChordError, Stopped):
                self.runtime.run(withdraw(self.node, time.time_ns()))
            self._log("left: the ring goes on without this leaf")
