"""The whole compute node, simulated: the ring, the store, orders, and the care for jobs; only the trainer is inline.

The core's procedures run as they are. A training takes virtual time, so that a crash may fall
into it; what it computes is computed at once, by the very worker that a trainer process runs.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from roundelay.chord.dispatch import Handlers
from roundelay.chord.effects import Procedure, Sleep
from roundelay.chord.node import ChordNode
from roundelay.federation.effects import AwaitOrder, Clocks, Compute, Done, Offload
from roundelay.federation.errors import FilesLacking, WorkFailed
from roundelay.federation.failover import JobSupervisor
from roundelay.federation.orders import Orders
from roundelay.federation.requests import Collect, DriverHeartbeat, Order
from roundelay.ml.errors import MLError
from roundelay.ml.task import task_from_dict
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
    brought: WeakKeyDictionary[Process, set[str]] = WeakKeyDictionary()
    sleep = world.performers[Sleep]
    world.performers[Compute] = partial(_compute, world, worker, brought)
    world.performers[Offload] = lambda _, effect: effect.function()
    world.performers[AwaitOrder] = lambda task, _: sleep(task, Sleep(REST_S))


def _compute(
    world: World, worker: Worker, brought: WeakKeyDictionary[Process, set[str]], task: SimTask, effect: Compute
) -> Outcome:
    """Carry an order out: the result is there when the training would have ended.

    One worker serves all, who parses each file once; but each process must have brought its files itself.
    """
    resume, process = task.later(), task.process
    known = brought.setdefault(process, set())
    known.update(file.digest for file in effect.order.files if file.digest in effect.contents)
    if lacking := [file.name for file in effect.order.files if file.digest not in known]:
        return FilesLacking(f"{len(lacking)} files, the first is {lacking[0]}")
    seconds = TRAINS_S_A_FILE * len(effect.order.files)
    try:
        outcome: Outcome = run_queue(worker, effect, seconds)
    except MLError as error:
        outcome = WorkFailed(str(error))
    world.clock.after(seconds, lambda: process.when_awake(lambda: resume(outcome)))
    return PENDING


def run_queue(worker: Worker, effect: Compute, seconds: float) -> Done:
    """What a trainer process does with an order. Raises MLError, FilesLacking."""
    order, work = effect.order, json.loads(effect.order.task)
    weights = effect.contents.get(order.weights, b"")
    lacking = [file for file in order.files if not worker.has(file.digest)]
    if any(file.digest not in effect.contents for file in lacking):
        raise FilesLacking(f"{len(lacking)} files")
    for file in lacking:
        worker.add_file(file.digest, file.name, effect.contents[file.digest], work["features"], work["classes"])
    if work["kind"] == "moments":
        return Done(worker.moments([file.digest for file in order.files]).to_bytes(), seconds)
    task = task_from_dict(work["task"])
    if work["kind"] == "evaluate":
        found = worker.evaluate(task, weights, order.files[0].digest)
        return Done(b"", seconds, found.loss, 1 - found.error_rate)
    update = worker.train(task, weights)
    return Done(update.sum, seconds, update.loss, update.accuracy)


def _say(world: World, node: ChordNode, line: str) -> None:
    world.note(f"{node.ref.address} says {line}")
