"""The whole compute node, simulated: the ring, the store, orders, and the care for jobs; only the trainer is inline.

The core's procedures run as they are. A training takes virtual time, so that a crash may fall
into it; what it computes is computed at once, by the very worker that a trainer process runs.
"""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

from roundelay.chord.dispatch import Handlers
from roundelay.chord.effects import Sleep
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.federation.effects import AwaitOrder, Compute, Done, Offload
from roundelay.federation.errors import FederationError, FilesLacking
from roundelay.federation.node_core import Loops, assemble
from roundelay.federation.orders import Orders
from roundelay.federation.requests import Order
from roundelay.federation.trainer_client import TrainerClient
from roundelay.ml.frames import Frame, Header
from roundelay.ml.trainer import carry_out
from roundelay.ml.worker import Worker
from roundelay.sim.machine import Machine, RingProgram
from roundelay.sim.process import PENDING, Outcome, Process, SimTask
from roundelay.sim.world import World
from roundelay.store.store import Store

TRAINS_S_A_FILE = 0.5
REST_S = 0.1  # a node at rest looks for orders so often


class NodeProgram(RingProgram):
    """What one life of a compute node runs: all that a process runs, with an inline trainer."""

    def __init__(self, machine: Machine, node: ChordNode) -> None:
        super().__init__(machine, node)
        world = machine.world
        teach(world)
        self.store = Store(lambda: world.clock.now)
        self.orders = Orders(launch=self._launch)
        self._core = assemble(node, self.store, self.orders, self.surroundings)

    def handlers(self) -> Handlers:
        return self._core.handlers

    def loops(self) -> Loops:
        node = self.node
        self.store.handoff_complete = node.successor == node.ref
        return self._core.loops

    def _launch(self, order: Order) -> None:
        process = self.machine.process
        assert process is not None
        self.machine.world.run(process, "relay", self.orders.run_collective(self.node, order), lambda _: None)


def teach(world: World) -> None:
    """The world learns to perform the federation's effects."""
    if Compute in world.performers:
        return
    worker = Worker()
    trainers: WeakKeyDictionary[Process, InlineTrainer] = WeakKeyDictionary()
    sleep = world.performers[Sleep]

    def compute(task: SimTask, effect: Compute) -> Outcome:
        trainer = trainers.setdefault(task.process, InlineTrainer(worker))
        return _compute(world, trainer, task, effect)

    world.performers[Compute] = compute
    world.performers[Offload] = lambda _, effect: effect.function()
    world.performers[AwaitOrder] = lambda task, _: sleep(task, Sleep(REST_S))


class InlineTrainer:
    """A node's trainer without a process. One worker may serve many: it parses each file once for all of them.

    Like a process, a trainer lacks what it was not given itself.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._files: set[str] = set()
        self._client = TrainerClient(self._ask)

    def carry_out(self, effect: Compute) -> Done:
        """Carry an order out at once. Raises FilesLacking, WorkFailed, OtherBits, NotFound."""
        return self._client.carry_out(effect)

    def _ask(self, header: Header, payload: bytes, order: Order) -> Frame:
        if header["do"] == "add":
            self._files.add(str(header["digest"]))
            if self._worker.has(str(header["digest"])):
                return Frame({}, bytearray())
        answer, result = carry_out(self._worker, header, payload)
        if header["do"] == "missing":
            here = {d for d in self._files if self._worker.has(d)}
            answer = {"missing": [file.digest for file in order.files if file.digest not in here]}
        return Frame(answer, bytearray(result))


def _compute(world: World, trainer: InlineTrainer, task: SimTask, effect: Compute) -> Outcome:
    """Carry an order out: the result is there when the training would have ended."""
    resume, process = task.later(), task.process
    seconds = TRAINS_S_A_FILE * len(effect.order.files)
    try:
        outcome: Outcome = replace(trainer.carry_out(effect), seconds=seconds)
    except FilesLacking as error:
        return error
    except (ChordError, FederationError) as error:
        outcome = error
    world.clock.after(seconds, lambda: process.when_awake(lambda: resume(outcome)))
    return PENDING
