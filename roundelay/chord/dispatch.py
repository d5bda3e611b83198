"""Dispatch: which handler of a node answers which request.

A handler answers from the node's own state and never waits; what must follow becomes a pending task.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from roundelay.chord import protocol, requests
from roundelay.chord.effects import Request
from roundelay.chord.errors import Malformed
from roundelay.chord.node import ChordNode

R = TypeVar("R")
Handlers = dict[type[Request[Any]], Callable[[Any], Any]]


def dispatch(handlers: Handlers, request: Request[R]) -> R:
    """Return the answer to a request. Raises the ChordErrors that the request documents; Malformed: no handler."""
    handler = handlers.get(type(request))
    if handler is None:
        raise Malformed(f"this process does not answer {type(request).__name__}")
    reply: R = handler(request)
    return reply


def ring_handlers(node: ChordNode) -> Handlers:
    """Return the handlers of the requests about the ring."""

    def notify(request: requests.Notify) -> None:
        sender = request.sender
        if node.joined and sender != node.predecessor:
            node.pending.add(f"rectify {sender.id}", lambda: protocol.rectify(node, sender))

    def leaving(request: requests.Leaving) -> None:
        node.failure_detector.mark_dead(request.sender)
        node.nudged = True

    def nudge(_: requests.Nudge) -> None:
        node.nudged = True

    return {
        requests.SayHello: lambda _: node.hello(),
        requests.NextHop: lambda r: node.next_hop(r.key, frozenset(r.failed)),
        requests.GetNeighbours: lambda _: node.neighbours(),
        requests.Notify: notify,
        requests.Nudge: nudge,
        requests.Leaving: leaving,
    }
