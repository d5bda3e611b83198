"""The whole compute node, simulated: the ring, the store, orders, and the care for jobs; only the trainer is inline.

The core's procedures run as they are. A training takes virtual time, so that a crash may fall
into it; what it computes is computed at once, by the very worker that a trainer process runs.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from roundelay.chord.dispatch import Handlers
from roundelay.chord.effects import Procedure, Sleep
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.federation.effects import AwaitOrder, Clocks, Compute, Done, Offload
from roundelay.federation.errors import FederationError, FilesLacking
from roundelay.federation.failover import JobSupervisor
from roundelay.federation.orders import Orders
from roundelay.federation.requests import Collect, DriverHeartbeat, Order
from roundelay.federation.trainer_client import TrainerClient
from roundelay.ml.frames import Frame, Header
from roundelay.ml.trainer import carry_out
from roundelay.ml.worker import Worker
from roundelay.sim.machine import Machine, RingProgram
from roundelay.sim.process import PENDING, Outcome, Process, SimTask
from roundelay.sim.world import World
from roundelay.store import replication
from roundelay.store.store import Store

TRAINS_S_A_FILE = 0.5
REST_S = 0.1  # a node at rest looks for orders so often


class NodeProgram(RingProgram):
    """What a compute node runs, for one life of it."""

    def __init__(self, machine: Machine, node: ChordNode) -> None:
        super().__init__(machine, node)
        world = machine.world
        teach(world)
        self.store = Store(lambda: world.clock.now)
        self.orders = Orders(launch=self._relay)
        self._keeper = JobSupervisor(node, clocks(world), partial(_say, world, node))

    def handlers(self) -> Handlers:
        return {
            **super().handlers(),
            **self.store.handlers(),
            **self.orders.handlers(),
            Collect: lambda r: self.orders.progress(r.ticket),
            DriverHeartbeat: lambda r: self._keeper.heartbeat(r.job),
        }

    def _relay(self, order: Order) -> None:
        process = self.machine.process
        assert process is not None
        self.machine.world.run(process, "relay", self.orders.run_collective(self.node, order), lambda _: None)

    def loops(self) -> dict[str, Procedure[Any]]:
        node = self.node
        self.store.handoff_complete = node.successor == node.ref
        life = f"{node.ref.address} {node.ref.incarnation}"
        return {
            **super().loops(),
            "store": replication.replication_loop(node, self.store, self.machine.world.rng(f"store {life}")),
            "orders": self.orders.run_queue(node),
            "jobs": self._keeper.supervise(),
        }


def clocks(world: World) -> Clocks:
    """Virtual time, for drivers; versions in its microseconds."""
    return Clocks(lambda: world.clock.now, lambda: round(1e6 * world.clock.now))


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


def _say(world: World, node: ChordNode, line: str) -> None:
    world.note(f"{node.ref.address} says {line}")
