"""Measures ours and the peers in turns in one run, so that other load on the machine hits all alike.

A peer runs in an environment of its own (`make bench-peers`), as a child process that answers one line of JSON with
one line of JSON: see bench/peers/.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any

from bench.machine import PEERS_PYTHON, ROOT, environment

Measure = Callable[[], float]


class PeerMissing(Exception):
    """A peer is not installed."""


class Peer:
    """A child process in the peers' environment: a module of bench/peers/. The stack ends it."""

    def __init__(self, module: str, stack: ExitStack) -> None:
        if not PEERS_PYTHON.exists():
            raise PeerMissing("not installed: make bench-peers")
        self._child = stack.enter_context(
            subprocess.Popen(
                [PEERS_PYTHON, "-m", f"bench.peers.{module}"],
                cwd=ROOT,
                env=environment(),
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        )
        stack.callback(self._child.kill)
        self._answer()  # ready, or not installed

    @property
    def pid(self) -> int:
        return self._child.pid

    def ask(self, **question: Any) -> Any:
        """Send one request, and return its reply. Raises PeerMissing."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(question) + "\n")
        self._child.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise PeerMissing("not installed: make bench-peers")
        return json.loads(line)


def take_turns(measures: Mapping[str, Measure], turns: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Return the figures of all measures, turn by turn; every other turn runs in the opposite order."""
    names = list(measures)
    for name in names * warm_up:
        measures[name]()
    found: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(turns):
        for name in names if turn % 2 == 0 else reversed(names):
            found[name].append(measures[name]())
    return found


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return how many times as large theirs is, in each turn; nothing if they were not measured."""
    return [b / a for a, b in zip(ours, theirs, strict=True)] if theirs else []


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return how many times as large theirs is: the median over the turns."""
    return median(ratios(ours, theirs))
