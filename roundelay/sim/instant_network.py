"""Runs procedures with every answer at once: no wire, no time, and the dead are silent.

For experiments on routing and repair, in which latency plays no part. The procedures and the
handlers are the same as everywhere. What a handler has noted for later is run by `settle`.
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

STIRRING = (Notify, Nudge, Leaving)  # questions that leave something to do
SETTLE_MAX = 10_000  # procedures that one stir may set off


class InstantNetwork:
    """The living nodes by name; who is not among them does not answer."""

    def __init__(self, nodes: Iterable[ChordNode] = ()) -> None:
        self.nodes: dict[NodeRef, ChordNode] = {}
        self._handlers: dict[NodeRef, Handlers] = {}
        self._stirred: deque[ChordNode] = deque()
        for node in nodes:
            self.add(node)

    def add(self, node: ChordNode) -> None:
        self.nodes[node.ref] = node
        self._handlers[node.ref] = ring_handlers(node)

    def remove(self, ref: NodeRef) -> ChordNode:
        """It dies, without a word."""
        del self._handlers[ref]
        return self.nodes.pop(ref)

    def run(self, procedure: Procedure[R], patient: bool = True) -> R:
        """Its result. Raises what it raises; if not patient, NodeUnreachable at the first silence."""
        return run(procedure if patient else intercept(procedure, _raise_if_unreachable), self._perform)

    def settle(self) -> None:
        """Run what handlers have noted, and what that stirs in turn, until nothing is left."""
        for _ in range(SETTLE_MAX):
            if not self._stirred:
                return
            node = self._stirred.popleft()
            if node.ref in self.nodes:
                self._work_off(node)
        raise AssertionError(f"{len(self._stirred)} nodes are still stirred after {SETTLE_MAX} procedures")

    # --- helpers

    def _perform(self, effect: Effect) -> Any:
        if isinstance(effect, Ask):
            return self._ask(effect)
        if isinstance(effect, AskAll):
            return [self._ask(one) for one in effect.asks]
        assert isinstance(effect, Sleep), effect
        return None

    def _ask(self, ask: Ask) -> Any:
        handlers = self._handlers.get(ask.to)  # type: ignore[arg-type]  # an address is in no ring
        if handlers is None:
            return NodeUnreachable("dead")
        if type(ask.request) in STIRRING:
            self._stirred.append(self.nodes[ask.to])  # type: ignore[index]
        try:
            return dispatch(handlers, ask.request)
        except ChordError as error:
            return error

    def _work_off(self, node: ChordNode) -> None:
        while noted := node.pending.pop():
            self.attempt(noted[1]())
        if node.nudged:
            node.nudged = False
            self.attempt(protocol.stabilize(node))

    def attempt(self, procedure: Procedure[Any]) -> Any:
        """Its result, or None where it failed: the next turn tries again."""
        try:
            return self.run(procedure)
        except ChordError:
            return None


def _raise_if_unreachable(_: Effect, outcome: Any) -> None:
    if isinstance(outcome, NodeUnreachable):
        raise outcome
