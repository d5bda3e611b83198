"""Which connections a server keeps when more want in than it has threads for.

A thread that waits for bytes can be taken from its connection: first from one whose frame or answer moves too slowly,
which no honest peer's does, then from the one that has been idle longest. Strangers get only a part of the threads, and
one host a part of that, so that the peers that the server knows always find room.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from roundelay.rpc.transport import FramedSocket, shut_down

WORKERS_MAX = 64
KEPT_MAX = 384  # connections besides: each leaf keeps two, to be called and to deliver, and a driver polls over one
STRANGERS_SHARE = 7 / 8  # of the threads, for all hosts that the server does not know
HOST_SHARE = 3 / 4  # of the threads, and of the places of leaves, for one of them
KEPT_PER_HOST_MAX = round(KEPT_MAX * HOST_SHARE)  # for a host that the server does not know
LARGE_BYTES_MAX = 32 << 20  # of large messages that are being received, or have come and are not answered yet
LARGE_PER_HOST_MAX = round(LARGE_BYTES_MAX * HOST_SHARE)  # for a host that the server does not know
STALLED_S = 0.1  # a frame that has taken longer must move at least so fast:
BYTES_PER_S_MIN = 64 << 10

IsKnown = Callable[[str], bool]  # whether a host is that of a peer


@dataclass(eq=False)
class Connection:
    """An accepted connection, guarded by the server's lock. It starts idle: a silent handshake can be evicted."""

    sock: socket.socket
    host: str
    port: int
    idle_since: float = field(default_factory=time.monotonic)
    working: bool = False  # between the first byte of a frame and the last of its answer
    has_called: bool = False  # it has begun a frame
    closing: bool = False
    kept: bool = False  # a leaf's, or held by a poll of its order: it has a place of its own
    reserved_bytes: int = 0  # for the large message that it sends, until that is answered
    transport: FramedSocket | None = None  # once it is secured
    thread: threading.Thread = field(init=False)

    @property
    def peer(self) -> str:
        return f"{self.host} port {self.port}"

    @property
    def is_stalled(self) -> bool:
        """Whether it waits for a peer that sends its frame, or takes its answer, too slowly."""
        transport = self.transport
        if not self.working or transport is None or not transport.is_waiting:
            return False
        seconds = time.monotonic() - transport.began
        return seconds > STALLED_S and transport.moved_bytes < seconds * BYTES_PER_S_MIN

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a frame; one that has just been accepted is given time to begin its first."""
        return not self.working and (self.has_called or time.monotonic() - self.idle_since > STALLED_S)

    def hang_up(self) -> None:
        """Wake the connection's thread, which alone closes the socket."""
        self.closing = True
        shut_down(self.sock)


class Connections:
    """The connections of one server; the caller holds the server's lock."""

    def __init__(self, workers_max: int = WORKERS_MAX, is_known: IsKnown = lambda host: True) -> None:
        self._workers_max = workers_max
        self._strangers_max = max(1, round(workers_max * STRANGERS_SHARE))
        self._per_host_max = max(1, round(workers_max * HOST_SHARE))
        self._is_known = is_known
        self._all: set[Connection] = set()
        self._kept = Counter[str]()  # by host
        self._reserved_bytes = Counter[str]()  # by host

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @property
    def are_full(self) -> bool:
        return len(self._all) - self._kept.total() >= self._workers_max  # counted for every call: without a list

    @property
    def _others(self) -> list[Connection]:
        """The connections that share the threads: all but those of leaves."""
        return [each for each in self._all if not each.kept] if self._kept else list(self._all)

    def keep(self, connection: Connection, is_kept: bool) -> None:
        """Give a connection a place of its own while there are any for its host, or take the place back."""
        if is_kept == connection.kept or (is_kept and not self._has_place_for(connection.host)):
            return
        connection.kept = is_kept
        self._kept[connection.host] += 1 if is_kept else -1
        if not self._kept[connection.host]:
            del self._kept[connection.host]

    def _has_place_for(self, host: str) -> bool:
        if self._kept.total() >= KEPT_MAX:
            return False
        return self._kept[host] < KEPT_PER_HOST_MAX or self._is_known(host)

    def add(self, connection: Connection) -> None:
        self._all.add(connection)

    def discard(self, connection: Connection) -> None:
        self.keep(connection, False)
        self.release(connection)
        self._all.discard(connection)

    def reserve(self, connection: Connection, size_bytes: int) -> bool:
        """Reserve memory for a large message. Return whether there is any; for a peer there always is.

        If not, strangers that have reserved some, and send too slowly, are cut off.
        """
        host, taken = connection.host, self._reserved_bytes
        fits = taken.total() + size_bytes <= LARGE_BYTES_MAX and taken[host] + size_bytes <= LARGE_PER_HOST_MAX
        if not fits and not self._is_known(host):
            self._cut_off_slow_senders()
            return False
        connection.reserved_bytes = size_bytes
        taken[host] += size_bytes
        return True

    def release(self, connection: Connection) -> bool:
        """Take back what was reserved for a connection. Return whether anything was."""
        size_bytes, connection.reserved_bytes = connection.reserved_bytes, 0
        self._reserved_bytes[connection.host] -= size_bytes
        if not self._reserved_bytes[connection.host]:
            del self._reserved_bytes[connection.host]
        return size_bytes > 0

    def _cut_off_slow_senders(self) -> None:
        for each in self._all:
            if each.reserved_bytes and each.is_stalled and not self._is_known(each.host):
                each.hang_up()

    def has_room_for(self, newcomer: Connection) -> bool:
        """Return whether a thread is free for it; otherwise close a connection, so that one will be."""
        rivals = self._rivals_of(newcomer)
        if rivals is None:
            return True
        self._close_one(rivals)
        return False

    def close_one(self) -> None:
        """Close a connection that waits for bytes, if there is one."""
        self._close_one(list(self._all))

    def _rivals_of(self, newcomer: Connection) -> list[Connection] | None:
        """Return the connections of which one must go for another to come; None if there is room."""
        others = self._others
        if len(others) >= self._per_host_max and not self._is_known(newcomer.host):
            neighbours = [each for each in others if each.host == newcomer.host]
            if len(neighbours) >= self._per_host_max:
                return neighbours
            strangers = [each for each in others if not self._is_known(each.host)]
            if len(strangers) >= self._strangers_max:
                return strangers
        return others if len(others) >= self._workers_max else None

    def _close_one(self, rivals: list[Connection]) -> None:
        """Close the rival that has stalled or been idle longest, unless one is being closed."""
        if any(each.closing for each in rivals):
            return
        stalled = [(each.transport.began, each) for each in rivals if each.is_stalled and each.transport is not None]
        waiting = stalled or [(each.idle_since, each) for each in rivals if each.is_idle]
        if waiting:
            min(waiting, key=lambda pair: pair[0])[1].hang_up()
