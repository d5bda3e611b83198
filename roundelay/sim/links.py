"""Bandwidth: each host's link carries one message after another in each direction.

Links only compute delays; loss and latency are in `network`. A world with a bandwidth also needs the `Sizes` of
its messages.
"""

from __future__ import annotations

from typing import Any, Protocol

from roundelay.chord.effects import Ask
from roundelay.chord.refs import Address

BYTES_PER_MBIT = 1e6 / 8


class Sizes(Protocol):
    """The sizes of messages on the wire, in bytes."""

    def question(self, ask: Ask) -> int: ...

    def answer(self, ask: Ask, outcome: Any) -> int: ...


class Links:
    """When each host's link, outgoing and incoming, is free again."""

    def __init__(self, mbit_s: float) -> None:
        self._bytes_s = BYTES_PER_MBIT * mbit_s
        self._out_free_s: dict[Address, float] = {}
        self._in_free_s: dict[Address, float] = {}

    def send(self, source: Address, size_bytes: int, now: float) -> float:
        """Send a message after all earlier ones; return the seconds until its first byte leaves."""
        return self._queue(self._out_free_s, source, size_bytes, now)

    def take(self, to: Address, size_bytes: int, now: float) -> float:
        """Receive a message whose first byte arrives now; return the seconds until its last byte is in."""
        return self._queue(self._in_free_s, to, size_bytes, now) + size_bytes / self._bytes_s

    def _queue(self, free_s: dict[Address, float], host: Address, size_bytes: int, now: float) -> float:
        begins = max(now, free_s.get(host, 0.0))
        free_s[host] = begins + size_bytes / self._bytes_s
        return begins - now
