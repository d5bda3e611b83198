"""Waits for conditions, with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from roundelay.chord.errors import ChordError
from roundelay.node.errors import LocalRingFailed
from roundelay.node.subprocesses import ManagedProcess

R = TypeVar("R")

TIMEOUT_S = 120.0  # generous: machines are shared and slow, and nothing is asserted about it
POLL_S = 0.1


class Stuck(AssertionError):
    """A condition did not come true in time; the message says which."""


FAILURES = (Stuck, LocalRingFailed, ChordError)  # of a ring that does not do what it should


def until(condition: Callable[[], R | None], what: str, timeout_s: float = TIMEOUT_S, every_s: float = POLL_S) -> R:
    """Wait until `condition` returns something true, and return it. Raises Stuck."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(every_s)
    raise Stuck(f"{what}: not within {timeout_s:g} s")


def wait_for_line(process: ManagedProcess, part: str) -> str:
    """Return the first line with `part` in it, as soon as it is printed. Raises Stuck, or if the process ends."""

    def line() -> str:
        ended = not process.is_running
        found = next((line for line in process.text.splitlines() if part in line), "")
        if ended and not found:
            process.require_running()
        return found

    return until(line, f"{part!r} from {process.name}", every_s=0.02)
