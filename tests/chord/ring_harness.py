"""A world under control of the test: real nodes with their real procedures, every message an object to act on.

A request has two moments, its arrival and the return of its answer; anything may happen before, between and after
them. Notifications are kept as mail until they are delivered, lost or copied. There is no time: a task continues when
the test says so.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from roundelay.chord import protocol
from roundelay.chord.dispatch import Handlers, dispatch, ring_handlers
from roundelay.chord.effects import Ask, AskAll, Gather, Offload, Procedure, Request, RoundTripsTo, Sleep, resume
from roundelay.chord.errors import ChordError, NodeUnreachable, WrongIncarnation
from roundelay.chord.invariants import IDEAL, check
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Neighbourhood, Notify, Nudge
from roundelay.chord.ring import Ring
from roundelay.chord.snapshot import NodeView, principals, view_of

ADOPTING = ("join", "stabilize", "unite")  # procedures that adopt the list that they are sent
STEPS_MAX = 20_000  # of one procedure run to its end

Network = Callable[[NodeRef, NodeRef], str]  # sender, receiver -> "" or what is lost: "request", "answer"


def lossless(_asker: NodeRef, _asked: NodeRef) -> str:
    """Lose nothing."""
    return ""


@dataclass(eq=False)
class Task:
    """A running procedure of one node, and the effect that it waits for."""

    node: NodeRef
    name: str
    procedure: Procedure[Any]
    effect: Ask | AskAll | Sleep | None = None
    outcome: list[Any] | None = None  # answers on their way back, one for each request
    result: Any = None
    error: ChordError | None = None

    @property
    def asks(self) -> Sequence[Ask]:
        if isinstance(self.effect, AskAll):
            return self.effect.asks
        return [self.effect] if isinstance(self.effect, Ask) else []


@dataclass(frozen=True)
class Mail:
    """A notification in flight."""

    source: NodeRef
    to: NodeRef
    request: Request[None]


@dataclass
class World:
    """The live processes, their tasks, and the mail between them."""

    ring: Ring
    network: Network = lossless
    nodes: dict[NodeRef, ChordNode] = field(default_factory=dict)
    tasks: list[Task] = field(default_factory=list)
    mail: list[Mail] = field(default_factory=list)
    overrides: dict[NodeRef, Callable[[Request[Any]], Any]] = field(default_factory=dict)  # replace a node's handlers
    asked: int = 0  # requests in all
    _handlers: dict[NodeRef, Handlers] = field(default_factory=dict)
    _incarnations: dict[int, int] = field(default_factory=dict)
    _sound: list[NodeView] | None = None

    # --- processes

    def start(self, identifier: int) -> ChordNode:
        """Start a process with a new incarnation of an identifier; it is not a member yet."""
        life = self._incarnations[identifier] = self._incarnations.get(identifier, 0) + 1
        node = ChordNode(NodeRef(identifier, "host", identifier, life), self.ring)
        self.nodes[node.ref] = node
        self._handlers[node.ref] = ring_handlers(node)
        return node

    def create(self, identifier: int) -> ChordNode:
        """Start the first node of a ring."""
        node = self.start(identifier)
        protocol.create(node)
        return node

    def place(self, identifiers: Iterable[int], fingers: bool = False) -> list[ChordNode]:
        """Make an ideal ring without joins."""
        nodes = [self.start(i) for i in sorted(identifiers)]
        refs = [n.ref for n in nodes]
        for place, node in enumerate(nodes):
            around = refs[place + 1 :] + refs[: place + 1]
            node.set_successors(around[0], tuple(around[1:]))
            node.predecessor = refs[place - 1]
            node.joined = True
            if fingers:
                starts = (self.ring.finger_start(node.ref.id, i) for i in range(self.ring.bits))
                node.set_fingers(tuple(owner(refs, s) for s in starts))
        return nodes

    def crash(self, ref: NodeRef) -> None:
        """End a process; its requests are never answered, its notifications are still in flight."""
        del self.nodes[ref], self._handlers[ref]
        self.tasks = [t for t in self.tasks if t.node != ref]

    def live(self, identifier: int) -> ChordNode | None:
        return next((n for n in self.nodes.values() if n.ref.id == identifier), None)

    @property
    def members(self) -> list[ChordNode]:
        return sorted((n for n in self.nodes.values() if n.joined), key=lambda n: n.ref.id)

    # --- procedures

    def begin(self, ref: NodeRef, name: str, procedure: Procedure[Any]) -> Task:
        """Start a procedure and run it up to its first request."""
        task = Task(ref, name, procedure)
        self.tasks.append(task)
        self._resume(task, None)
        return task

    def arrive(self, task: Task) -> None:
        """Deliver a task's requests and compute the answers."""
        task.outcome = [self._answer(task.node, ask) for ask in task.asks]

    def land(self, task: Task) -> None:
        """Deliver the answers; the task continues to its next request or to its end."""
        outcome, task.outcome = task.outcome or [], None
        if isinstance(task.effect, AskAll):
            self._resume(task, outcome)
        elif isinstance(task.effect, Ask):
            self._resume(task, outcome[0])
        else:
            self._resume(task, None)

    def step(self, task: Task) -> None:
        """Deliver a task's request and its answer, with nothing in between."""
        if task.outcome is None:
            self.arrive(task)
        self.land(task)

    def run(self, ref: NodeRef, name: str, procedure: Procedure[Any]) -> Any:
        """Run a procedure to its end, with nothing in between. Raises what it raises."""
        return self.finish(self.begin(ref, name, procedure))

    def finish(self, task: Task) -> Any:
        for _ in range(STEPS_MAX):
            if task not in self.tasks:
                break
            self.step(task)
        else:
            raise AssertionError(f"{task.name} of {task.node} has not ended in {STEPS_MAX} steps")
        if task.error is not None:
            raise task.error
        return task.result

    # --- notifications

    def deliver(self, mail: Mail, keep: bool = False) -> None:
        """Deliver a notification; what it requires becomes a pending task of the receiver."""
        if not keep:
            self.mail.remove(mail)
        if mail.to in self.nodes and self.network(mail.source, mail.to) != "request":
            dispatch(self._handlers[mail.to], mail.request)

    def begin_pending(self, node: ChordNode) -> Task | None:
        """Begin a node's oldest pending task."""
        task = node.pending.pop()
        return self.begin(node.ref, task[0], task[1]()) if task is not None else None

    # --- the ring as a whole

    @property
    def views(self) -> list[NodeView]:
        return [view_of(n) for n in self.members]

    def violations(self) -> list[str]:
        """Return the violations of every predicate but Ideal, and of what else must hold after each step."""
        views = self.views
        if views == self._sound:
            return []  # unchanged since the last check
        found = [
            f"{name}: {detail}"
            for name, holds, detail in check(views, self.ring.successors)
            if not holds and name != IDEAL
        ]
        for node in self.members:
            if len(node.successors) != self.ring.successors:
                found.append(f"{node.ref.id} has a list of {len(node.successors)}")
            if node.predecessor.is_vacant or any(f.is_vacant for f in node.fingers):
                found.append(f"{node.ref.id} has a placeholder for a node")
        self._sound = views if not found else None
        return found

    def is_ideal(self) -> bool:
        return check(self.views, self.ring.successors)[-1].holds

    def lists_under_way(self) -> list[tuple[NodeRef, ...]]:
        """Return the extended lists that answers in flight may still install."""
        return [extended for t in self.tasks if t.name in ADOPTING for extended in self._would_install(t)]

    def may_fail(self, ref: NodeRef) -> bool:
        """Return True if the invariant survives a failure (Zave's only assumption), also in the lists in flight.

        The model counts the principals before the failure, and so allows a little less.
        """
        if not self.nodes[ref].joined:
            return True
        survivors = {n.ref for n in self.members if n.ref != ref}
        lists = [(n.ref, *n.successors) for n in self.members if n.ref != ref]
        lists += [u for u in self.lists_under_way() if u[0] != ref]
        return (
            all(not survivors.isdisjoint(extended[1:]) for extended in lists)
            and len(principals(survivors, lists)) > self.ring.successors
        )

    # --- towards Ideal

    def drain(self) -> None:
        """Run everything in flight to its end, in order."""
        for _ in range(STEPS_MAX):
            for node in list(self.nodes.values()):
                self.begin_pending(node)
            if self.tasks:
                self.step(self.tasks[0])
            elif self.mail:
                self.deliver(self.mail[0])
            elif not any(len(n.pending) for n in self.nodes.values()):
                return
        raise AssertionError(f"not drained after {STEPS_MAX} steps")

    def settle(self, rounds_max: int, unite: random.Random | None = None) -> int:
        """Run fair rounds until the ring is Ideal: each member stabilizes, then all mail is read. Return how many.

        With `unite`, each member also merges with the ring of a random other.
        """
        self.drain()
        for rounds in range(rounds_max + 1):
            if self.is_ideal():
                return rounds
            for node in self.members:
                self.run(node.ref, "stabilize", protocol.stabilize(node))
                if unite is not None:
                    self.unite(node, unite)
            self.drain()
        state = "\n".join(f"{v.node.id}: {v.predecessor.id} | {[s.id for s in v.successors]}" for v in self.views)
        raise AssertionError(f"not ideal after {rounds_max} rounds:\n{state}")

    def unite(self, node: ChordNode, rng: random.Random) -> None:
        """Merge with the ring of a random other member, as after a heartbeat."""
        others = [n.ref for n in self.members if n is not node]
        if others:
            try:
                self.run(node.ref, "unite", protocol.merge_with(node, rng.choice(others)))
            except ChordError:
                return

    # --- helpers

    def _would_install(self, task: Task) -> list[tuple[NodeRef, ...]]:
        node = self.nodes[task.node]
        further = () if node.joined is False else node.successors[1:]  # only probed
        installs = []
        for ask, reply in zip(task.asks, task.outcome or (), strict=bool(task.outcome)):
            if isinstance(reply, Neighbourhood) and isinstance(ask.to, NodeRef) and ask.to not in further:
                head = () if task.name == "join" else (ask.to,)
                installs.append((task.node, *head, *reply.successors)[: self.ring.successors + 1])
        return installs

    def _resume(self, task: Task, outcome: Any) -> None:
        """Resume a task; mail the notifications that it sends, without waiting for them."""
        task.effect = None
        for _ in range(STEPS_MAX):
            try:
                effect = resume(task.procedure, outcome)
            except StopIteration as end:
                task.result = end.value
                return self.tasks.remove(task)
            except ChordError as error:
                task.error = error
                return self.tasks.remove(task)
            if isinstance(effect, Gather):
                outcome = [self._run_side(task, procedure) for procedure in effect.procedures]
                continue
            if isinstance(effect, Offload):
                outcome = effect.function()
                continue
            if isinstance(effect, RoundTripsTo):
                outcome = {}
                continue
            if not isinstance(effect, Ask) or not isinstance(effect.request, Notify | Nudge):
                assert isinstance(effect, Ask | AskAll | Sleep)
                task.effect = effect
                return None
            assert isinstance(effect.to, NodeRef)
            assert not effect.to.is_vacant, "a placeholder was notified"
            self.mail.append(Mail(task.node, effect.to, effect.request))
            outcome = None
        raise AssertionError(f"{task.name} of {task.node} sends notifications without end")

    def _run_side(self, task: Task, procedure: Procedure[Any]) -> Any:
        """Run one of several concurrent procedures to its end, with nothing in between. Return its result or error."""
        try:
            return self.run(task.node, f"{task.name}, one of several", procedure)
        except ChordError as error:
            return error

    def _answer(self, asker: NodeRef, ask: Ask) -> Any:
        assert isinstance(ask.to, NodeRef)
        assert not ask.to.is_vacant, "a placeholder was asked"
        self.asked += 1
        lost = self.network(asker, ask.to) if ask.to != asker else ""
        if lost == "request":
            return NodeUnreachable("lost")
        try:
            reply = self._reply(ask.to, ask.request)
        except ChordError as error:
            reply = error
        return NodeUnreachable("answer lost") if lost else reply

    def _reply(self, to: NodeRef, request: Request[Any]) -> Any:
        if to in self.overrides:
            return self.overrides[to](request)
        if to in self.nodes:
            return dispatch(self._handlers[to], request)
        actual = next((r for r in self.nodes if r.address == to.address), None)
        raise NodeUnreachable(f"{to} is dead") if actual is None else WrongIncarnation(actual)


def refusing(error: ChordError) -> Callable[[Request[Any]], Any]:
    """Return an override that answers every request with an error."""

    def refuse(_: Request[Any]) -> Any:
        raise error

    return refuse


def owner(refs: Sequence[NodeRef], key: int) -> NodeRef:
    """Return the successor of a key among sorted nodes: the correct result of a lookup."""
    return refs[bisect_left(refs, key, key=lambda r: r.id) % len(refs)]
