"""Ours and the peers in one run, a turn each, so that whatever else the machine does hits all alike.

A peer lives in an environment of its own (`make bench-peers`) and is a child process that answers one line of JSON
with one line of JSON: see bench/peers/.
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
    """It is not installed; the message says so."""


class Peer:
    """One child in the peers' environment: a module of bench/peers/. The stack ends it."""

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
        self._answer()  # ready, or it is not installed

    @property
    def pid(self) -> int:
        return self._child.pid

    def ask(self, **question: Any) -> Any:
        """One question, one answer. Raises PeerMissing."""
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
    """Everybody's figures, turn by turn; every other turn in the opposite order."""
    names = list(measures)
    for name in names * warm_up:
        measures[name]()
    found: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(turns):
        for name in names if turn % 2 == 0 else reversed(names):
            found[name].append(measures[name]())
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times as large theirs is: the median over the turns, in each of which both met the same machine."""
    return median(b / a for a, b in zip(ours, theirs, strict=True))
