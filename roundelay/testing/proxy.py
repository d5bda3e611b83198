"""A TCP proxy on loopback that injects network faults: it delays, fragments, drops and resets.

It has one thread for each direction of each connection, does not interpret what it carries, and closes every
connection at the end of its block.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

CHUNK_BYTES = 1 << 16
ACCEPT_EVERY_S = 0.1
CONNECT_TIMEOUT_S = 1.0
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


@dataclass(frozen=True)
class Faults:
    """The faults that are injected into all traffic; by default none."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    slice_bytes: int = 0  # forward in fragments of that many bytes, one packet each
    loss: float = 0.0  # probability that a chunk, and everything after it on its connection, is dropped
    reset: float = 0.0  # probability that a chunk resets its connection
    refuse: bool = False  # reset new connections at once
    swallow_requests: bool = False  # drop everything towards the target
    swallow_answers: bool = False  # drop everything from the target: a one-way link


@dataclass
class Counts:
    """What the proxy has done so far."""

    connections: int = 0
    resets: int = 0
    lost: int = 0


class Proxy:
    """Listens at `host:port` and forwards to `target`; `faults` may be replaced at any time."""

    def __init__(self, target: tuple[str, int], rng: random.Random, host: str = "127.0.0.2") -> None:
        self.faults = Faults()
        self.counts = Counts()
        self._target = target
        self._rng = rng
        self._stopping = threading.Event()
        self._listener = socket.create_server((host, target[1]))
        self._listener.settimeout(ACCEPT_EVERY_S)
        self._threads: list[threading.Thread] = []
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        self._spawn(self._accept)

    def stop(self) -> None:
        """Close everything, and wait for the threads."""
        self._stopping.set()
        self._listener.close()
        self.break_all()
        for thread in self._threads:
            thread.join(CONNECT_TIMEOUT_S + self.faults.latency_s + self.faults.jitter_s)

    def break_all(self) -> None:
        """Reset every connection that is open now."""
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            self._reset(each)

    # --- helpers

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                caller, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self.counts.connections += 1
            if self.faults.refuse:
                self._reset(caller)
            else:
                self._spawn(partial(self._carry, caller))

    def _carry(self, caller: socket.socket) -> None:
        try:
            callee = socket.create_connection(self._target, CONNECT_TIMEOUT_S)
        except OSError:
            self._reset(caller)
            return
        callee.settimeout(None)
        for each in (caller, callee):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._sockets |= {caller, callee}
        self._spawn(partial(self._pump, callee, caller, answers=True))
        self._pump(caller, callee, answers=False)

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        """Forward until one side ends. What is dropped is read all the same."""
        lost = False
        with suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                faults = self.faults
                if self._happens(faults.reset):
                    self.counts.resets += 1
                    self._reset(source)
                    self._reset(sink)
                    return
                if not lost and self._happens(faults.loss):
                    lost = True
                    self.counts.lost += 1
                if lost or (faults.swallow_answers if answers else faults.swallow_requests):
                    continue
                self._forward(chunk, sink, faults)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._close(source)
        self._close(sink)

    def _forward(self, chunk: bytes, sink: socket.socket, faults: Faults) -> None:
        if faults.latency_s or faults.jitter_s:
            time.sleep(faults.latency_s + self._rng.uniform(0.0, faults.jitter_s))
        step = faults.slice_bytes or len(chunk)
        for start in range(0, len(chunk), step):
            sink.sendall(chunk[start : start + step])

    def _happens(self, chance: float) -> bool:
        return chance > 0.0 and self._rng.random() < chance

    def _reset(self, each: socket.socket) -> None:
        with suppress(OSError):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            each.shutdown(socket.SHUT_RD)  # wakes the thread that reads it
        self._close(each)

    def _close(self, each: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(each)
        with suppress(OSError):
            each.close()

    def _spawn(self, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=body, name="proxy", daemon=True)
        self._threads = [*(each for each in self._threads if each.is_alive()), thread]
        thread.start()


@contextmanager
def proxy(target: tuple[str, int], seed: int = 7, host: str = "127.0.0.2") -> Iterator[Proxy]:
    """Put a proxy in front of a process for the length of the block."""
    made = Proxy(target, random.Random(seed), host)
    made.start()
    try:
        yield made
    finally:
        made.stop()
