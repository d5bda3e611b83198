"""How wide the network is: each host's link carries so many bits a second either way, one message after another.

What it is asked is only when; it carries nothing, and knows neither loss nor latency (that is `network`). How
many bytes a message has is not known here either: who gives a world narrow links tells it by `Sizes`.
"""

from __future__ import annotations

from typing import Any, Protocol

from roundelay.chord.effects import Ask
from roundelay.chord.refs import Address

BYTES_PER_MBIT = 1e6 / 8


class Sizes(Protocol):
    """Bytes of messages on the wire."""

    def question(self, ask: Ask) -> int: ...

    def answer(self, ask: Ask, outcome: Any) -> int: ...


class Links:
    """When a host's link, out and in, has done with what it was given so far."""

    def __init__(self, mbit_s: float) -> None:
        self._bytes_s = BYTES_PER_MBIT * mbit_s
        self._out_free_s: dict[Address, float] = {}
        self._in_free_s: dict[Address, float] = {}

    def send(self, source: Address, size_bytes: int, now: float) -> float:
        """Seconds until the first byte leaves, after all that was sent before."""
        return self._queue(self._out_free_s, source, size_bytes, now)

    def take(self, to: Address, size_bytes: int, now: float) -> float:
        """Seconds until the last byte is in, where the first arrives now, after all that arrived before."""
        return self._queue(self._in_free_s, to, size_bytes, now) + size_bytes / self._bytes_s

    def _queue(self, free_s: dict[Address, float], host: Address, size_bytes: int, now: float) -> float:
        begins = max(now, free_s.get(host, 0.0))
        free_s[host] = begins + size_bytes / self._bytes_s
        return begins - now
