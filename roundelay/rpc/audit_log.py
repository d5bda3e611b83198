"""The audit log: one JSON object a line, for what changed something and for what was refused. It holds no secrets.

A file that has grown to FILE_BYTES_MAX is renamed to FILE.1, the earlier ones to FILE.2 and so on; FILES_KEPT stay.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

FILE_BYTES_MAX = 10 << 20
FILES_KEPT = 5
TEXT_CHARACTERS_MAX = 500  # of one value


class AuditLog:
    """Appends to a file, from any thread. A full disk is reported once and ends no call."""

    def __init__(
        self,
        path: Path,
        bytes_max: int = FILE_BYTES_MAX,
        kept: int = FILES_KEPT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open the file. Raises OSError."""
        self._path = path
        self._bytes_max = bytes_max
        self._kept = kept
        self._clock = clock
        self._lock = threading.Lock()
        self._failing = False
        with path.open("a"):
            path.chmod(0o600)

    def note(self, identity: str, call: str, about: str, outcome: str) -> None:
        """Append a line: who, what, about what, and how it ended."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))
        values = {"time": moment, "identity": identity, "call": call, "object": about, "outcome": outcome}
        line = json.dumps({key: value[:TEXT_CHARACTERS_MAX] for key, value in values.items()})
        with self._lock:
            try:
                self._append(line)
                self._failing = False
            except OSError as error:
                if not self._failing:
                    log.warning("%s cannot be written: %s", self._path, error)
                self._failing = True

    def _append(self, line: str) -> None:
        with self._path.open("a") as file:
            file.write(line + "\n")
            is_full = file.tell() >= self._bytes_max
        if is_full:
            self._rotate()

    def _rotate(self) -> None:
        for number in range(self._kept - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._numbered(number).replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        with self._path.open("a"):
            self._path.chmod(0o600)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
