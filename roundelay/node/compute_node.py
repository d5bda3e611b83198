"""One compute node as it runs: its core, its server, its threads, from start to leave."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from roundelay.chord import maintenance, protocol
from roundelay.chord.choices import STABILIZE_INTERVAL_S
from roundelay.chord.dispatch import Handlers, dispatch, ring_handlers
from roundelay.chord.effects import Procedure, Request, Sleep, ask
from roundelay.chord.errors import ChordError, Corrupt, LookupFailed, NodeUnreachable, NotYet, StoreFull
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Admit, GetStatus, Grant, Retire, SayHello, Status, TrainingStatus
from roundelay.chord.ring import Ring
from roundelay.federation.effects import AwaitOrder, Clocks, Compute, Offload
from roundelay.federation.failover import JobSupervisor
from roundelay.federation.orders import Orders
from roundelay.federation.requests import WAIT_MAX_S, Collect, DriverHeartbeat, Order
from roundelay.ml.models.allowed import importable
from roundelay.node.data_directory import DataDirectory
from roundelay.node.load import Load
from roundelay.node.runtime import Runtime, Stopped
from roundelay.node.trainer import Trainer
from roundelay.rpc.handlers import compute_node_processor
from roundelay.rpc.peers import Peers
from roundelay.rpc.server import Server
from roundelay.store import replication
from roundelay.store.items import Put
from roundelay.store.store import Store

if TYPE_CHECKING:  # most nodes have neither
    from roundelay.node.disk import Disk
    from roundelay.node.private import Private

R = TypeVar("R")

JOIN_ATTEMPTS_MAX = 5
ENTRY_TIMEOUT_S = 10.0  # patient: asked twice, a slow supernode would grant two lives, and we might hear of the older
ENTRY_RETRY_S = 0.1
FOUNDING_S = 0.01  # the ring is founded in no time: the first who are told to wait try again sooner
ENTRY_RETRIES_MAX = 6000
LEAVE_TIMEOUT_S = 3.0
STOP_TIMEOUT_S = 1.5


@dataclass(frozen=True)
class ComputeNodeOptions:
    """How one compute node is set up."""

    listen: Address
    advertise: str
    supernode: Callable[[], Address] | None  # where that is which admits it; None: it joins through `bootstrap`
    bootstrap: Address | None = None
    stabilize_every_s: float = STABILIZE_INTERVAL_S
    listed: Callable[[], Sequence[Address]] = tuple  # at which a second ring may be met
    load: float = 0.0  # how often it is busy with other things
    load_delay_s: float = 0.0  # and for how long


class ComputeNode:
    """A node of the ring. `say` is told what people may want to read."""

    def __init__(
        self,
        options: ComputeNodeOptions,
        shelf: DataDirectory,
        say: Callable[[str], None],
        disk: Disk | None = None,
        private: Private | None = None,
    ) -> None:
        self._private = private
        self._options = options
        self._shelf = shelf
        self._disk = disk
        self._say = say
        self.runtime = Runtime(Peers())
        self.store = Store(time.monotonic, disk, disk)
        self.load = Load(options.load, options.load_delay_s, random.Random(), self.runtime.stopping.wait)
        self.orders = Orders(self.load.is_busy, self._relay, private.content if private else None)
        self.trainer = Trainer(self._on_training, say, clients=private.headers if private else {})
        self.node: ChordNode | None = None
        self.failure: Exception | None = None
        self._handlers: Handlers = {}
        self._store_handlers = self.store.handlers()
        self._store_lock = threading.Lock()  # its own: a disk may be slow, and the ring must not wait for it
        self._server = Server(compute_node_processor(self._me, self.answer), options.listen.host, options.listen.port)

    # --- from start to leave

    @property
    def address(self) -> Address:
        """Where others reach it, once it has started."""
        return Address(self._options.advertise, self._server.address[1])

    def listen(self) -> None:
        """Serve; until it has joined, every question is answered NotYet. Raises PortInUse, DiskError."""
        if self._disk is not None:
            self._disk.open()
            self.store.restore(self._disk.items())
        self._server.start()

    def join(self) -> ChordNode:
        """Be admitted and become a member; then keep the ring. Raises JoinRefused, NodeUnreachable, LookupFailed."""
        node = self.runtime.run(self._enter())
        self._start_loop(
            "neighbours", maintenance.stabilize_loop(node, random.Random(), self._options.stabilize_every_s)
        )
        self._start_loop("fingers", maintenance.fix_fingers_loop(node, random.Random()))
        if self._options.supernode is not None:
            self._start_loop("lease", maintenance.heartbeat_loop(node, self._options.supernode))
        self._start_loop("one ring", maintenance.merge_rings_loop(node, self._options.listed, random.Random()))
        self._start_loop("store", replication.replication_loop(node, self.store, random.Random()))
        self._start_loop("orders", self.orders.run_queue(node))
        self._start_loop("jobs", self._keeper.supervise())
        if self._private is not None:
            from roundelay.federation.private_data import publish_loop

            private = self._private
            self._start_loop(
                "pinned", publish_loop(node, private.name, private.features, private.files, time.time_ns, importable())
            )
        return node

    def leave(self) -> None:
        """Tell the neighbours and the supernode, then stop; within LEAVE_TIMEOUT_S and STOP_TIMEOUT_S."""
        farewell = threading.Thread(target=self._farewell, daemon=True)
        farewell.start()
        farewell.join(LEAVE_TIMEOUT_S)
        self.trainer.stop()
        self.runtime.stop(STOP_TIMEOUT_S)
        self._server.stop()
        if self._disk is not None:
            self._disk.close()

    # --- joining

    def _enter(self) -> Procedure[ChordNode]:
        for _ in range(JOIN_ATTEMPTS_MAX):
            grant = yield from self._grant()
            node = self._become(grant)
            if grant.bootstrap is None:
                protocol.create(node)
                return node
            try:
                yield from protocol.join(node, grant.bootstrap)
            except LookupFailed as error:
                self._say(f"{error}: looking for another way in")
                continue
            return node
        raise LookupFailed(f"not joined in {JOIN_ATTEMPTS_MAX} attempts")

    def _grant(self) -> Procedure[Grant]:
        """An identity, and a member to join through: from the supernode, or of our own making."""
        bootstrap = self._options.bootstrap
        if bootstrap is not None and bootstrap == self.address:  # itself: it founds a ring that no supernode is for
            ring = Ring()
            return Grant(self._hashed(ring), ring, None)
        if bootstrap is not None:
            hello = yield from self._persist(lambda: bootstrap, SayHello(), "node")
            return Grant(self._hashed(hello.ring), hello.ring, hello.node)
        assert self._options.supernode is not None
        grant = yield from self._persist(self._options.supernode, Admit(self.address), "supernode")
        return grant

    def _hashed(self, ring: Ring) -> NodeRef:
        """An identity of our own making, from our address."""
        return NodeRef(ring.key(str(self.address)), self.address.host, self.address.port, time.time_ns())

    def _persist(self, where: Callable[[], Address], request: Request[R], who: str) -> Procedure[R]:
        """Ask until there is a yes or a no; say once of each address that nobody is there."""
        silent: set[Address] = set()
        pause_s = FOUNDING_S
        for _ in range(ENTRY_RETRIES_MAX):
            address = where()
            try:
                reply = yield from ask(address, request, ENTRY_TIMEOUT_S)
                return reply
            except NotYet:
                pass
            except NodeUnreachable:
                if address not in silent:
                    self._say(f"no {who} answers at {address}: waiting for it")
                silent.add(address)
                pause_s = ENTRY_RETRY_S
            yield Sleep(pause_s)
            pause_s = min(2 * pause_s, ENTRY_RETRY_S)
        raise NodeUnreachable(f"no {who} has answered at {where()}")

    def _become(self, grant: Grant) -> ChordNode:
        """Take on an identity: from now on questions to it are answered."""
        node = ChordNode(grant.node, grant.ring)
        self.store.handoff_complete = grant.bootstrap is None  # a joiner is handed over what it will own
        self._keeper = keeper = JobSupervisor(node, Clocks(time.monotonic, time.time_ns), self._say)
        self._handlers = {
            **ring_handlers(node),
            **self.orders.handlers(),
            DriverHeartbeat: lambda request: keeper.heartbeat(request.job),
            GetStatus: lambda _: self._status(node),
        }
        self.runtime.be(node.ref, self.answer)
        self.runtime.nap_until(lambda: node.nudged or len(node.pending) > 0)
        self.runtime.perform_with(AwaitOrder, self._rest)
        self.runtime.perform_with(Compute, lambda effect: self.load.around(effect, self.trainer.perform))
        self.runtime.perform_with(Offload, lambda effect: effect.function())
        self.node = node
        return node

    def _start_loop(self, name: str, procedure: Procedure[Any]) -> None:
        self.runtime.start(name, procedure, self._fail)

    def _fail(self, error: Exception) -> None:
        """One of the threads has ended for good: so has this node."""
        self.failure = error
        self.runtime.stopping.set()

    def _farewell(self) -> None:
        if self.node is not None and self.node.joined:
            with suppress(ChordError, Stopped):
                self.runtime.run(replication.handoff_on_leave(self.node))
            with suppress(ChordError, Stopped):
                self.runtime.run(protocol.leave(self.node))
            if self._options.supernode is not None:
                with suppress(ChordError, Stopped):
                    self.runtime.run(ask(self._options.supernode(), Retire(self.node.ref)))

    # --- what it answers

    def _me(self) -> NodeRef:
        if self.node is None:
            raise NotYet(f"{self.address} has not been admitted yet")
        return self.node.ref

    def answer(self, request: Request[Any]) -> Any:
        """Any thread's question. Only a collect waits, for the end of its order, and within a bound."""
        place = f"handle.{type(request).__name__}"
        return self.runtime.faults.around(place, request, lambda: self._answer(request))

    def _answer(self, request: Request[Any]) -> Any:
        if not self._handlers:
            raise NotYet(f"{self.address} has not been admitted yet")
        if type(request) in self._store_handlers:
            return self._answer_from_store(request)
        with self.runtime.changed:
            if isinstance(request, Collect):
                self._wait_for_news(request)
            reply = dispatch(self._handlers, request)
            if not isinstance(request, SayHello):
                self._wake()
            return reply

    def _answer_from_store(self, request: Request[Any]) -> Any:
        content = None
        if isinstance(request, Put) and not self.store.has(request.item.entry.digest):
            content = self._shelf.content(request.item.entry.name, request.item.entry.digest)
        with self._store_lock:
            if content is not None and isinstance(request, Put):
                with suppress(Corrupt, StoreFull):  # it has changed on the disk: the bytes must be sent after all
                    self.store.stage(request.item.entry.digest, content)
            return dispatch(self._store_handlers, request)

    def _wait_for_news(self, request: Collect) -> None:
        def is_over() -> bool:
            return self.orders.progress(request.ticket).is_final or self.runtime.stopping.is_set()

        self.runtime.changed.wait_for(is_over, min(request.wait_s, WAIT_MAX_S))

    def _wake(self) -> None:
        """Whoever naps or rests has something to do."""
        node = self.node
        if (node is not None and (node.nudged or len(node.pending))) or self.orders.next is not None:
            self.runtime.changed.notify_all()

    def _rest(self, _: AwaitOrder) -> None:
        with self.runtime.changed:
            self.runtime.changed.wait_for(lambda: self.orders.next is not None or self.runtime.stopping.is_set())
        if self.runtime.stopping.is_set():
            raise Stopped

    def _status(self, node: ChordNode) -> Status:
        with self._store_lock:
            names, stored_bytes = self.store.names, self.store.stored_bytes
        return Status(
            node.ref,
            node.ring,
            node.predecessor,
            node.successors,
            node.fingers,
            names,
            stored_bytes,
            self.orders.training,
        )

    def _relay(self, order: Order) -> None:
        """Pass an order on, in a thread of its own that ends with it."""
        assert self.node is not None
        self.runtime.start(
            "relay", self.orders.run_collective(self.node, order), lambda error: self._say(f"relay: {error}")
        )

    def _on_training(self, ticket: str, training: TrainingStatus) -> None:
        """Show an epoch that has ended, here and to whoever asks for this node's status."""
        self._say(str(training))
        with self.runtime.changed:
            self.orders.set_training(ticket, training)
