"""A whole ring in one thread: the real stores, orders and lookups, every request answered at once, no time.

Nodes can be killed at a request of one kind. Their trainer is a roundelay.ml.worker.Worker.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from roundelay.chord.dispatch import Handlers, dispatch, ring_handlers
from roundelay.chord.effects import Ask, AskAll, Gather, Offload, Procedure, Request, RoundTripsTo, Sleep, resume, run
from roundelay.chord.errors import ChordError, NodeUnreachable
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.effects import AwaitOrder, Compute, Done, OpenBuffer
from roundelay.federation.errors import OtherBits
from roundelay.federation.node_core import content_handlers
from roundelay.federation.order_executor import OrderExecutor
from roundelay.federation.orders import Orders
from roundelay.federation.requests import Collect, DriverHeartbeat, Order
from roundelay.federation.tasks import CompareTask, DescribeTask, MixTask, PromiseTask, RevealTask
from roundelay.ml.worker import Worker
from roundelay.sim.program import InlineTrainer
from roundelay.store.blobs import Buffer, MemoryBuffer
from roundelay.store.store import Store

R = TypeVar("R")
STEPS_MAX = 100_000  # of one procedure


class Member:
    """One node: its ring, store and orders, and a trainer inline."""

    def __init__(self, node: ChordNode) -> None:
        self.relays: list[Order] = []
        self.node, self.orders, self.worker = (
            node,
            Orders(launch=self.relays.append, executor=OrderExecutor(noise_secret=str(node.ref).encode())),
            Worker(),
        )
        self.trainer = InlineTrainer(self.worker)
        self.bits = ""  # of another kind of machine than the others
        self.carrying_out = self.orders.run_queue(node, lambda: 0.0)
        self.store = Store(lambda: 0.0)
        self.handlers: Handlers = {
            **ring_handlers(node),
            **content_handlers(node, self.store, self.orders),
            DriverHeartbeat: lambda _: None,
        }

    def compute(self, effect: Compute) -> Done:
        """As roundelay.node.trainer does it, without a process."""
        task = effect.order.task
        of_no_plan = MixTask | DescribeTask | CompareTask | PromiseTask | RevealTask
        if not isinstance(task, of_no_plan) and task.plan.fingerprint:
            if self.bits:
                raise OtherBits(f"computes different bits ({self.bits})")
            task = replace(task, plan=replace(task.plan, fingerprint=""))  # it computes the bits of any job
            effect = replace(effect, order=replace(effect.order, task=task))
        return replace(self.trainer.carry_out(effect), seconds=0.1)


class InlineRing:
    """The members, and the runner of procedures among them."""

    def __init__(self, ids: Sequence[int], ring: Ring) -> None:
        self.ring = ring
        refs = [NodeRef(identifier, f"node-{identifier}", 1) for identifier in sorted(ids)]
        self.members = {ref: Member(settled(ref, refs, ring)) for ref in refs}
        self.dead: set[NodeRef] = set()
        self.before_answer: Callable[[NodeRef, Request[Any]], None] = lambda node, request: None
        self.buffers: list[int] = []  # the sizes of those that were opened
        self.open_buffer: Callable[[], Buffer] = MemoryBuffer
        self.now = 0.0
        self.beside: Callable[[], Procedure[None]] | None = None  # makes what runs beside, once a second
        self._ran_beside_at = 0.0

    @property
    def entry(self) -> NodeRef:
        return next(ref for ref in self.members if ref not in self.dead)

    def clock(self) -> float:
        return self.now

    def kill_at(self, kind: type[Request[Any]], count: int = 1) -> None:
        """The next nodes that are asked this die without an answer."""
        left = [count]

        def before_answer(node: NodeRef, request: Request[Any]) -> None:
            if isinstance(request, kind) and left[0]:
                left[0] -= 1
                self.dead.add(node)

        self.before_answer = before_answer

    def hold_up(self, node: NodeRef, is_held: Callable[[Order], bool], until_s: float = math.inf) -> None:
        """Have a node carry out nothing from the time when it has such an order."""
        held, work_off = self.members[node], self._work_off

        def work_off_slowly(member: Member) -> None:
            if member is not held or self.now > until_s or not any(map(is_held, member.orders._orders.values())):
                work_off(member)

        self._work_off = work_off_slowly  # type: ignore[method-assign]

    def run(self, procedure: Procedure[R]) -> R:
        """To its end. Raises what it raises."""
        return run(procedure, self._perform)

    def start(self, _: str, procedure: Procedure[None]) -> None:
        """Run a procedure that a node starts beside its loops, at once."""
        self.run(procedure)

    def _perform(self, effect: Any) -> Any:
        match effect:
            case Ask():
                return self._ask(effect)
            case AskAll():
                return [self._value_or_error(partial(self._ask, a), ChordError) for a in effect.asks]
            case Gather():
                return [self._value_or_error(partial(self.run, p), Exception) for p in effect.procedures]
            case Offload():
                return effect.function()
            case OpenBuffer():
                self.buffers.append(effect.size_bytes)
                return self.open_buffer()
            case RoundTripsTo():
                return {node: node.id / self.ring.size for node in effect.nodes}
            case Sleep():
                self.now += effect.seconds
                self._run_beside()
                return None
            case _:
                raise AssertionError(effect)

    def _run_beside(self) -> None:
        """Run what would run beside the procedure that sleeps."""
        make = self.beside
        if make is None or self.now - self._ran_beside_at < 1.0:
            return
        self.beside, self._ran_beside_at = None, self.now
        self.run(make())
        self.beside = make

    def _value_or_error(self, get: Callable[[], Any], kind: type[Exception]) -> Any:
        try:
            return get()
        except kind as error:
            return error

    def _ask(self, ask: Ask) -> Any:
        node = ask.to
        assert isinstance(node, NodeRef)
        self.before_answer(node, ask.request)
        if node in self.dead or node not in self.members:
            raise NodeUnreachable(f"{node.address} is dead")
        member = self.members[node]
        if isinstance(ask.request, Collect):
            self._work_off(member)
        return dispatch(member.handlers, ask.request)

    def _work_off(self, member: Member) -> None:
        """Everything that waits in the node's queue."""
        for _ in range(STEPS_MAX):
            while member.relays:
                self.run(member.orders.run_collective(member.node, member.relays.pop()))
            if member.orders.next is None:
                return
            self.run(_until_rest(member))


def _until_rest(member: Member) -> Procedure[None]:
    """The node's own procedure, up to where it would wait for the next order."""
    outcome: Any = None
    for _ in range(STEPS_MAX):
        effect = resume(member.carrying_out, outcome)
        if isinstance(effect, AwaitOrder):
            return
        try:
            outcome = member.compute(effect) if isinstance(effect, Compute) else (yield effect)
        except Exception as error:
            outcome = error


def settled(ref: NodeRef, refs: Sequence[NodeRef], ring: Ring) -> ChordNode:
    """A node with the right neighbours and fingers."""
    node, place = ChordNode(ref, ring), refs.index(ref)
    node.joined = True
    node.predecessor = refs[place - 1]
    following = [*refs[place + 1 :], *refs[: place + 1]]
    node.set_successors(following[0], tuple(following[1:]))
    starts = [ring.finger_start(ref.id, index) for index in range(ring.bits)]
    node.set_fingers(tuple(next((r for r in refs if r.id >= start), refs[0]) for start in starts))
    return node
