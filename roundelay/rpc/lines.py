"""A pool of connections to other processes: a bounded number, each used by one caller at a time.

What TCP has learned about a path belongs to one connection: a new one sends 14 kB in its first round trip, and one that
has carried large messages in a direction sends many times that. So a call that moves much takes the connection that has
moved most for its method before, and a call that moves little leaves that one to others.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from roundelay.chord.round_trips import Place
from roundelay.rpc.protocol import BinaryProtocol
from roundelay.rpc.transport import FramedSocket

if TYPE_CHECKING:
    from roundelay.trust.identity import Identity

CONNECTIONS_MAX = 320  # idle ones kept, in all: a driver polls each node of a ring of 256 over one
CONNECTIONS_PER_PEER_MAX = 4  # a poll, a put and a find to one node overlap
CONNECTIONS_PER_RELAY_MAX = 32  # to a node through which many leaves are polled
IDLE_S = 30.0  # half the server's own limit
FRESH_S = 1.0  # a connection idle for less is used unchecked: if it has been closed, the retry finds out
MUCH_BYTES = 8 << 10  # of a message: less fits into the first packets of any connection


class Line:
    """One pooled connection and its protocol."""

    def __init__(self, connection: FramedSocket) -> None:
        self.connection = connection
        self.messages = BinaryProtocol(connection)
        self.idle_since = 0.0
        self.measured_at = 0.0  # when its round trip was recorded last
        self.is_new = True  # no call has used it
        self.peer: Identity | None = None  # the process at the other end, in a ring with certificates
        self.carried: dict[str, int] = {}  # bytes of the largest message, by method; of those with MUCH_BYTES
        self.unanswered = 0  # calls that were sent and whose answers are still to be read

    def record(self, method: str) -> None:
        """Record how much a call has just moved."""
        moved = max(self.connection.moved_bytes, self.connection.frame_bytes)
        if moved >= MUCH_BYTES and moved > self.carried.get(method, 0):
            self.carried[method] = moved


class Lines:
    """The idle connections of one process. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[Place, list[Line]] = {}  # the most recently used last
        self._count = 0  # of all of them
        self._closed = False

    def take(self, place: Place, method: str) -> Line | None:
        """Return an idle connection that still looks open, if there is one: the best for this method."""
        with self._lock:
            mine = self._idle.get(place)
            if mine is None:
                return None
            line = mine.pop() if len(mine) == 1 else mine.pop(_best(mine, method))
            self._count -= 1
            if not mine:
                del self._idle[place]
        idle_s = time.monotonic() - line.idle_since
        if idle_s < FRESH_S or (idle_s < IDLE_S and line.connection.isOpen()):
            return line
        line.connection.close()
        return None

    def give_back(self, place: Place, line: Line, most: int = CONNECTIONS_PER_PEER_MAX) -> None:
        """Keep a connection for the next call, if there are not `most` to that peer already."""
        line.idle_since = time.monotonic()
        with self._lock:
            surplus = line if self._closed else self._keep(place, line, most)
        if surplus is not None:
            surplus.connection.close()

    def close(self) -> None:
        """Close the idle connections now, and every other connection when it is given back."""
        with self._lock:
            self._closed = True
            idle, self._idle, self._count = [line for lines in self._idle.values() for line in lines], {}, 0
        for line in idle:
            line.connection.close()

    def _keep(self, place: Place, line: Line, most: int) -> Line | None:
        """Add a connection. Return the one that must be closed for it, if there is one."""
        mine = self._idle.setdefault(place, [])
        mine.append(line)
        self._count += 1
        if len(mine) > most:
            self._count -= 1
            return mine.pop(_least(mine))
        return self._evict() if self._count > CONNECTIONS_MAX else None

    def _evict(self) -> Line:
        """Remove and return the connection that has been idle longest."""
        idle = [(line.idle_since, place, line) for place, mine in self._idle.items() for line in mine]
        _, place, oldest = min(idle, key=lambda each: each[0])
        self._idle[place].remove(oldest)
        self._count -= 1
        if not self._idle[place]:
            del self._idle[place]
        return oldest


def _best(lines: list[Line], method: str) -> int:
    """Return the place of the line that has moved most for a method.

    Of equal ones it is the one that has moved least for others, and of these the most recently used, which is the last.
    """
    return max(
        range(len(lines)),
        key=lambda at: (lines[at].carried.get(method, 0), -max(lines[at].carried.values(), default=0), at),
    )


def _least(lines: list[Line]) -> int:
    """Return the place of the line that has moved least; of equal ones the one that has been idle longest."""
    return min(range(len(lines)), key=lambda at: (max(lines[at].carried.values(), default=0), at))
