"""Runs procedures: steps them under one lock, and performs the effects that they yield without it.

The only place that waits. The lock is never held while waiting for another node, a timer or the trainer. Handlers take
the same lock, so that the core needs no lock of its own.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_futures
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from roundelay.chord.effects import (
    Ask,
    AskAll,
    Effect,
    Gather,
    Offload,
    Procedure,
    Request,
    RoundTripsTo,
    Sleep,
    SleepUntil,
    run,
)
from roundelay.chord.errors import ChordError, NodeUnreachable, WrongIncarnation
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.relays import Relays
from roundelay.ml.errors import printable
from roundelay.node import failpoints, partition_fault
from roundelay.node.condition_lock import ConditionLock
from roundelay.node.failpoints import Failpoints
from roundelay.rpc.peers import Peers

log = logging.getLogger(__name__)

R = TypeVar("R")

ASKERS_MAX = 32  # threads for concurrent requests
IN_LINE_MAX = 64  # requests sent to one process before its answers are read: all fit into its socket's buffer
LINE_CHARACTERS_MAX = 500  # of a line that is logged
RESTART_MIN_S, RESTART_MAX_S = 0.5, 30.0  # before a loop that has failed is started again
Performer = Callable[[Any], Any]


class Stopped(BaseException):
    """The process is ending. Not an Exception: no procedure may handle it, every one is closed."""


class Runtime:
    """The threads, the lock and the clock of one process."""

    def __init__(self, peers: Peers, faults: Failpoints | None = None) -> None:
        self.peers = peers
        self.faults = faults or failpoints.from_environment()
        self._cut = partition_fault.from_environment()
        self.lock = ConditionLock()  # of all state; after each change under it, those that wait for that are woken
        self.stopping = threading.Event()
        self.failure: Exception | None = None  # why the process cannot go on
        self._askers = ThreadPoolExecutor(ASKERS_MAX, thread_name_prefix="ask")
        self._threads: list[threading.Thread] = []
        self._myself: tuple[NodeRef, Callable[[Request[Any]], Any]] | None = None
        self._answerer: Callable[[int, int], Callable[[Request[Any]], Any] | None] = lambda *_: None
        self._relays = Relays()
        self._relay_performers: dict[type[Any], Performer] = {Ask: self._send, Sleep: self._sleep}
        self._performers: dict[type[Any], Performer] = {
            Ask: self._ask,
            AskAll: self._ask_all,
            Sleep: self._sleep,
            SleepUntil: lambda sleep: self.wait_until(sleep.is_true, sleep.seconds),
            Gather: self._together,
            Offload: lambda effect: effect.function(),
            RoundTripsTo: self._round_trips_to,
        }

    def be(
        self,
        me: NodeRef,
        answer: Callable[[Request[Any]], Any],
        answerer: Callable[[int, int], Callable[[Request[Any]], Any] | None] | None = None,
    ) -> None:
        """From now on answer requests to `me` in this process, without the wire; and those to leaves, by `answerer`."""
        self._myself = me, answer
        self._answerer = answerer or self._answerer

    def perform_with(self, effect: type[Any], performer: Performer) -> None:
        """Set the performer of an effect."""
        self._performers[effect] = performer

    def wait_until(self, is_true: Callable[[], bool], timeout_s: float | None = None) -> None:
        """Wait until something under the lock is true, the time has passed, or the process stops."""
        with self.lock:
            self.lock.wait_until(lambda: is_true() or self.stopping.is_set(), timeout_s)

    def run(self, procedure: Procedure[R]) -> R:
        """Run a procedure to its end in this thread. Raises what it raises; Stopped when the process stops."""
        with self.lock:
            self._require_running()
            return run(procedure, self._perform_unlocked)

    def keep(self, name: str, make: Callable[[], Procedure[Any]], fatal: tuple[type[Exception], ...] = ()) -> None:
        """Run an endless procedure in a thread of its own, and start it again, after a pause, whenever it fails.

        An unexpected error is logged once. One of the `fatal` errors stops the process, and is then its `failure`.
        """

        def body() -> None:
            reported, pause_s = "", 0.0
            while not self.stopping.wait(pause_s):
                began = time.monotonic()
                failure = self._failure_of(make)
                if failure is None:
                    return
                if isinstance(failure, fatal):
                    self.failure = failure
                    self.stopping.set()
                elif repr(failure) != reported:
                    report_failure(f"the loop {name!r} starts again", failure)
                reported = repr(failure)
                is_new = time.monotonic() - began > RESTART_MAX_S
                pause_s = RESTART_MIN_S if is_new or not pause_s else min(2 * pause_s, RESTART_MAX_S)

        self._start(name, body)

    def start(self, name: str, procedure: Procedure[Any], on_failure: Callable[[Exception], None]) -> None:
        """Run a procedure in a thread of its own, until it ends or the process stops."""

        def body() -> None:
            try:
                self.run(procedure)
            except Stopped:
                pass
            except Exception as error:
                on_failure(error)

        self._start(name, body)

    def _failure_of(self, make: Callable[[], Procedure[Any]]) -> Exception | None:
        """Run a procedure; return the error that it fails with, or None if it ends or is stopped."""
        try:
            self.run(make())
        except Stopped:
            return None
        except Exception as error:
            return error
        return None

    def _start(self, name: str, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=body, name=name, daemon=True)
        thread.start()
        self._threads = [*(each for each in self._threads if each.is_alive()), thread]

    def stop(self, timeout_s: float) -> None:
        """End all waits, and with them the threads, within timeout_s."""
        self.stopping.set()
        with self.lock:
            self.lock.wake()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._askers.shutdown(wait=False, cancel_futures=True)
        self.peers.close()

    # --- performers

    def _perform_unlocked(self, effect: Effect) -> Any:
        """Perform an effect without the lock, which is held only while a procedure takes a step."""
        self.lock.wake()
        self.lock.release()
        try:
            return self._performers[type(effect)](effect)
        finally:
            self.lock.acquire()
            self._require_running()

    def _require_running(self) -> None:
        if self.stopping.is_set():
            raise Stopped

    def _ask(self, ask: Ask) -> Any:
        if self.peers.security is not None:
            ask = self.peers.security.signed(ask)
        return self.faults.around(f"ask.{type(ask.request).__name__}", ask.request, lambda: self._send(ask))

    def _send(self, ask: Ask) -> Any:
        if isinstance(ask.to, NodeRef) and ask.to.relays and ask.via is None:
            return run(self._relays.ask(ask), lambda step: self._relay_performers[type(step)](step))
        if self._myself is not None:
            if ask.at == self._myself[0]:
                return self._answer_here(ask)
            self._require_reachable(ask)
        return self.peers.ask(ask)

    def _answer_here(self, ask: Ask) -> Any:
        """Answer a request to this process, or to a leaf of this node. Raises WrongIncarnation."""
        assert self._myself is not None
        me, answer = self._myself
        if isinstance(ask.to, NodeRef) and ask.to != me:
            of_leaf = self._answerer(ask.to.id, ask.to.incarnation)
            if of_leaf is None:
                raise WrongIncarnation(me)
            answer = of_leaf
        return answer(ask.request)

    def _require_reachable(self, ask: Ask) -> None:
        """Raise NodeUnreachable if a partition that is injected lies between."""
        if self._myself is not None:
            address = ask.at.address if isinstance(ask.at, NodeRef) else ask.at
            self._cut.require_reachable(self._myself[0].address, address)

    def _begin_ask(self, ask: Ask) -> Ask:
        """Do what `_ask` does before a request leaves; return it as it leaves. Raises ChordError."""
        if self.peers.security is not None:
            ask = self.peers.security.signed(ask)
        self.faults.hit(f"ask.{type(ask.request).__name__}.before", ask.request)
        self._require_reachable(ask)
        return ask

    def _end_ask(self, ask: Ask, answer: Any) -> Any:
        """Do what `_ask` does after an answer has come. Raises it if it is an error."""
        if isinstance(answer, Exception):
            raise answer
        self.faults.hit(f"ask.{type(ask.request).__name__}.after", ask.request)
        return answer

    def _ask_all(self, effect: AskAll) -> list[Any]:
        """Return the answers in the order of the requests, with a ChordError in the place of a missing one."""
        ends = [relay for ask in effect.asks for relay in getattr(ask.to, "relays", ()) or (ask.to,)]
        places = {(end.host, end.port) for end in ends}
        deadline_s = effect.deadline_s + max(map(self.peers.allowance_s, places), default=0.0)
        deadline = time.monotonic() + deadline_s
        lines = _lines(effect, self._myself[0] if self._myself is not None else None)
        mine = [line for line in lines[:1] if effect.need is None and effect.asks[0].timeout_s <= effect.deadline_s]
        futures = [self._askers.submit(self._ask_line, effect, line) for line in lines[len(mine) :]]
        answers = [self._ask_line(effect, line) for line in mine]  # in this thread, which is running anyway
        _wait_for(futures, effect.need, max(0.0, deadline - time.monotonic()))
        silent = NodeUnreachable(f"no answer within {deadline_s:.2g} s")
        outcomes: list[Any] = [silent] * len(effect.asks)
        answers += [f.result() for f in futures if f.done() and not f.cancelled()]
        for answer in answers:
            for place, outcome in answer:
                outcomes[place] = outcome
        return outcomes

    def _ask_line(self, effect: AskAll, line: Sequence[int]) -> list[tuple[int, Any]]:
        """Ask one process what it is asked at these places of `asks`. Return each outcome with its place."""
        if len(line) == 1:
            return [(line[0], _value_or_error(partial(self._ask, effect.asks[line[0]])))]
        outcomes: dict[int, Any] = {}
        for place in line:
            outcomes[place] = _value_or_error(partial(self._begin_ask, effect.asks[place]))
        begun = [place for place in line if not isinstance(outcomes[place], Exception)]
        answers = self.peers.ask_in_line([outcomes[place] for place in begun]) if begun else []
        for place, answer in zip(begun, answers, strict=True):
            outcomes[place] = _value_or_error(partial(self._end_ask, effect.asks[place], answer))
        return list(outcomes.items())

    def _together(self, effect: Gather) -> list[Any]:
        """Run procedures in threads, at most effect.limit at once. An interrupted wait abandons those not yet begun."""
        left = deque(enumerate(effect.procedures))
        results: list[Any] = [Stopped()] * len(left)

        def run_next() -> None:
            with suppress(IndexError, Stopped):
                while True:  # ends: the deque grows shorter
                    place, procedure = left.popleft()
                    results[place] = _value_or_error(partial(self.run, procedure))

        sides = [
            threading.Thread(target=run_next, name="side", daemon=True) for _ in range(min(effect.limit, len(left)))
        ]
        try:
            for side in sides:
                side.start()
            for side in sides:
                side.join()
        finally:
            left.clear()
        return results

    def _round_trips_to(self, effect: RoundTripsTo) -> dict[NodeRef, float]:
        me = self._myself[0] if self._myself is not None else None
        measured = {node: 0.0 if node == me else self.peers.round_trip_s(node.address) for node in effect.nodes}
        return {node: seconds for node, seconds in measured.items() if seconds is not None}

    def _sleep(self, sleep: Sleep) -> None:
        self.stopping.wait(sleep.seconds)


def report_failure(what: str, error: Exception) -> None:
    """Log an unexpected error with its traceback. What others have sent is in it, so it is escaped."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    log.error("%s", "\n".join(printable(line, LINE_CHARACTERS_MAX) for line in (f"{what}: {error}", *lines)))


def _value_or_error(get: Callable[[], Any]) -> Any:
    try:
        return get()
    except Exception as error:
        return error


def _wait_for(futures: Sequence[Future[Any]], need: int | None, deadline_s: float) -> None:
    """Wait until all are done, or `need` of them without an error, or until the deadline."""
    if need is None:
        wait_for_futures(futures, deadline_s)
        return
    deadline = time.monotonic() + deadline_s
    pending = set(futures)
    while pending and (left_s := deadline - time.monotonic()) > 0:
        _, pending = wait_for_futures(pending, left_s, return_when="FIRST_COMPLETED")
        if sum(f.done() and not isinstance(f.result()[0][1], ChordError) for f in futures) >= need:
            return


def _lines(effect: AskAll, me: NodeRef | None) -> list[list[int]]:
    """Group requests, by their places: small ones to one process go over one connection, each other one alone.

    Where a few answers suffice, every request is alone, so that none waits for another's answer.
    """
    lines: list[list[int]] = []
    shared: dict[NodeRef | Address, list[int]] = {}
    for place, ask in enumerate(effect.asks):
        line = shared.get(ask.to)
        is_leaf = isinstance(ask.to, NodeRef) and bool(ask.to.relays)  # which may need a second relay
        if line is not None and len(line) < IN_LINE_MAX and ask.request.goes_in_line:
            line.append(place)
            continue
        line = [place]
        lines.append(line)
        if effect.need is None and ask.to != me and ask.request.goes_in_line and not is_leaf:
            shared[ask.to] = line
    return lines
