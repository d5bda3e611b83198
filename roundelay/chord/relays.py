"""Ask a node that accepts no connections through its relays: the nodes that may answer for it.

Only one of the relays may know the node, and that may change at any time. A request that changes anything is
idempotent, so it does no harm if a relay that did not answer has passed it on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from roundelay.chord.effects import Ask, Procedure, Sleep
from roundelay.chord.errors import ChordError, NodeUnreachable, NotFound, NotYet, PeerFault, WrongIncarnation
from roundelay.chord.refs import NodeRef

REMEMBERED_MAX = 4096  # nodes
PASSES_MAX = 5  # over the relays, after one of them was lost: the others soon hear what it knew
SETTLE_S = 0.2  # between two of these


class Relays:
    """Remembers through which relay each node was reached last."""

    def __init__(self) -> None:
        self._last: dict[int, NodeRef] = {}

    def ask(self, ask: Ask) -> Procedure[Any]:
        """Ask through the relays in turn, until one passes the request on. Raises the error that says most."""
        node = ask.to
        assert isinstance(node, NodeRef)
        failures: list[ChordError] = []
        for _ in range(PASSES_MAX):
            failures = []
            for relay in sorted(node.relays, key=lambda each: each != self._last.get(node.id)):
                try:
                    answer = yield replace(ask, via=relay)
                except (NodeUnreachable, PeerFault, NotFound, NotYet) as error:
                    failures.append(error)
                except WrongIncarnation as error:
                    if error.actual.id == node.id:
                        raise  # the node lives another life
                    failures.append(NodeUnreachable(f"{node.address} is not known at {relay.address}"))
                else:
                    self._remember(node, relay)
                    return answer
            if not _is_settling(failures):
                break
            yield Sleep(SETTLE_S)
        raise min(failures, key=_rank)

    def _remember(self, node: NodeRef, relay: NodeRef) -> None:
        if len(self._last) >= REMEMBERED_MAX:
            self._last.clear()
        self._last[node.id] = relay


def _is_settling(failures: Sequence[ChordError]) -> bool:
    """Return whether a relay is lost, and another does not know yet what that one knew."""
    is_lost = any(isinstance(each, NodeUnreachable) for each in failures)
    return is_lost and any(isinstance(each, NotFound) for each in failures)


def _rank(failure: ChordError) -> int:
    """Order failures by how much they say of the node."""
    return next(rank for rank, kind in enumerate((NotYet, NotFound, ChordError)) if isinstance(failure, kind))
