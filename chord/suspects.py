"""When silence becomes death: three misses in a row; one answer clears the account.

A reset connection is a miss like any other: a process may restart its listener. Another process
at the address is a death certificate.
"""

from __future__ import annotations

from collections import OrderedDict

from chord.refs import NodeRef

MISSES_DEAD = 3
PROBE_EVERY_S = 0.1
DEAD_REMEMBERED_MAX = 256


class Suspects:
    """One node's opinion of the others' health."""

    def __init__(self) -> None:
        self._misses: dict[NodeRef, int] = {}
        self._dead: OrderedDict[NodeRef, None] = OrderedDict()

    def miss(self, peer: NodeRef) -> bool:
        """Count one silence. Returns whether the peer is dead now."""
        self._misses[peer] = self._misses.get(peer, 0) + 1
        if self._misses[peer] >= MISSES_DEAD:
            self.bury(peer)
        return peer in self._dead

    def heard(self, peer: NodeRef) -> None:
        """It answered: whatever was thought of it was wrong."""
        self._misses.pop(peer, None)
        self._dead.pop(peer, None)

    def bury(self, peer: NodeRef) -> None:
        """Hold it for dead, and remember it: a partition may give it back."""
        self._misses.pop(peer, None)
        self._dead[peer] = None
        if len(self._dead) > DEAD_REMEMBERED_MAX:
            self._dead.popitem(last=False)

    def is_dead(self, peer: NodeRef) -> bool:
        return peer.is_vacant or peer in self._dead

    def is_suspect(self, peer: NodeRef) -> bool:
        """Silent at least once since it was last heard."""
        return peer in self._misses or self.is_dead(peer)

    @property
    def dead(self) -> tuple[NodeRef, ...]:
        """Those once held for dead, the longest ago first."""
        return tuple(self._dead)
