"""Effects of this package, besides the ring's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from roundelay.chord.effects import Effect, Procedure
from roundelay.federation.requests import Order
from roundelay.ml.sliced import Sliced
from roundelay.store.blobs import Content

NS_PER_S = 1_000_000_000  # versions are nanoseconds of Unix time
AHEAD_MAX_S = 600.0  # that the clock of another process may be ahead of ours


@dataclass(frozen=True)
class Clocks:
    """A driver's clocks: monotonic seconds, and the version of a record written now."""

    monotonic: Callable[[], float]
    version: Callable[[], int]


@dataclass(frozen=True)
class Done:
    """The result of an order. result: the bytes that the driver will add up; perhaps in a file."""

    result: Sliced
    seconds: float
    loss: float = 0.0
    accuracy: float = 0.0


@dataclass(frozen=True)
class Compute(Effect):
    """Carry an order out in the trainer. Outcome: Done, or WorkFailed or FilesLacking raised.

    contents: bytes by digest of the weights that the order names, and of all its files unless the trainer has them.
    """

    order: Order
    contents: Mapping[str, Content]


@dataclass(frozen=True)
class AwaitOrder(Effect):
    """Continue when an order is queued."""


@dataclass(frozen=True)
class CancelOrder(Effect):
    """Stop carrying out an order, which then is `unable` for this reason; nothing happens if it has ended."""

    ticket: str
    why: str


@dataclass(frozen=True)
class OpenBuffer(Effect):
    """Open a buffer for a content of this many bytes: in a temporary file if it is large. Outcome: a Buffer."""

    size_bytes: int


def compute(effect: Compute) -> Procedure[Done]:
    """Yield a typed Compute: `done = yield from compute(Compute(...))`."""
    done: Done = yield effect
    return done
