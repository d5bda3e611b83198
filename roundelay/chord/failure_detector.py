"""Failure detector: a peer is declared dead after three consecutive timeouts; any reply resets the count.

Requests that were under way at the same time prove one silence, not several: a timeout counts only if its request was
sent after the last timeout that counted. A refused or reset connection counts as a timeout, because a process may be
restarting its listener. If another process answers at the address, the peer is dead at once. Busy proves that it lives;
NotYet proves nothing. How long a request may take is not decided here: see `round_trips`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from roundelay.chord.errors import Busy, ChordError, NotYet, WrongIncarnation
from roundelay.chord.refs import NodeRef

TIMEOUTS_SUSPECT = 2
TIMEOUTS_DEAD = 3
PROBE_INTERVAL_S = 0.1
SUSPECTS_MAX = 256  # the oldest is forgotten
DEAD_MAX = 256  # the oldest is forgotten


class FailureDetector:
    """One node's opinion of its peers' health."""

    def __init__(self) -> None:
        self.on_death: Callable[[NodeRef], None] = lambda peer: None  # called when timeouts have proved a death
        self.time = 0  # counts timeouts: a logical clock, by which requests are told apart
        self._timeouts: OrderedDict[NodeRef, tuple[int, int]] = OrderedDict()  # in a row, and when the last one was
        self._dead: OrderedDict[NodeRef, None] = OrderedDict()

    def observe(self, peer: NodeRef, outcome: object, sent_at: int | None = None) -> None:
        """Record the outcome of a request to a peer: its answer, or an error.

        sent_at: our `time` when the request was sent; None: just now.
        """
        if isinstance(outcome, WrongIncarnation):
            self.mark_dead(peer)
        elif isinstance(outcome, Busy) or not isinstance(outcome, ChordError):
            self.mark_alive(peer)
        elif not isinstance(outcome, NotYet):
            self.record_timeout(peer, sent_at)

    def record_timeout(self, peer: NodeRef, sent_at: int | None = None) -> bool:
        """Count one timeout, unless its request was sent before the last one. Return True if the peer is now dead."""
        count, last = self._timeouts.get(peer, (0, 0))
        if peer not in self._dead and (sent_at is None or sent_at >= last):
            self.time += 1
            self._timeouts[peer] = count + 1, self.time
            if count + 1 >= TIMEOUTS_DEAD:
                self.mark_dead(peer)
                self.on_death(peer)
            elif len(self._timeouts) > SUSPECTS_MAX:
                self._timeouts.popitem(last=False)
        return peer in self._dead

    def mark_alive(self, peer: NodeRef) -> None:
        """Clear all suspicion of a peer that has replied."""
        self._timeouts.pop(peer, None)
        self._dead.pop(peer, None)

    def mark_dead(self, peer: NodeRef) -> None:
        """Declare a peer dead, and remember it: it may only have been partitioned away."""
        self._timeouts.pop(peer, None)
        self._dead[peer] = None
        if len(self._dead) > DEAD_MAX:
            self._dead.popitem(last=False)

    def is_dead(self, peer: NodeRef) -> bool:
        """Return True if a peer has been declared dead, or is a placeholder."""
        return not peer.host or (bool(self._dead) and peer in self._dead)  # called for every hop: avoid hashing

    @property
    def any_dead(self) -> bool:
        return bool(self._dead)

    def is_suspect(self, peer: NodeRef) -> bool:
        """Return True after two consecutive timeouts, or if the peer is dead."""
        return self._timeouts.get(peer, (0, 0))[0] >= TIMEOUTS_SUSPECT or self.is_dead(peer)

    @property
    def dead(self) -> tuple[NodeRef, ...]:
        """The peers declared dead, the earliest first."""
        return tuple(self._dead)
