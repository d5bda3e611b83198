"""What a procedure may want from the world, as values.

A procedure is a generator that yields effects and is sent their outcomes. Who runs it decides
what they mean: real sockets and threads, a simulated network, or a test that answers by hand.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address, NodeRef

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

CALL_TIMEOUT_S = 1.0  # a node answers from memory: silence this long is a miss


class Request(Generic[R_co]):
    """A question to another process; the parameter is the type of its answer."""


@dataclass(frozen=True)
class Ask:
    """Put one request to one process. Outcome: its answer, or a ChordError raised."""

    to: NodeRef | Address
    request: Request[Any]
    timeout_s: float = CALL_TIMEOUT_S


@dataclass(frozen=True)
class AskAll:
    """Put many requests at once. Outcome: answers in the order asked, errors as values.

    Done when all have answered, or `need` of them without error, or at the deadline; who has not
    answered by then counts as unreachable.
    """

    asks: Sequence[Ask]
    need: int | None = None
    deadline_s: float = 5 * CALL_TIMEOUT_S


@dataclass(frozen=True)
class Sleep:
    """Go on after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class SleepUntilNudged:
    """Go on after so many seconds, or at once when the node is nudged or its agenda has a note."""

    seconds: float


@dataclass(frozen=True)
class Gather:
    """Run procedures side by side, at most `limit` of them. Outcome: their results in order, errors as values."""

    procedures: Sequence[Procedure[Any]]
    limit: int = 16


Procedure = Generator[Any, Any, R]


def ask(to: NodeRef | Address, request: Request[R], timeout_s: float = CALL_TIMEOUT_S) -> Procedure[R]:
    """Ask one, typed: `hop = yield from ask(node, NextHop(key))`."""
    answer: R = yield Ask(to, request, timeout_s)
    return answer


def ask_all(
    asks: Sequence[tuple[NodeRef, Request[R]]], need: int | None = None, deadline_s: float = 5 * CALL_TIMEOUT_S
) -> Procedure[list[R | ChordError]]:
    """Ask many, typed; an error takes the place of the answer it replaces."""
    if not asks:
        return []
    answers: list[R | ChordError] = yield AskAll(
        [Ask(to, request, deadline_s) for to, request in asks], need, deadline_s
    )
    return answers


def gather(procedures: Sequence[Procedure[R]], limit: int = 16) -> Procedure[list[R | Exception]]:
    """Run many side by side, typed; an error takes the place of the result it replaces."""
    if not procedures:
        return []
    results: list[R | Exception] = yield Gather(procedures, limit)
    return results
