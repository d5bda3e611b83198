"""Nodes that follow a script, in one thread and in virtual time: what a driver does can be seen message by message."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from roundelay.chord.effects import Ask, AskAll, Gather, Offload, Procedure, Sleep, run
from roundelay.chord.errors import ChordError, NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.requests import Collect, Order, Progress, TrainingFile
from roundelay.federation.roster import Roster
from roundelay.store.blobs import digest_of
from roundelay.store.items import Read, Receipt, Write

R = TypeVar("R")
CLOCK_S = 1000.0  # what the clock shows at first: only differences of it count


@dataclass
class Script:
    """How one node behaves. It carries orders out side by side."""

    seconds: float = 1.0  # from an order to its end; math.inf: it never ends
    end: Progress = field(default_factory=lambda: Progress("done"))
    dies_at: float = math.inf  # from then on it does not answer
    silent_s: float = 0.0  # before each answer to Collect
    holds: bool = True  # False: answers Collect at once, though it is asked to wait
    refuse: Callable[[Order], ChordError | None] = lambda order: None
    stores: bool = True  # False: takes no weights ahead of its order


@dataclass(frozen=True)
class Message:
    """A request that was sent: when, to whom, what, and how long the sender would wait."""

    at: float
    to: NodeRef
    request: Any
    timeout_s: float


class ScriptedNodes:
    """A ring of scripted nodes, and the runner of one driver's procedures."""

    def __init__(self, size: int = 5, replicas: int = 3) -> None:
        self.ring = Ring(bits=16, replicas=replicas)
        self.refs = [NodeRef(i * self.ring.size // size, f"n{i}", 5000) for i in range(size)]
        self.scripts = {ref: Script() for ref in self.refs}
        self.roster = Roster(self.ring, self.refs[0])
        self.roster.update_members(tuple(self.refs))
        self.now = 0.0
        self.sent: list[Message] = []
        self._accepted: dict[tuple[NodeRef, str], float] = {}

    def file_of(self, owner: int, index: int = 0, rows: int = 10) -> TrainingFile:
        """A training file whose key belongs to this node."""
        names = (f"file-{index}-{attempt}" for attempt in count())
        name = next(n for n in names if self.owner(n) == self.refs[owner])
        return TrainingFile(index, name, digest_of(name.encode()), 100, rows)

    def owner(self, name: str) -> NodeRef:
        key = self.ring.key(name)
        return next((ref for ref in self.refs if ref.id >= key), self.refs[0])

    def clock(self) -> float:
        return CLOCK_S + self.now

    def requests(self, kind: type[R]) -> list[tuple[NodeRef, R]]:
        """The requests of one kind that were sent, in their order."""
        return [(m.to, m.request) for m in self.sent if isinstance(m.request, kind)]

    def asked(self, kind: type[Any]) -> list[str]:
        """The names of the nodes that were sent requests of one kind, in their order."""
        return [to.host for to, _ in self.requests(kind)]

    def accept(self, node: NodeRef, order: Order) -> None:
        """Let a node have this order from somebody else."""
        self._accepted[node, order.ticket] = self.now

    # --- the runner

    def run(self, procedure: Procedure[R]) -> R:
        """Run to the end. Raises what the procedure raises."""
        return run(procedure, self._perform)

    def _perform(self, effect: Any) -> Any:
        match effect:
            case Ask():
                return self._ask_all([effect], 1, effect.timeout_s)[0]
            case AskAll():
                return self._ask_all(effect.asks, effect.need or len(effect.asks), effect.deadline_s)
            case Gather():
                return [self._value_or_error(procedure) for procedure in effect.procedures]
            case Offload():
                return effect.function()
            case Sleep():
                self.now += effect.seconds
                return None
            case _:
                raise AssertionError(effect)

    def _value_or_error(self, procedure: Procedure[Any]) -> Any:
        try:
            return self.run(procedure)
        except Exception as error:
            return error

    def _ask_all(self, asks: Sequence[Ask], need: int, deadline_s: float) -> list[Any]:
        """Ask side by side: the clock moves to the answer that is the `need`-th, or to the last, or to the deadline."""
        began, answers = self.now, []
        for each in asks:
            assert isinstance(each.to, NodeRef)
            self.sent.append(Message(began, each.to, each.request, each.timeout_s))
            answers.append(self._answer(each.to, each.request, min(each.timeout_s, deadline_s)))
        good = sorted(delay for delay, answer in answers if not isinstance(answer, ChordError))
        cut = good[need - 1] if len(good) >= need else max(delay for delay, _ in answers)
        self.now = began + cut
        cut_short = NodeUnreachable("no answer yet")
        return [answer if delay <= cut else cut_short for delay, answer in answers]

    # --- the nodes

    def _answer(self, to: NodeRef, request: Any, timeout_s: float) -> tuple[float, Any]:
        """Return the delay of an answer, and the answer."""
        script = self.scripts[to]
        if self.now >= script.dies_at:
            return 0.0, NodeUnreachable(f"{to.address} is dead")
        match request:
            case Order():
                refusal = script.refuse(request)
                if refusal is None:
                    self._accepted.setdefault((to, request.ticket), self.now)
                return 0.0, refusal or request.ticket
            case Collect():
                delay, progress = self._collect(to, request)
                if delay > timeout_s or self.now + delay >= script.dies_at:
                    return timeout_s, NodeUnreachable(f"{to.address} does not answer")
                return delay, progress
            case Write():
                return 0.0, Receipt(script.stores, len(request.piece))
            case Read():
                return 0.0, result_of(to) if request.digest == digest_of(result_of(to)) else b""
            case _:
                raise AssertionError(request)

    def _collect(self, to: NodeRef, request: Collect) -> tuple[float, Progress]:
        script = self.scripts[to]
        left = max(0.0, self._accepted[to, request.ticket] + script.seconds - self.now)
        wait = request.wait_s if script.holds else 0.0
        if left > wait:
            return script.silent_s + wait, Progress("running")
        content, end = result_of(to), script.end
        done = Progress("done", "", digest_of(content), len(content), script.seconds, end.loss, end.accuracy)
        return script.silent_s + left, done if end.state == "done" else end


def result_of(node: NodeRef) -> bytes:
    """What a node makes of any order."""
    return f"made by {node.host}".encode()
