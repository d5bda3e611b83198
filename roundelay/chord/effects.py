"""Effects: what a procedure may ask of the world, as values (sans-I/O).

A procedure is a generator. It yields effects and is sent their outcomes; it opens no socket, reads no clock and
starts no thread. To write one, yield an effect or delegate to another procedure:

    def ping_twice(peer: NodeRef) -> Procedure[Neighbourhood]:
        yield from ask(peer, GetNeighbours())         # the answer, or a ChordError raised here
        yield Sleep(1.0)
        return (yield from ask(peer, GetNeighbours()))

To run one, say what each effect means. `perform` returns the outcome; an error that it raises or returns is raised
in the procedure, at its `yield`:

    def perform(effect: Effect) -> Any:
        match effect:
            case Ask():
                return handlers[effect.to](effect.request)
            case Sleep():
                time.sleep(effect.seconds)

    neighbourhood = run(ping_twice(peer), perform)

So the same procedure runs on sockets and threads (node/runtime.py), in a simulated network (sim/) and in a test
that answers by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address, NodeRef

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

CALL_TIMEOUT_S = 1.0  # a node answers from memory, so a longer silence beyond the round trip counts as a timeout


class Request(Generic[R_co]):
    """A request to another process; the parameter is the type of its answer."""

    answers_at_once: ClassVar[bool] = False  # from memory, so that its duration is that of a round trip

    @property
    def goes_in_line(self) -> bool:
        """Whether it is small and soon answered, so that it may wait behind others on one connection."""
        return self.answers_at_once


class Effect:
    """Base class of everything that a procedure may yield."""


Procedure = Generator[Effect, Any, R]


# --- the effects


@dataclass(frozen=True)
class Ask(Effect):
    """Send one request to one process. Outcome: its answer, or a ChordError.

    timeout_s: how long the process may take; the allowance for the network is added (see `round_trips`). via: the node
    that answers for `to`, which accepts no connections itself.
    """

    to: NodeRef | Address
    request: Request[Any]
    timeout_s: float = CALL_TIMEOUT_S
    via: NodeRef | None = None

    @property
    def at(self) -> NodeRef | Address:
        """The process that is connected to."""
        return self.via or self.to


@dataclass(frozen=True)
class AskAll(Effect):
    """Send many requests at once. Outcome: the answers in the order of `asks`, errors as values.

    Ends when all have answered, when `need` of them have answered without error, or at the deadline, to which the
    largest allowance for the network is added; a process that has not answered by then counts as unreachable.
    """

    asks: Sequence[Ask]
    need: int | None = None
    deadline_s: float = 5 * CALL_TIMEOUT_S


@dataclass(frozen=True)
class Sleep(Effect):
    """Continue after `seconds`."""

    seconds: float


@dataclass(frozen=True)
class SleepUntil(Effect):
    """Continue as soon as something about the node is true, and after `seconds` at the latest.

    is_true: asked after each step of a procedure and each handler of the node, so it must be quick, and must not fail.
    """

    is_true: Callable[[], bool]
    seconds: float


@dataclass(frozen=True)
class Gather(Effect):
    """Run procedures concurrently, at most `limit` at a time. Outcome: their results in order, errors as values."""

    procedures: Sequence[Procedure[Any]]
    limit: int = 16


@dataclass(frozen=True)
class Offload(Effect):
    """Call a slow function (arithmetic, no network) without blocking other procedures."""

    function: Callable[[], Any]


@dataclass(frozen=True)
class RoundTripsTo(Effect):
    """Look up the measured round trips to nodes (see `round_trips`), without asking them.

    Outcome: seconds by node; a node that has not been measured is missing.
    """

    nodes: Sequence[NodeRef]


# --- the same, typed


def ask(to: NodeRef | Address, request: Request[R], timeout_s: float = CALL_TIMEOUT_S) -> Procedure[R]:
    """Ask one process: `hop = yield from ask(node, NextHop(key))`."""
    answer: R = yield Ask(to, request, timeout_s)
    return answer


def ask_all(
    asks: Sequence[tuple[NodeRef, Request[R]]], need: int | None = None, deadline_s: float = 5 * CALL_TIMEOUT_S
) -> Procedure[list[R | ChordError]]:
    """Ask many processes at once; the error of a failed request takes the place of its answer."""
    if not asks:
        return []
    answers: list[R | ChordError] = yield AskAll(
        [Ask(to, request, deadline_s) for to, request in asks], need, deadline_s
    )
    return answers


def gather(procedures: Sequence[Procedure[R]], limit: int = 16) -> Procedure[list[R | Exception]]:
    """Run procedures concurrently; the error of a failed one takes the place of its result."""
    if not procedures:
        return []
    results: list[R | Exception] = yield Gather(procedures, limit)
    return results


def gather_or_raise(procedures: Sequence[Procedure[R]], limit: int = 16) -> Procedure[list[R]]:
    """Run procedures concurrently to their ends; then raise the first error in their order, if there is one."""
    results: list[R] = []
    for outcome in (yield from gather(procedures, limit)):
        if isinstance(outcome, Exception):
            raise outcome
        results.append(outcome)
    return results


def offload(function: Callable[[], R]) -> Procedure[R]:
    """Yield a typed Offload: `weights = yield from offload(lambda: mean(...))`."""
    result: R = yield Offload(function)
    return result


def round_trips_to(nodes: Sequence[NodeRef]) -> Procedure[dict[NodeRef, float]]:
    """Return the measured round trips to nodes, in seconds; a node that has not been measured is missing."""
    found: dict[NodeRef, float] = yield RoundTripsTo(nodes)
    return found


# --- running procedures


def run(procedure: Procedure[R], perform: Callable[[Any], Any]) -> R:
    """Run a procedure to its end with `perform(effect)`; return its result or raise its error.

    Only an Exception is an outcome: anything else that `perform` raises (KeyboardInterrupt) ends the run.
    """
    outcome: Any = None
    try:
        while True:
            effect = resume(procedure, outcome)
            try:
                outcome = perform(effect)
            except Exception as error:
                outcome = error
    except StopIteration as end:
        result: R = end.value
        return result
    finally:
        procedure.close()


def intercept(procedure: Procedure[R], observe: Callable[[Effect, Any], None]) -> Procedure[R]:
    """Run a procedure inside another, unchanged, and call `observe(effect, outcome)` after each effect.

    An error is an outcome like any other. An error that `observe` raises ends the procedure.
    """
    outcome: Any = None
    try:
        while True:
            effect = resume(procedure, outcome)
            try:
                outcome = yield effect
            except Exception as error:
                outcome = error
            observe(effect, outcome)
    except StopIteration as end:
        result: R = end.value
        return result
    finally:
        procedure.close()


def resume(procedure: Procedure[Any], outcome: Any) -> Effect:
    """Send an outcome into a procedure (raise it there, if it is an error) up to its next effect.

    Raises StopIteration with the procedure's result when it has ended.
    """
    if isinstance(outcome, Exception):
        return procedure.throw(outcome)
    return procedure.send(outcome)
