"""An instant network: every request is answered at once, and dead nodes are unreachable.

For experiments on routing and repair in which latency does not matter. The procedures and handlers are those of
chord/. `settle` runs the tasks that handlers leave pending.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, TypeVar

from roundelay.chord import protocol
from roundelay.chord.dispatch import Handlers, dispatch, ring_handlers
from roundelay.chord.effects import Ask, AskAll, Effect, Procedure, Sleep, intercept, run
from roundelay.chord.errors import ChordError, NodeUnreachable
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Leaving, Notify, Nudge

R = TypeVar("R")

TRIGGERS = frozenset((Notify, Nudge, Leaving))  # requests that leave tasks pending
SETTLE_MAX = 10_000  # nodes to run, one after the other


class InstantNetwork:
    """The live nodes; all others do not answer."""

    def __init__(self, nodes: Iterable[ChordNode] = ()) -> None:
        self.nodes: dict[NodeRef, ChordNode] = {}
        self._handlers: dict[NodeRef, Handlers] = {}
        self._triggered: deque[ChordNode] = deque()
        for node in nodes:
            self.add(node)

    def add(self, node: ChordNode) -> None:
        self.nodes[node.ref] = node
        self._handlers[node.ref] = ring_handlers(node)

    def remove(self, ref: NodeRef) -> ChordNode:
        """Remove a node, as if it had crashed."""
        del self._handlers[ref]
        return self.nodes.pop(ref)

    def run(self, procedure: Procedure[R], patient: bool = True) -> R:
        """Run a procedure; unless `patient`, raise NodeUnreachable at the first node that does not answer."""
        return run(procedure if patient else intercept(procedure, _raise_if_unreachable), self._perform)

    def settle(self) -> None:
        """Run pending tasks, and those that they trigger, until none is left."""
        for _ in range(SETTLE_MAX):
            if not self._triggered:
                return
            node = self._triggered.popleft()
            if node.ref in self.nodes:
                self._run_pending(node)
        raise AssertionError(f"{len(self._triggered)} nodes still have pending tasks after {SETTLE_MAX} runs")

    # --- helpers

    def _perform(self, effect: Effect) -> Any:
        if isinstance(effect, Ask):
            return self._ask(effect)
        if isinstance(effect, AskAll):
            return [self._ask(one) for one in effect.asks]
        assert isinstance(effect, Sleep), effect
        return None

    def _ask(self, ask: Ask) -> Any:
        handlers = self._handlers.get(ask.to)  # type: ignore[arg-type]  # an address is not a key
        if handlers is None:
            return NodeUnreachable("dead")
        if type(ask.request) in TRIGGERS:
            self._triggered.append(self.nodes[ask.to])  # type: ignore[index]
        try:
            return dispatch(handlers, ask.request)
        except ChordError as error:
            return error

    def _run_pending(self, node: ChordNode) -> None:
        while task := node.pending.pop():
            self.attempt(task[1]())
        if node.nudged:
            node.nudged = False
            self.attempt(protocol.stabilize(node))

    def attempt(self, procedure: Procedure[Any]) -> Any:
        """Run a procedure; return None if it fails with a ChordError."""
        try:
            return self.run(procedure)
        except ChordError:
            return None


def _raise_if_unreachable(_: Effect, outcome: Any) -> None:
    if isinstance(outcome, NodeUnreachable):
        raise outcome
