"""Ask a leaf, which accepts no connections, through one of the nodes that it may be attached to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from roundelay.chord.errors import ChordError, NodeUnreachable, NotFound, NotYet, PeerFault, WrongIncarnation
from roundelay.chord.refs import NodeRef

R = TypeVar("R")

REMEMBERED_MAX = 4096  # leaves
PASSES_MAX = 5  # over the relays, after one of them was lost: the others soon hear what it knew
SETTLE_S = 0.2  # between two of these


class Relays:
    """Remembers through which node each leaf was reached last. Its methods may be called from any thread.

    pause: waits for some seconds, or until the process stops.
    """

    def __init__(self, pause: Callable[[float], object]) -> None:
        self._pause = pause
        self._last: dict[int, NodeRef] = {}

    def ask(self, leaf: NodeRef, send: Callable[[NodeRef], R]) -> R:
        """Send a request through the leaf's relays in turn, until one passes it on. Raises the last error that counts.

        A request that changes anything is idempotent, so it does no harm that an earlier relay may have passed it on.
        """
        failures: list[ChordError] = []
        for _ in range(PASSES_MAX):
            failures = []
            for relay in self._in_order(leaf):
                try:
                    answer = send(relay)
                except (NodeUnreachable, PeerFault, NotFound, NotYet) as error:
                    failures.append(error)
                except WrongIncarnation as error:
                    if error.actual.id == leaf.id:
                        raise  # the leaf lives another life
                    failures.append(NodeUnreachable(f"the leaf {leaf.address} is not attached to {relay.address}"))
                else:
                    self._remember(leaf, relay)
                    return answer
            if not _is_settling(failures):
                break
            self._pause(SETTLE_S)
        unknown = NodeUnreachable(f"no node of the ring is near the leaf {leaf.address}")
        raise min(failures, key=_rank, default=unknown)

    def _in_order(self, leaf: NodeRef) -> list[NodeRef]:
        """Return the leaf's relays, the one that has passed on its last request first."""
        last = self._last.get(leaf.id)
        return sorted(leaf.relays, key=lambda relay: relay != last)

    def _remember(self, leaf: NodeRef, relay: NodeRef) -> None:
        if len(self._last) >= REMEMBERED_MAX:
            self._last.clear()
        self._last[leaf.id] = relay


def _is_settling(failures: Sequence[ChordError]) -> bool:
    """Return whether a relay is lost, and another does not know yet what that one knew."""
    is_lost = any(isinstance(each, NodeUnreachable) for each in failures)
    return is_lost and any(isinstance(each, NotFound) for each in failures)


def _rank(failure: ChordError) -> int:
    """Order failures by how much they say of the leaf."""
    return next(rank for rank, kind in enumerate((NotYet, NotFound, ChordError)) if isinstance(failure, kind))
