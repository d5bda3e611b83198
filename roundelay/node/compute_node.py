"""One compute node as a process runs it: its core, its server, its trainer, from start to leave."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from roundelay.chord import protocol
from roundelay.chord.dispatch import Handlers, dispatch
from roundelay.chord.effects import Procedure, Request, ask
from roundelay.chord.errors import ChordError, Corrupt, NotYet, StoreFull
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetStatus, Grant, Retire, Status
from roundelay.federation.effects import Clocks
from roundelay.federation.leaf_host import LeafHost
from roundelay.federation.node_core import NodeCore, Surroundings, assemble
from roundelay.federation.requests import WAIT_MAX_S, Attach, Collect, Order
from roundelay.federation.states import ORDER_STATES
from roundelay.node.data_directory import DataDirectory
from roundelay.node.joining import Entry, join
from roundelay.node.leaf_hosting import LeafHosting
from roundelay.node.participant import ComputeNodeOptions, Participant
from roundelay.node.runtime import Stopped, report_failure
from roundelay.rpc.exchange import Observer
from roundelay.rpc.handlers import compute_node_processor
from roundelay.rpc.server import Server
from roundelay.store import replication
from roundelay.store.items import Put

if TYPE_CHECKING:  # most nodes have none of them
    from roundelay.node.disk import Disk
    from roundelay.node.metrics import Gauges
    from roundelay.node.private import Private
    from roundelay.node.security import Security

HANDOFF_TIMEOUT_S = 3.0
FAREWELL_TIMEOUT_S = 1.5
STOP_TIMEOUT_S = 1.5
HELD_POLLS_MAX = 32  # half of the server's threads


class ComputeNode(Participant):
    """One compute node: its core, server, trainer and threads. `log` is given lines for people."""

    def __init__(
        self,
        options: ComputeNodeOptions,
        data_directory: DataDirectory,
        log: Callable[[str], None],
        disk: Disk | None = None,
        private: Private | None = None,
        security: Security | None = None,
    ) -> None:
        super().__init__(options, log, disk, private, security, self._launch)
        self._data_directory = data_directory
        self._disk = disk
        self._core: NodeCore | None = None
        self._leaf_host = LeafHost(time.monotonic, self.store.has)
        self._hosting = LeafHosting(self._leaf_host, self._answer_for_leaf, self.runtime.stopping)
        access, channel = (security.access, security.channel) if security else (None, None)
        bits = partial(getattr, self.runtime.peers, "bits")
        self._processor = compute_node_processor(self._ref, self.answer, bits, access, self._hosting.answerer)
        self._server = Server(
            self._processor, options.listen.host, options.listen.port, channel, is_known=self._is_peer
        )
        self._held_polls = 0

    # --- from start to leave

    @property
    def address(self) -> Address:
        """Where others reach it, once it has started."""
        return Address(self._options.advertise, self._server.address[1])

    @property
    def node(self) -> ChordNode | None:
        """Its place in the ring, once it has been admitted."""
        return self._core.node if self._core is not None else None

    def listen(self) -> None:
        """Start the server. Requests are answered NotYet until it has joined. Raises PortInUse, DiskError."""
        if self._disk is not None:
            self._disk.open()
            kept = self._disk.items()  # what is not signed was stored before the ring was secured
            self.store.restore([item for item in kept if item.signature or self._security is None])
        self._server.start()

    def join(self) -> ChordNode:
        """Become a member of the ring and start its loops. Raises JoinRefused, NodeUnreachable, LookupFailed."""
        node_id = self._security.channel.identity.node_id if self._security else None
        entry = Entry(self.address, self._options.supernode, self._options.bootstrap, self._log, node_id)
        node = self.runtime.run(join(entry, self._become))
        assert self._core is not None
        self._keep(self._core.loops | self._security_loops(node))
        return node

    def leave(self) -> None:
        """Hand off the store, tell the neighbours and the supernode, then stop; each within its timeout."""
        if self.node is not None and self.node.joined:
            self._leave_ring(self.node)
        self.trainer.stop()
        self.runtime.stopping.set()
        self._hosting.stop()
        self.runtime.stop(STOP_TIMEOUT_S)
        self._server.stop()
        if self._disk is not None:
            self._disk.close()

    def observe_calls(self, observe: Observer) -> None:
        super().observe_calls(observe)
        self._processor.observe = observe

    def _become(self, grant: Grant) -> ChordNode:
        """Take on an identity: from now on requests to it are answered."""
        node = ChordNode(grant.node, grant.ring)
        node.finger_candidates = self._options.finger_candidates
        self.store.handoff_complete = grant.bootstrap is None  # a joining node is first handed what it will own
        surroundings = Surroundings(
            Clocks(time.monotonic, time.time_ns),
            lambda name: random.Random(),
            self._log,
            partial(self.runtime.start, on_failure=partial(report_failure, "a job is no longer driven here")),
            self._options.supernode,
            self._options.listed,
            self._options.stabilize_every_s,
            self._quarantine,
            self._security.guard(node, self.store.named_items) if self._security else None,
        )
        self._core = assemble(node, self.store, self.orders, surroundings, self._private, self._leaf_host)
        self.runtime.be(node.ref, self.answer, self._hosting.answerer)
        self.runtime.peers.bits = grant.ring.bits
        self._perform_orders()
        return node

    def _leave_ring(self, node: ChordNode) -> None:
        """Leave, and say what became of the store. A hand-off that is late delays no farewell."""
        was_alone = node.successor == node.ref
        failure = self._failure_within(HANDOFF_TIMEOUT_S, replication.handoff_on_leave(node))
        self._failure_within(FAREWELL_TIMEOUT_S, self._say_farewell(node))
        self._log(f"left the ring{_fate_of_store(was_alone, failure, self._disk is not None)}")

    def _say_farewell(self, node: ChordNode) -> Procedure[None]:
        """Tell the neighbours and the supernode that this node leaves. Raises ChordError."""
        yield from protocol.leave(node)
        if self._options.supernode is not None:
            yield from ask(self._options.supernode(), Retire(node.ref))

    def _failure_within(self, timeout_s: float, procedure: Procedure[Any]) -> str:
        """Run a procedure in a thread of its own. Return why it failed or has not ended in time, or nothing."""
        outcome = [f"it took longer than {timeout_s:g} s"]

        def body() -> None:
            outcome[0] = self._failure_of(procedure)

        thread = threading.Thread(target=body, name="leave", daemon=True)
        thread.start()
        thread.join(timeout_s)
        return outcome[0]

    def _failure_of(self, procedure: Procedure[Any]) -> str:
        """Run a procedure; return why it failed, or nothing."""
        try:
            self.runtime.run(procedure)
        except ChordError as error:
            return str(error) or type(error).__name__
        except Stopped:
            return "the node was stopping already"
        return ""

    # --- for monitoring

    def why_not_ready(self) -> str:
        """Return why the node does not serve the ring now; empty if it does."""
        node = self.node
        if node is None or not node.joined:
            return "has not joined the ring yet"
        return "" if self.store.handoff_complete else "has not been handed yet what it owns"

    def gauges(self) -> Gauges:
        """Return what monitoring shows of the ring, the store and the orders of this node."""
        gauges: Gauges = {"ready": ("Whether the node serves the ring", float(not self.why_not_ready()))}
        if self._core is None:
            return gauges
        core, node = self._core, self._core.node
        with self.runtime.lock:
            status: Status = dispatch(core.handlers, GetStatus())
            dead, orders = len(node.failure_detector.dead), self.orders.states
        return gauges | {
            "ring_successors": ("Live successors that the node knows", float(len(node.live_successors()))),
            "ring_fingers": ("Different nodes in the finger table", float(len({*status.fingers} - {node.ref}))),
            "ring_dead_peers": ("Peers that are declared dead", float(dead)),
            "store_entries": ("Entries that the node stores", float(len(status.names))),
            "store_bytes": ("Bytes that the node stores", float(status.stored_bytes)),
            "training": ("Whether the node trains", float(status.training is not None)),
            "trainer_running": ("Whether the trainer process runs", float(self.trainer.pid is not None)),
            "jobs_driven": ("Jobs that the node drives now", float(len(core.supervisor.driving))),
            "orders": ("Orders that the node remembers, by state", {each: orders[each] for each in ORDER_STATES}),
        }

    # --- what it answers

    def _ref(self) -> NodeRef:
        return self._admitted().node.ref

    def _admitted(self) -> NodeCore:
        if self._core is None:
            raise NotYet(f"{self.address} has not been admitted yet")
        return self._core

    def answer(self, request: Request[Any]) -> Any:
        """Answer a request, in any thread. Only Collect waits, for the end of its order, and within a bound."""
        place = f"handle.{type(request).__name__}"
        return self.runtime.faults.around(place, request, lambda: self._answer(request))

    def _answer(self, request: Request[Any]) -> Any:
        core = self._admitted()
        if isinstance(request, Attach):
            return self._hosting.attach(request)
        if type(request) in self._store_requests:
            return self._answer_from_store(core.handlers, request)
        if isinstance(request, Order) and request.content:  # first, so that the ring need not wait for the store
            self._stage(core.handlers, request)
            request = request.without_content
        with self.runtime.lock:
            if isinstance(request, Collect):
                self._await_end(request)
            reply = dispatch(core.handlers, request)
            self.runtime.lock.wake()
            return reply

    def _answer_from_store(self, handlers: Handlers, request: Request[Any]) -> Any:
        if isinstance(request, Put):
            self._stage_from_data_directory(request)
        return super()._answer_from_store(handlers, request)

    def _answer_for_leaf(self, request: Request[Any]) -> Any:
        """Answer from the store a request that is meant for a leaf, whose contents are staged there."""
        if isinstance(request, Order):
            return self._stage(self._admitted().handlers, request)
        return self._answer_from_store(self._admitted().handlers, request)

    def _stage_from_data_directory(self, put: Put) -> None:
        """Stage those contents of a put that were not sent, are not stored, and lie in the data directory."""
        for entry in (p.item.entry for p in put.parcels if not p.content and not p.item.deleted):
            content = None if self.store.has(entry.digest) else self._data_directory.content(entry.name, entry.digest)
            if content is not None:
                with self.store.lock, suppress(Corrupt, StoreFull):  # the file has changed: the bytes must be sent
                    self.store.stage(entry.digest, content)

    def _is_peer(self, host: str) -> bool:
        """Return whether a host is that of a neighbour or finger, so that others must not keep it out."""
        node = self.node
        known = (node.predecessor, *node.successors, *node.fingers) if node is not None else ()
        return any(peer.host == host for peer in dict.fromkeys(known))

    def _await_end(self, request: Collect) -> None:
        """Hold a poll until its order has ended; not if many are held already, because each takes a thread."""
        if self._held_polls >= HELD_POLLS_MAX:
            return
        self._held_polls += 1
        try:
            self.runtime.wait_until(partial(self.orders.is_over, request.ticket), min(request.wait_s, WAIT_MAX_S))
        finally:
            self._held_polls -= 1

    # --- orders

    def _launch(self, order: Order) -> None:
        """Carry out an order together with other nodes, in a thread that ends with it."""
        procedure = self.orders.run_collective(self._admitted().node, order)
        self.runtime.start("collective", procedure, partial(report_failure, "an order was not carried out"))


def _fate_of_store(was_alone: bool, failure: str, has_disk: bool) -> str:
    """Return what became of a store whose node has left, to follow "left the ring". failure: of the hand-off."""
    if was_alone:
        return " as its last node; what it stored " + ("is in its --state-dir" if has_disk else "is gone")
    if failure:
        return f"; its successors may lack some of what it stored: {failure}"
    return "; its successors have what it stored"
