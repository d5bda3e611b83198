"""The exact sum of a task's updates so far: int64, in memory, or in a file if it is large."""

from __future__ import annotations

import numpy as np

from roundelay.ml import exact
from roundelay.ml.data import Ints
from roundelay.ml.errors import CannotWrite
from roundelay.ml.sliced import Memory, Sliced
from roundelay.ml.temporary import TemporaryBytes, file_for

ENTRY_BYTES = 8


class RunningSum:
    """The sum of vectors of this many integers, which is 0 at first."""

    def __init__(self, entries: int) -> None:
        self._file: TemporaryBytes | None = file_for(ENTRY_BYTES * entries)
        self._total = np.zeros(0 if self._file is not None else entries, np.int64)
        if self._file is not None:
            self._file.place(ENTRY_BYTES * entries - 1, b"\0")

    @property
    def content(self) -> Sliced:
        """The integers, little-endian. Nothing is copied, on most machines: they change with the sum."""
        return self._file if self._file is not None else Memory(self._total.astype("<i8", copy=False).data)

    def add(self, part: slice, integers: Ints) -> None:
        """Add integers to those in this place. Raises OutOfRange; CannotWrite, if there is no room in the file."""
        if self._file is None:
            exact.add(self._total[part], integers)
            return
        total = exact.ints_at(self._file, part).copy()  # (part,)
        exact.add(total, integers)
        try:
            self._file.place(ENTRY_BYTES * part.start, total.astype("<i8", copy=False).data)
        except OSError as error:
            raise CannotWrite(f"no room for a sum in the folder that TMPDIR names: {error.strerror}") from error


def sum_of(content: Sliced) -> RunningSum:
    """Return a sum that begins with these integers."""
    made = RunningSum(len(content) // ENTRY_BYTES)
    for part in exact.blocks_of_weights(len(content) // ENTRY_BYTES):
        made.add(part, exact.ints_at(content, part))
    return made
