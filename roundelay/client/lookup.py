"""A Chord lookup with the time of each hop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from roundelay.chord.effects import Effect, Procedure, intercept
from roundelay.chord.errors import ChordError
from roundelay.chord.lookup import Route
from roundelay.chord.requests import Candidate
from roundelay.chord.ring import Ring


@dataclass(frozen=True)
class LookupResult:
    """A name's route through the ring, and the milliseconds that each answered request took."""

    name: str
    ring: Ring
    route: Route
    times_ms: tuple[float, ...]


def timed(procedure: Procedure[Route], clock: Callable[[], float], times_ms: list[float]) -> Procedure[Route]:
    """Run a lookup; append the milliseconds that each answered request took to `times_ms`."""
    began = clock()

    def observe(_: Effect, outcome: Any) -> None:
        nonlocal began
        if not isinstance(outcome, ChordError):
            times_ms.append(1000 * (clock() - began))
        began = clock()

    return (yield from intercept(procedure, observe))


def hop_reason(step: Candidate, is_first: bool) -> str:
    """Return why this node was asked."""
    if is_first:
        return "entry node"
    return "successor list" if step.finger is None else f"finger {step.finger}"
