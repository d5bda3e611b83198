"""Ask a leaf, which accepts no connections, through one of the nodes that it may be attached to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from roundelay.chord.errors import ChordError, NodeUnreachable, NotFound, NotYet, PeerFault, WrongIncarnation
from roundelay.chord.refs import NodeRef

R = TypeVar("R")

REMEMBERED_MAX = 4096  # leaves


class Relays:
    """Remembers through which node each leaf was reached last. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._last: dict[int, NodeRef] = {}

    def ask(self, leaf: NodeRef, send: Callable[[NodeRef], R]) -> R:
        """Send a request through the leaf's relays in turn, until one passes it on. Raises the last error that counts.

        A request that changes anything is idempotent, so it does no harm that an earlier relay may have passed it on.
        """
        failure: ChordError = NodeUnreachable(f"no node of the ring is near the leaf {leaf.address}")
        for relay in self._in_order(leaf):
            try:
                answer = send(relay)
            except (NodeUnreachable, PeerFault, NotFound, NotYet) as error:
                failure = error
            except WrongIncarnation as error:
                if error.actual.id == leaf.id:
                    raise  # the leaf lives another life
                if not isinstance(failure, NotFound | NotYet):
                    failure = NodeUnreachable(f"the leaf {leaf.address} is not attached to {relay.address}")
            else:
                self._remember(leaf, relay)
                return answer
        raise failure

    def _in_order(self, leaf: NodeRef) -> list[NodeRef]:
        """Return the leaf's relays, the one that has passed on its last request first."""
        last = self._last.get(leaf.id)
        return sorted(leaf.relays, key=lambda relay: relay != last)

    def _remember(self, leaf: NodeRef, relay: NodeRef) -> None:
        if len(self._last) >= REMEMBERED_MAX:
            self._last.clear()
        self._last[leaf.id] = relay
