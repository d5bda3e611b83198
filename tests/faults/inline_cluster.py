"""A ring on the table: nodes with stores, orders and trainers in one thread, asked by hand, message by message.

The procedures are the real ones. Every question passes `interfere`, which may raise what a network
or a death would raise, kill nodes, or end the asker itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from roundelay.chord.dispatch import Handlers, dispatch, ring_handlers
from roundelay.chord.effects import (
    Ask,
    AskAll,
    Gather,
    Offload,
    Procedure,
    RoundTripsTo,
    Sleep,
    SleepUntil,
    resume,
    run,
)
from roundelay.chord.errors import ChordError, NodeUnreachable, WrongIncarnation
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import jobs
from roundelay.federation.driver import Driver
from roundelay.federation.effects import AwaitOrder, Clocks, Compute, Done
from roundelay.federation.errors import FederationError
from roundelay.federation.failover import JobSupervisor
from roundelay.federation.node_core import content_handlers
from roundelay.federation.orders import Orders
from roundelay.federation.requests import DriverHeartbeat, Order, TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.federation.upload import upload_files
from roundelay.ml.worker import Worker
from roundelay.sim.ideal_ring import IdealRing
from roundelay.sim.program import InlineTrainer
from roundelay.store.blobs import digest_of
from roundelay.store.store import Store

R = TypeVar("R")

STEPS_MAX = 200_000
Interfere = Callable[[NodeRef, Any], None]


class Seat:
    """One node at the table."""

    def __init__(self, table: Table, ref: NodeRef) -> None:
        self.node = ChordNode(ref, table.ring)
        self.store = Store(table.clock)
        self.orders = Orders()
        self.trainer = InlineTrainer(Worker())
        self.log: list[str] = []
        self.supervisor = JobSupervisor(self.node, table.clocks, self.log.append, lambda _, driver: table.run(driver))
        self.handlers: Handlers = {
            **ring_handlers(self.node),
            **content_handlers(self.node, self.store, self.orders),
            DriverHeartbeat: lambda request: self.supervisor.heartbeat(request.job),
        }


class Table:
    """A settled ring: a removed node is missing from all lists at once, as after a while of stabilization."""

    def __init__(self, count: int, replicas: int = 3) -> None:
        self.ring = Ring(replicas=replicas)
        self.now = 0.0
        self.versions = itertools.count(1)
        self.clocks = Clocks(self.clock, lambda: next(self.versions))
        refs = [NodeRef(i * self.ring.size // count, f"n{i}", 5000) for i in range(count)]
        self.seats: dict[NodeRef, Seat] = {}
        self.asked = self.current = 0  # questions so far; the one that is just being put or answered
        self.working = False  # a node asks, on behalf of an order; otherwise the driver
        self.interfere: Interfere = lambda ref, request: None
        self.interfere_after: Interfere = lambda ref, request: None
        for ref in refs:
            self.seats[ref] = Seat(self, ref)
        self.settle()

    def clock(self) -> float:
        return self.now

    def settle(self) -> None:
        """Give every node the right neighbours and fingers."""
        true = IdealRing(self.ring, self.seats)
        for ref, seat in self.seats.items():
            ideal = true.node(ref)
            seat.node.joined = True
            seat.node.predecessor = ideal.predecessor
            seat.node.set_successors(ideal.successors[0], ideal.successors[1:])
            seat.node.set_fingers(ideal.fingers)

    def kill(self, ref: NodeRef) -> Seat:
        seat = self.seats.pop(ref)
        self.settle()
        return seat

    def reborn(self, ref: NodeRef) -> NodeRef:
        """At once another process, with nothing, where that one was."""
        self.seats.pop(ref)
        new = NodeRef(ref.id, ref.host, ref.port, ref.incarnation + 1)
        self.seats[new] = Seat(self, new)
        self.settle()
        return new

    @property
    def someone(self) -> NodeRef:
        return next(iter(self.seats))

    def owner(self, name: str) -> NodeRef:
        return IdealRing(self.ring, self.seats).owner(self.ring.key(name))

    # --- running

    def run(self, procedure: Procedure[R]) -> R:
        """Its result; everything that it asks is answered at once."""
        return run(procedure, self.perform)

    def together(self, procedures: Sequence[Procedure[Any]]) -> list[Any]:
        """Their results, errors as values; stepped in turn, effect by effect."""
        results: dict[int, Any] = {}
        outcomes: dict[int, Any] = dict.fromkeys(range(len(procedures)))
        for _ in range(STEPS_MAX):
            for i, outcome in list(outcomes.items()):
                try:
                    effect = resume(procedures[i], outcome)
                except StopIteration as end:
                    results[i] = end.value
                    del outcomes[i]
                except Exception as error:
                    results[i] = error
                    del outcomes[i]
                else:
                    outcomes[i] = self.value_or_error(partial(self.perform, effect))
            if not outcomes:
                return [results[i] for i in range(len(procedures))]
        raise AssertionError(f"not at an end after {STEPS_MAX} steps")

    def perform(self, effect: Any) -> Any:
        if isinstance(effect, Ask):
            return self.ask(effect)
        if isinstance(effect, AskAll):
            return [self.value_or_error(partial(self.ask, one)) for one in effect.asks]
        if isinstance(effect, Gather):
            return self.together(effect.procedures)
        if isinstance(effect, Offload):
            return effect.function()
        if isinstance(effect, RoundTripsTo):
            return {}
        assert isinstance(effect, Sleep | SleepUntil), effect
        self.now += effect.seconds
        return None

    def ask(self, ask: Ask) -> Any:
        self.asked += 1
        number = self.current = self.asked
        assert isinstance(ask.to, NodeRef)
        self.interfere(ask.to, ask.request)
        seat = self.seats.get(ask.to)
        if seat is None:
            for other in self.seats:
                if other.address == ask.to.address:
                    raise WrongIncarnation(other)
            raise NodeUnreachable(f"{ask.to.address} is dead")
        reply = dispatch(seat.handlers, ask.request)
        if isinstance(ask.request, Order):
            self.work(seat)
        self.current = number
        self.interfere_after(ask.to, ask.request)
        return reply

    def work(self, seat: Seat) -> None:
        """Have a node carry out what it was ordered."""
        outer, self.working = self.working, True
        try:
            self._work(seat)
        finally:
            self.working = outer

    def _work(self, seat: Seat) -> None:
        carrying = seat.orders.run_queue(seat.node, self.clock)
        step: Callable[[Any], Any] = carrying.send
        outcome: Any = None
        while True:
            effect = step(outcome)
            if isinstance(effect, AwaitOrder):
                return carrying.close()
            try:
                outcome = self.compute(seat, effect) if isinstance(effect, Compute) else self.perform(effect)
                step = carrying.send
            except (ChordError, FederationError) as error:
                outcome, step = error, carrying.throw

    @staticmethod
    def compute(seat: Seat, effect: Compute) -> Done:
        return replace(seat.trainer.carry_out(effect), seconds=0.1)

    @staticmethod
    def value_or_error(get: Callable[[], Any]) -> Any:
        try:
            return get()
        except Exception as error:
            return error

    # --- jobs

    def driver(self, spec: JobSpec, entry: NodeRef | None = None) -> Driver:
        return Driver(spec, self.ring, entry or self.someone, "test", self.clocks, lambda result, report: None)

    def publish(self, spec: JobSpec, contents: dict[str, bytes]) -> None:
        files = (*spec.files, spec.validation_file)
        self.run(upload_files(self.someone, self.ring, files, contents, self.clocks.version(), lambda _: None))
        self.run(jobs.publish(self.someone, self.ring, spec, self.clocks.version()))

    def drive(self, spec: JobSpec) -> str:
        """The hash of the model."""
        return self.run(self.driver(spec).drive())[-1].weights


def small_job(files: int = 4, rows: int = 12, rounds: int = 2, **settings: Any) -> tuple[JobSpec, dict[str, bytes]]:
    """A job that trains in milliseconds, and its contents by digest."""
    contents: dict[str, bytes] = {}
    made = [_file(i, rows, contents) for i in range(files + 1)]
    chosen = Settings(rounds=rounds, hidden=(4,), **{"epochs": 1} | settings)
    return JobSpec(chosen, tuple(made[:-1]), made[-1], features=3, classes=26), contents


def _file(index: int, rows: int, contents: dict[str, bytes]) -> TrainingFile:
    lines = [f"{(index + row) % 26},{row % 7},{(row * index) % 5},{(row + 3 * index) % 11}" for row in range(rows)]
    content = "".join(f"{line}\n" for line in lines).encode()
    contents[digest_of(content)] = content
    return TrainingFile(index, f"file{index}", digest_of(content), len(content), rows)
