"""The network cut on purpose: whom this process cannot reach, as a file says that the churn lab writes.

Inert unless the environment names the file. Each of its lines is one side, its addresses separated by
spaces; questions from one side to another are lost. Who stands on no line reaches everybody.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from roundelay.chord.errors import NodeUnreachable
from roundelay.chord.refs import Address

VARIABLE = "ROUNDELAY_FAILPOINTS_CUT"


class PartitionFault:
    """The sides, read anew whenever the file has changed. Any thread may ask."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._read: tuple[object, dict[str, int]] = (None, {})  # which state of the file, and what it says

    def require_reachable(self, start: Address, end: Address) -> None:
        """Raises NodeUnreachable where the cut lies between them."""
        if self._file is None:
            return
        sides = self._sides(self._file)
        here, there = sides.get(str(start)), sides.get(str(end))
        if here is not None and there is not None and here != there:
            raise NodeUnreachable(f"{end} does not answer: the network is cut")

    def _sides(self, file: Path) -> dict[str, int]:
        """The number of each address's side."""
        try:
            state = file.stat()
            stamp: object = (state.st_ino, state.st_mtime_ns)
            if stamp != self._read[0]:
                lines = file.read_text().splitlines()
                self._read = stamp, {word: side for side, line in enumerate(lines) for word in line.split()}
        except FileNotFoundError:
            self._read = None, {}
        return self._read[1]


def write(file: Path, sides: Iterable[Sequence[Address]]) -> None:
    """Cut the network so, at one moment for everybody; without sides it is whole."""
    fresh = file.with_suffix(".new")
    fresh.write_text("".join(" ".join(map(str, side)) + "\n" for side in sides))
    fresh.replace(file)


@cache
def from_environment() -> PartitionFault:
    """What this process was asked to suffer."""
    named = os.environ.get(VARIABLE)
    return PartitionFault(Path(named) if named else None)
