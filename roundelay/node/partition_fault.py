"""An injected network partition, read from a file that the churn lab writes.

Off unless the environment names the file. Each line of the file is one side: addresses separated by spaces. Requests
from one side to another are lost; an address on no line reaches every other.
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
    """The partition, read again whenever the file has changed. Thread-safe."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._read: tuple[object, dict[str, int]] = (None, {})  # the file's state when it was read, and its sides

    def require_reachable(self, start: Address, end: Address) -> None:
        """Raise NodeUnreachable if the partition separates the two addresses."""
        if self._file is None:
            return
        sides = self._sides(self._file)
        here, there = sides.get(str(start)), sides.get(str(end))
        if here is not None and there is not None and here != there:
            raise NodeUnreachable(f"{end} does not answer: the network is partitioned")

    def _sides(self, file: Path) -> dict[str, int]:
        """Return the number of each address's side."""
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
    """Partition the network, at one moment for all processes; without sides the partition ends."""
    fresh = file.with_suffix(".new")
    fresh.write_text("".join(" ".join(map(str, side)) + "\n" for side in sides))
    fresh.replace(file)


@cache
def from_environment() -> PartitionFault:
    """Return the partition that the environment names."""
    named = os.environ.get(VARIABLE)
    return PartitionFault(Path(named) if named else None)
