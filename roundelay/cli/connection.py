"""A client's access to the ring: through any node that answers now, anew when that one has gone.

A ring that loses nodes needs some seconds to heal, and one whose nodes all start again needs more:
who asks through this is served then, and told meanwhile.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

from roundelay.chord.effects import Procedure, ask
from roundelay.chord.errors import ChordError, JoinRefused, Malformed
from roundelay.chord.requests import GetNeighbours
from roundelay.cli.entry import RingEntry, find_member, ways_in
from roundelay.cli.screen import Screen
from roundelay.node.runtime import Runtime

R = TypeVar("R")

TRIES_MAX = 300
RETRY_S = 1.0
SILENT_TRIES = 3  # before people are told


def itself(entry: RingEntry) -> Procedure[RingEntry]:
    """The way in, if it still answers. Raises ChordError."""
    yield from ask(entry.node, GetNeighbours())
    return entry


class Connection:
    """One client, and the node through which it reached the ring last."""

    def __init__(self, runtime: Runtime, chosen: argparse.Namespace, screen: Screen) -> None:
        self.runtime = runtime
        self.screen = screen
        self._chosen = chosen
        self._entry: RingEntry | None = None

    def entry(self) -> RingEntry:
        """A member that answered when it was last asked. Raises ChordError."""
        if self._entry is None:
            self._entry = self.runtime.run(find_member(*ways_in(self._chosen)))
        return self._entry

    def ask(self, make: Callable[[RingEntry], Procedure[R]], tries: int = TRIES_MAX) -> R:
        """Run a procedure that begins at some node. Raises what it raised last when no node has served."""
        for attempt in range(1, tries + 1):
            try:
                return self.runtime.run(make(self.entry()))
            except (Malformed, JoinRefused):
                raise
            except ChordError as error:
                failure = error
                self._entry = None
            if attempt == SILENT_TRIES:
                self.screen.note(f"the ring does not serve us yet, trying again: {failure}")
            time.sleep(RETRY_S)
        raise failure
