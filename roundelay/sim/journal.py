"""The journal of a simulation: a line for each message and each event.

The digest over all lines is always computed, so that two runs can be compared by 8 digits; the lines themselves are
written if there is a sink. The same seed gives the same bytes, so nothing that differs between two runs of Python
(addresses of objects, the order of sets) may be noted.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, BinaryIO

from roundelay.chord.refs import Address, NodeRef

WORD_CHARACTERS_MAX = 40
ITEMS_MAX = 2


class EventJournal:
    """Collects lines and computes their digest."""

    def __init__(self, sink: BinaryIO | None = None) -> None:
        self.lines = 0
        self._sink = sink
        self._hash = hashlib.sha256()

    def note(self, now: float, text: str) -> None:
        line = f"{now:.6f} {text}\n".encode()
        self.lines += 1
        self._hash.update(line)
        if self._sink is not None:
            self._sink.write(line)

    @property
    def digest(self) -> str:
        """The digest of everything noted so far, in hex."""
        return self._hash.hexdigest()


def brief(value: Any) -> str:
    """Format a message as one line: nodes by address and incarnation, long lists by their first items."""
    kind = type(value)
    if kind is NodeRef:
        return f"{value.host}:{value.port}/{value.incarnation}"
    if kind is tuple or kind is list:
        more = f" +{len(value) - ITEMS_MAX}" if len(value) > ITEMS_MAX else ""
        return f"[{' '.join([brief(item) for item in value[:ITEMS_MAX]])}{more}]"
    if kind is Address:
        return str(value)
    if is_dataclass(kind):
        return f"{kind.__name__}({' '.join([brief(getattr(value, name)) for name in _fields(kind)])})"
    return kind.__name__ if isinstance(value, BaseException) else _word(value)


def _word(value: Any) -> str:
    if type(value) is int:
        return f"{value:x}"
    if isinstance(value, bytes):
        return f"{len(value)}b{hashlib.sha256(value).hexdigest()[:8]}"
    if value is None or isinstance(value, str | float | bool):
        return str(value)[:WORD_CHARACTERS_MAX]
    return type(value).__name__


@lru_cache(maxsize=256)
def _fields(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
