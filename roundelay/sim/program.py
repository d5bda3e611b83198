"""The complete compute node, simulated: ring, store, orders and failover of jobs; only the trainer is inline.

The procedures of the core run unchanged. Training takes virtual time, so that crashes can interrupt it; the result is
computed at once, by the same Worker that a trainer process runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from roundelay.chord.dispatch import Handlers
from roundelay.chord.effects import Request
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import Address
from roundelay.federation.attacks import Attack
from roundelay.federation.effects import AwaitOrder, CancelOrder, Compute, Done, OpenBuffer
from roundelay.federation.errors import FederationError, FilesLacking
from roundelay.federation.leaf_host import LeafHost
from roundelay.federation.node_core import Loops, assemble
from roundelay.federation.orders import Orders
from roundelay.federation.requests import WAIT_MAX_S, Attach, Collect, Order
from roundelay.federation.trainer_client import FindOwn, TrainerClient
from roundelay.ml.frames import Frame, Header
from roundelay.ml.sliced import Sliced, as_bytes
from roundelay.ml.trainer_orders import carry_out
from roundelay.ml.worker import Worker
from roundelay.sim.leaves import SimLeafHosting
from roundelay.sim.machine import Machine, RingProgram
from roundelay.sim.process import PENDING, LongPoll, Outcome, Process, SimTask
from roundelay.sim.world import World
from roundelay.store.blobs import MemoryBuffer
from roundelay.store.store import Store

TRAINING_S_PER_FILE = 0.5

Train = Callable[[Compute], Done]


class NodeProgram(RingProgram):
    """The handlers and loops of a complete compute node with an inline trainer, for one incarnation."""

    def __init__(self, machine: Machine, node: ChordNode) -> None:
        super().__init__(machine, node)
        world = machine.world
        add_performers(world)
        self.store = Store(lambda: world.clock.now)
        self.orders = Orders(launch=self._launch)
        self._leaves = SimLeafHosting(LeafHost(lambda: world.clock.now, self.store.has), self.store)
        if world.identities is not None:
            self.surroundings = replace(self.surroundings, guard=world.identities.guard(node, self.store))
        self._core = assemble(node, self.store, self.orders, self.surroundings, leaf_host=self._leaves.host)
        assert machine.process is not None
        machine.process.has_order = lambda: self.orders.next is not None
        machine.process.poll = self._poll
        machine.process.handlers_of = self._leaves.handlers_of

    def handlers(self) -> Handlers:
        return {**self._core.handlers, Attach: self._leaves.attach}

    def loops(self) -> Loops:
        node = self.node
        self.store.handoff_complete = node.successor == node.ref
        return self._core.loops

    def _poll(self, request: Request[Any]) -> LongPoll | None:
        """Hold a poll of an order until the order has ended, as a real node does."""
        if isinstance(request, Attach):
            return self._leaves.poll(request)
        if not isinstance(request, Collect):
            return None
        return LongPoll(lambda: self.orders.is_over(request.ticket), min(request.wait_s, WAIT_MAX_S))

    def _launch(self, order: Order) -> None:
        process = self.machine.process
        assert process is not None
        self.machine.world.run(process, "relay", self.orders.run_collective(self.node, order), lambda _: None)


def add_performers(
    world: World,
    training_s: float = TRAINING_S_PER_FILE,
    attacks: Mapping[Address, Attack] | None = None,
    slow: Mapping[Address, float] | None = None,
) -> None:
    """Let a world perform the effects of federation/, unless it does already.

    Training a file takes `training_s`. attacks: how the results of some nodes are wrong. slow: how many times longer
    training takes on some nodes.
    """
    if Compute in world.performers:
        return
    worker = Worker()
    trainers: WeakKeyDictionary[Process, Train] = WeakKeyDictionary()

    def trainer_at(address: Address) -> Train:
        attack = (attacks or {}).get(address)
        if attack is None:
            return InlineTrainer(worker).carry_out
        return partial(attack.around, perform=InlineTrainer(Worker()).carry_out)

    def compute(task: SimTask, effect: Compute) -> Outcome:
        if task.process not in trainers:
            trainers[task.process] = trainer_at(task.process.address)
        factor = (slow or {}).get(task.process.address, 1.0)
        return _compute(world, trainers[task.process], task, effect, factor * training_s)

    world.performers[Compute] = compute
    world.performers[CancelOrder] = lambda _, effect: None  # the result is there already, it only comes later
    world.performers[OpenBuffer] = lambda _, effect: MemoryBuffer()
    world.performers[AwaitOrder] = _await_order


class InlineTrainer:
    """A node's trainer without a process. Many share a worker, which parses each file only once.

    Like a process, a trainer has only the files that it was given itself.
    """

    def __init__(self, worker: Worker, own: FindOwn | None = None) -> None:
        self._worker = worker
        self._files: set[str] = set()
        self._client = TrainerClient(self._ask, own)

    def carry_out(self, effect: Compute) -> Done:
        """Carry out an order at once. Raises FilesLacking, WorkFailed, OtherBits, NotFound."""
        return self._client.carry_out(effect)

    def _ask(self, header: Header, payload: Sequence[Sliced], order: Order) -> Frame:
        if header["do"] == "add":
            self._files.add(str(header["digest"]))
            if self._worker.has(str(header["digest"])):
                return Frame({}, b"")
        answer, result = carry_out(self._worker, header, b"".join(map(as_bytes, payload)))
        if header["do"] == "missing":
            here = {d for d in self._files if self._worker.has(d)}
            answer = {"missing": [digest for digest in _asked(header) if digest not in here]}
        return Frame(answer, b"".join(map(as_bytes, result)))


def _asked(header: Header) -> list[str]:
    digests = header["digests"]
    assert isinstance(digests, list)
    return digests


def _await_order(task: SimTask, effect: AwaitOrder) -> Outcome:
    resume = task.later()
    task.process.when(task.process.has_order, lambda: resume(None))
    return PENDING


def _compute(world: World, train: Train, task: SimTask, effect: Compute, training_s: float) -> Outcome:
    """Carry out an order; deliver the result when the training would have ended."""
    resume, process = task.later(), task.process
    seconds = training_s * len(effect.order.files)
    try:
        outcome: Outcome = replace(train(effect), seconds=seconds)
    except FilesLacking as error:
        return error
    except (ChordError, FederationError) as error:
        outcome = error
    world.clock.after(seconds, lambda: process.when_awake(lambda: resume(outcome)))
    return PENDING
