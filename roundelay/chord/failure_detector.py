"""When silence becomes death: three misses in a row; one answer clears the account.

A reset connection is a miss like any other: a process may restart its listener. Another process
at the address is a death certificate. Busy is alive; not joined is neither news nor silence.
"""

from __future__ import annotations

from collections import OrderedDict

from roundelay.chord.errors import Busy, ChordError, NotYet, WrongIncarnation
from roundelay.chord.refs import NodeRef

TIMEOUTS_SUSPECT = 2
TIMEOUTS_DEAD = 3
PROBE_INTERVAL_S = 0.1
SUSPECTS_MAX = 256
DEAD_MAX = 256


class FailureDetector:
    """One node's opinion of the others' health."""

    def __init__(self) -> None:
        self._misses: OrderedDict[NodeRef, int] = OrderedDict()
        self._dead: OrderedDict[NodeRef, None] = OrderedDict()

    def observe(self, peer: NodeRef, outcome: object) -> None:
        """Take note of how a question to it ended: with its answer, or with which error."""
        if isinstance(outcome, WrongIncarnation):
            self.mark_dead(peer)
        elif isinstance(outcome, Busy) or not isinstance(outcome, ChordError):
            self.mark_alive(peer)
        elif not isinstance(outcome, NotYet):
            self.record_timeout(peer)

    def record_timeout(self, peer: NodeRef) -> bool:
        """Count one silence. Returns whether the peer is dead now."""
        if peer not in self._dead:
            self._misses[peer] = self._misses.get(peer, 0) + 1
            if self._misses[peer] >= TIMEOUTS_DEAD:
                self.mark_dead(peer)
            elif len(self._misses) > SUSPECTS_MAX:
                self._misses.popitem(last=False)
        return peer in self._dead

    def mark_alive(self, peer: NodeRef) -> None:
        """It answered: whatever was thought of it was wrong."""
        self._misses.pop(peer, None)
        self._dead.pop(peer, None)

    def mark_dead(self, peer: NodeRef) -> None:
        """Hold it for dead, and remember it: a partition may give it back."""
        self._misses.pop(peer, None)
        self._dead[peer] = None
        if len(self._dead) > DEAD_MAX:
            self._dead.popitem(last=False)

    def is_dead(self, peer: NodeRef) -> bool:
        return not peer.host or (bool(self._dead) and peer in self._dead)  # once a hop: no hash without need

    @property
    def any_dead(self) -> bool:
        return bool(self._dead)

    def is_suspect(self, peer: NodeRef) -> bool:
        """Silent twice in a row, or worse."""
        return self._misses.get(peer, 0) >= TIMEOUTS_SUSPECT or self.is_dead(peer)

    @property
    def dead(self) -> tuple[NodeRef, ...]:
        """Those once held for dead, the longest ago first."""
        return tuple(self._dead)
