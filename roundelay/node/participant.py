"""What takes part in jobs, in the process of a node or of a leaf: its store, orders and trainer, and their runtime."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roundelay.chord.choices import STABILIZE_INTERVAL_S
from roundelay.chord.dispatch import Handlers, dispatch
from roundelay.chord.effects import Request
from roundelay.chord.errors import JoinRefused
from roundelay.chord.node import ChordNode
from roundelay.chord.quarantine import Quarantine
from roundelay.chord.refs import Address
from roundelay.chord.requests import TrainingStatus
from roundelay.federation.attacks import Attack
from roundelay.federation.effects import AwaitOrder, CancelOrder, Compute, Done, OpenBuffer
from roundelay.federation.node_core import Loops
from roundelay.federation.order_executor import OrderExecutor
from roundelay.federation.orders import Orders
from roundelay.federation.requests import ListJob, Order
from roundelay.node.checkpoints import Checkpoints
from roundelay.node.errors import DiskError
from roundelay.node.files import SpoolingBlobs, buffer_for
from roundelay.node.line_limit import LineLimit
from roundelay.node.load import Load
from roundelay.node.runtime import Runtime, Stopped, report_failure
from roundelay.node.trainer import Trainer
from roundelay.rpc.exchange import Observer
from roundelay.rpc.peers import Peers
from roundelay.store.items import CollectGarbage, GetRangeDigest, ListRange, Put, WriteDelta
from roundelay.store.store import Store

if TYPE_CHECKING:  # most processes have none of them
    from roundelay.federation.masker import Masker
    from roundelay.federation.site_gate import SiteGate
    from roundelay.node.disk import Disk
    from roundelay.node.private import Private
    from roundelay.node.security import Security

NOISE_SECRET_BYTES = 32
COMPUTING = (WriteDelta, ListJob)  # take long and much memory: one at a time
SCANNING = (GetRangeDigest, ListRange, CollectGarbage)  # go through all items: one of each at a time
FATAL = (JoinRefused, DiskError)  # without an identity or a disk a node cannot serve


@dataclass(frozen=True)
class ComputeNodeOptions:
    """How one compute node is set up; a leaf listens nowhere, and its address is only its name."""

    listen: Address
    advertise: str  # the host by which others reach it
    supernode: Callable[[], Address] | None  # returns where the supernode is; None: join through `bootstrap`
    bootstrap: Address | None = None
    stabilize_every_s: float = STABILIZE_INTERVAL_S
    listed: Callable[[], Sequence[Address]] = tuple  # addresses at which a second ring may be met
    load: float = 0.0  # simulated load: probability that an order is delayed or refused
    load_delay_s: float = 0.0
    finger_candidates: int = 1  # of which the nearest becomes a finger
    gate: SiteGate | None = None  # the policy for private data
    shows_epochs: bool = False
    checkpoints: Path | None = None  # the folder of its orders' checkpoints; None: in memory
    attack: str = ""  # how its results are wrong, for tests
    masker: Masker | None = None  # masks the updates of private data in secure aggregation


class Participant:
    """The part that compute nodes and leaves have in common. `log` is given lines for people."""

    def __init__(
        self,
        options: ComputeNodeOptions,
        log: Callable[[str], None],
        disk: Disk | None = None,
        private: Private | None = None,
        security: Security | None = None,
        launch: Callable[[Order], None] | None = None,
    ) -> None:
        self._options = options
        self._log = log
        self._log_progress = LineLimit(log)
        self._private = private
        self._security = security
        self.runtime = Runtime(Peers(security.peers if security else None))
        self._quarantine = Quarantine(time.monotonic, report_failure)
        lock = threading.Lock()  # its own: a disk may be slow, and the ring must not wait for it
        self._unpacking = threading.Lock()
        self.store = Store(time.monotonic, disk or SpoolingBlobs(), disk, lock, self._unpacking)
        self.load = Load(options.load, options.load_delay_s, random.Random(), self.runtime.stopping.wait)
        self.orders = Orders(
            self.load.is_busy,
            launch,
            self._quarantine,
            OrderExecutor(options.gate, options.masker, secrets.token_bytes(NOISE_SECRET_BYTES)),
        )
        self._attack = Attack(options.attack, random.Random()) if options.attack else None
        checkpoints = Checkpoints(options.checkpoints)
        self.trainer = Trainer(self._on_training, log, own=private, checkpoints=checkpoints)
        self._store_requests = frozenset({*self.store.handlers(), ListJob})
        self._locks: dict[type[Request[Any]], AbstractContextManager[object]] = {  # others hold the store's lock
            Put: nullcontext(),
            **{kind: threading.Lock() for kind in (*COMPUTING, *SCANNING)},
        }

    def observe_calls(self, observe: Observer) -> None:
        """Let every call be reported that this process sends or serves."""
        self.runtime.peers.observe = observe

    def _perform_orders(self) -> None:
        """Let the runtime perform the effects of orders."""
        self.runtime.perform_with(AwaitOrder, self._await_order)
        self.runtime.perform_with(Compute, self._compute)
        self.runtime.perform_with(CancelOrder, lambda effect: self.trainer.cancel(effect.ticket, effect.why))
        self.runtime.perform_with(OpenBuffer, lambda effect: buffer_for(effect.size_bytes))

    def _security_loops(self, node: ChordNode) -> Loops:
        """Return the loops of a secured ring."""
        if self._security is None:
            return {}
        security = self._security
        return {
            "revocations": lambda: security.follow(lambda: node.ref, node.ring, self._log),
            "kit": lambda: security.watch_kit(self._log),
        }

    def _keep(self, loops: Loops) -> None:
        """Run loops, each in a thread of its own."""
        for name, loop in loops.items():
            self.runtime.keep(name, loop, FATAL)

    def _answer_from_store(self, handlers: Handlers, request: Request[Any]) -> Any:
        with self._locks.get(type(request), self.store.lock):
            return dispatch(handlers, request)

    # --- orders

    def _stage(self, handlers: Handlers, order: Order) -> None:
        """Stage the content that has come along with an order."""
        with self._unpacking:
            staging = order.staging
        self._answer_from_store(handlers, staging)

    def _compute(self, effect: Compute) -> Done:
        """Have the trainer carry an order out, late or wrongly where that is simulated."""
        train, attack = self.trainer.perform, self._attack
        return self.load.around(effect, train if attack is None else lambda order: attack.around(order, train))

    def _await_order(self, _: AwaitOrder) -> None:
        self.runtime.wait_until(lambda: self.orders.next is not None)
        if self.runtime.stopping.is_set():
            raise Stopped

    def _on_training(self, ticket: str, training: TrainingStatus) -> None:
        """Show a finished epoch on the console and in this node's status."""
        if self._options.shows_epochs:
            self._log_progress(str(training))
        with self.runtime.lock:
            self.orders.set_training(ticket, training)
