"""Who answers what on a node: from a request to the handler that has the state for it.

Checked before anything else: that the request means this process and no earlier life of it.
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
    """What this node says to that. Raises ChordError subclasses, as each request documents."""
    handler = handlers.get(type(request))
    if handler is None:
        raise Malformed(f"nobody here answers {type(request).__name__}")
    reply: R = handler(request)
    return reply


def ring_handlers(node: ChordNode) -> Handlers:
    """The ring's questions, answered from the node's state; what must follow goes to its agenda."""

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
