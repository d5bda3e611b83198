"""Failpoints: faults injected at named places of a running process; off unless the environment sets them.

    ROUNDELAY_FAILPOINTS="handle.Put.after=exit@3;ask.Order.before=sleep:2;handle.Read=1%drop"

A point is NAME[~TEXT]=[P%]ACTION[@N]. TEXT must occur in the repr of the request (round=2); P is a probability in per
cent; with N the point acts only at its Nth hit. Names come from the classes of the requests: before and after each is
handled, before and after it is sent, around the trainer's work, and around each write to the disk. A name without
.before or .after means .before.

exit ends the process as kill -9 does (at trainer.*, the trainer's process); sleep:S waits; drop loses a message; error
raises an error that can happen at that place. With ROUNDELAY_FAILPOINTS_ARMED=DIR an exit happens only if there is a
file NAME[~TEXT] in that folder, and removes the file: a test chooses the moment, and of all processes that share the
folder exactly one ends.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

from roundelay.chord import requests as ring_requests
from roundelay.chord.effects import Request
from roundelay.chord.errors import NodeUnreachable, PeerFault
from roundelay.federation import requests as job_requests
from roundelay.federation.errors import WorkFailed
from roundelay.node import operating_system
from roundelay.store import items

R = TypeVar("R")

VARIABLE, ARMED_VARIABLE = "ROUNDELAY_FAILPOINTS", "ROUNDELAY_FAILPOINTS_ARMED"
ACTIONS = ("exit", "sleep", "drop", "error")
SILENCE_S = 30.0  # longer than any timeout of a call
TRAINER_STEPS = ("missing", "add", "moments", "train", "evaluate")
REQUESTS = tuple(
    sorted(
        each.__name__
        for module in (ring_requests, items, job_requests)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Request) and each is not Request
    )
)
PLACES = (
    *(f"{side}.{request}" for side in ("handle", "ask") for request in REQUESTS),
    "train",
    *(f"trainer.{step}" for step in TRAINER_STEPS),
    "disk.write",
)
NAMES = (*(f"{place}.{end}" for place in PLACES for end in ("before", "after")), "trainer.epoch")


class BadFailpoints(Exception):
    """The environment variable is malformed; the message says where."""


class InjectedFault(Exception):
    """Raised in a handler, like a bug in it."""


@dataclass
class Point:
    """One failpoint, and how often its place has been passed."""

    name: str
    action: str
    text: str = ""
    seconds: float = 0.0
    per_cent: float = 100.0
    nth: int = 0  # 0: at every hit
    hits: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def label(self) -> str:
        return f"{self.name}~{self.text}" if self.text else self.name

    def is_due(self, rng: random.Random) -> bool:
        with self.lock:
            self.hits += 1
            if self.nth:
                return self.hits == self.nth
            return self.per_cent >= 100.0 or rng.uniform(0.0, 100.0) < self.per_cent


def kill_this_process() -> None:
    """End as by kill -9: nothing is flushed or closed."""
    os.kill(os.getpid(), operating_system.KILL)


class Failpoints:
    """The failpoints of one process. Thread-safe."""

    def __init__(
        self,
        points: Sequence[Point] = (),
        armed: Path | None = None,
        rng: random.Random | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._points = tuple(points)
        self._armed = armed
        self._rng = rng or random.Random()
        self._sleep = sleep

    def around(
        self, place: str, about: object, do: Callable[[], R], victim: Callable[[], object] = kill_this_process
    ) -> R:
        """Call `do`, with the failpoints of a place before and after it."""
        if not self._points:
            return do()
        self.hit(f"{place}.before", about, victim)
        result = do()
        self.hit(f"{place}.after", about, victim)
        return result

    def hit(self, name: str, about: object, victim: Callable[[], object] = kill_this_process) -> None:
        """Act on the failpoints of a place that has been reached."""
        for point in self._points:
            if point.name == name and (not point.text or point.text in repr(about)) and point.is_due(self._rng):
                self._act(point, victim)

    def _act(self, point: Point, victim: Callable[[], object]) -> None:
        place = point.name.partition(".")[0]
        match point.action:
            case "sleep":
                self._sleep(point.seconds)
            case "exit":
                if self._armed is None or _remove(self._armed / point.label):
                    victim()
            case "drop" if place == "handle":
                self._sleep(SILENCE_S)  # the caller has given up by then
            case "drop":
                raise NodeUnreachable(f"failpoint {point.name}: lost on its way")
            case _:
                raise _error_of(place)(f"failpoint {point.name}")


def _error_of(place: str) -> type[Exception]:
    """Return an error that can happen at this place."""
    if place == "disk":
        from sqlite3 import OperationalError  # loaded only by a node with a disk

        return OperationalError
    return {"handle": InjectedFault, "ask": PeerFault, "train": WorkFailed, "trainer": OSError}[place]


@cache
def from_environment() -> Failpoints:
    """Return the failpoints that the environment sets. Raises BadFailpoints."""
    armed = os.environ.get(ARMED_VARIABLE)
    return Failpoints(parse(os.environ.get(VARIABLE, "")), Path(armed) if armed else None)


def parse(text: str) -> tuple[Point, ...]:
    """Parse the value of the environment variable. Raises BadFailpoints."""
    return tuple(_point(part.strip()) for part in text.split(";") if part.strip())


def _point(text: str) -> Point:
    where, equals, what = text.rpartition("=")
    name, _, wanted = where.partition("~")
    name = name if name in NAMES else f"{name}.before"
    if not equals or name not in NAMES:
        raise BadFailpoints(f"{VARIABLE}: {text!r}: unknown place; an example is handle.Put.after=exit")
    chance, per_cent, rest = what.rpartition("%")
    rest, at, nth = rest.partition("@")
    action, colon, seconds = rest.partition(":")
    if action not in ACTIONS or bool(colon) != (action == "sleep"):
        raise BadFailpoints(f"{VARIABLE}: {text!r}: an action is exit, sleep:SECONDS, drop or error")
    if action == "drop" and not name.startswith(("handle.", "ask.")):
        raise BadFailpoints(f"{VARIABLE}: {text!r}: only a message can be dropped (handle.*, ask.*)")
    return Point(
        name,
        action,
        wanted,
        _number(seconds, text, 3600.0) if colon else 0.0,
        _number(chance, text, 100.0) if per_cent else 100.0,
        int(_number(nth, text, 1e9)) if at else 0,
    )


def _number(digits: str, text: str, most: float) -> float:
    try:
        number = float(digits)
    except ValueError:
        number = -1.0
    if not 0.0 < number <= most:
        raise BadFailpoints(f"{VARIABLE}: {text!r}: {digits!r} is not a number above 0 and up to {most:g}")
    return number


def _remove(file: Path) -> bool:
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True
