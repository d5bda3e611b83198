"""One call between two processes, measured by one of them: its time, its outcome, and the bytes of its frames.

Requests of a process to itself do not go over the wire, and are not measured. Where nobody observes, there is no
Exchange at all: even one that does nothing would take a twentieth of a small call.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

SENT, SERVED = "sent", "served"  # the sides of a call
OK = "ok"
UNKNOWN = "unknown"  # a method that is not in the contract


@dataclass(frozen=True)
class MeasuredCall:
    """A call that has ended.

    seconds: until the caller had the answer. On the side that served the call: until it began to send the answer.
    """

    side: str
    method: str
    outcome: str  # OK, or the name of the error
    seconds: float
    sent_bytes: int  # of whole frames
    received_bytes: int


Observer = Callable[[MeasuredCall], None]


class Exchange:
    """A call from its beginning to `end`, or to the end of a `with` block; `observe` is then told of it."""

    __slots__ = ("_answered", "_began", "_method", "_observe", "_outcome", "_received_bytes", "_sent_bytes", "_side")

    def __init__(self, observe: Observer, side: str, method: str) -> None:
        self._observe = observe
        self._side = side
        self._method = method
        self._outcome = OK
        self._began = time.perf_counter()
        self._answered = 0.0
        self._sent_bytes = self._received_bytes = 0

    def moved(self, sent_bytes: int, received_bytes: int) -> None:
        """Count frames."""
        self._sent_bytes += sent_bytes
        self._received_bytes += received_bytes

    def answered(self, error: BaseException | None = None) -> None:
        """Stop the clock. error: the answer, if it is one."""
        self._answered = time.perf_counter()
        self._outcome = OK if error is None else type(error).__name__

    def end(self, error: BaseException | None = None) -> None:
        """Tell the observer. error: what the call has failed with."""
        if error is not None or not self._answered:
            self.answered(error)
        seconds, moved = self._answered - self._began, (self._sent_bytes, self._received_bytes)
        self._observe(MeasuredCall(self._side, self._method, self._outcome, seconds, *moved))

    def __enter__(self) -> Exchange:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error)
