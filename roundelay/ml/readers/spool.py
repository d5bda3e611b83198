"""Rows in a temporary file, so that a table is parsed once and need not fit into memory."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

BLOCK_BYTES = 4 << 20


class Spool:
    """Rows of float64 of one width, in a file that goes with this object."""

    def __init__(self, width: int) -> None:
        self.width, self.rows = width, 0
        self._file = tempfile.TemporaryFile(prefix="roundelay-rows-")  # noqa: SIM115  # lives as long as the object
        weakref.finalize(self, _close, self._file)

    def add(self, rows: Doubles) -> None:
        """Append rows (n, width). Raises OSError."""
        assert rows.shape[1] == self.width and rows.dtype == np.float64
        self._file.write(np.ascontiguousarray(rows).data)
        self.rows += len(rows)

    def flush(self) -> None:
        """Write what has been added. Raises OSError."""
        self._file.flush()

    def blocks(self, start: int, end: int) -> Iterator[Doubles]:
        """Yield the rows from start up to end, once they are flushed: (rows, width) each."""
        row_bytes = 8 * self.width
        step = max(1, BLOCK_BYTES // max(1, row_bytes))
        for first in range(start, end, step):
            count = min(step, end - first)
            data = os.pread(self._file.fileno(), count * row_bytes, first * row_bytes)
            yield np.frombuffer(data, np.float64).reshape(count, self.width)


def _close(file: IO[bytes]) -> None:
    """Close a file; a full disk cannot hold the end of what nobody reads any more."""
    with suppress(OSError):
        file.close()
