"""What a ring's processes suffer: those that ended, their tracebacks, and the memory that they gained."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from roundelay.node.subprocesses import ROOT, ManagedProcess, import_path
from roundelay.testing import process_stats
from roundelay.testing.cluster import Cluster, trainers_of

SAMPLE_EVERY_S = 0.25
TRACEBACK = "Traceback (most recent call last):"
RAW_CONTROL = re.compile(r"\x1b\](?!8;)|\x07|\x00|\u202e")  # a terminal's title, a bell, a zero, text backwards
SHOWN_MAX = 5


@dataclass
class Losses:
    """What was found since the last question."""

    lost: list[str] = field(default_factory=list)  # processes that ended, and how
    tracebacks: list[str] = field(default_factory=list)  # the last line of each
    controls: list[str] = field(default_factory=list)  # consoles that show raw control characters


class Watch:
    """Looks at the processes of a ring, and restarts those that have ended.

    Memory is sampled by a thread; a process's growth is its highest sample above the highest process of its kind at
    `settle`. By then one of the nodes has driven an honest job, for which it has loaded numpy.
    """

    def __init__(self, ring: Cluster) -> None:
        self._ring = ring
        self._read: dict[str, int] = {}  # bytes of each console that have been looked at
        self._base: dict[str, float] = {}  # by process, in MB
        self._peaks: dict[str, float] = {}
        self._pids: dict[str, int] = {}
        self._lock = threading.Lock()

    def settle(self) -> None:
        """Measure growth from here on; what has been printed so far is not looked at."""
        self.sample()
        self.losses()
        with self._lock:
            self._base, self._peaks = dict(self._peaks), {}

    def growth_mb(self) -> dict[str, float]:
        """Return how far each process's highest sample lies above those of its kind at `settle`, in MB."""
        with self._lock:
            usual: dict[str, float] = {}
            for name, base in self._base.items():
                usual[_kind(name)] = max(base, usual.get(_kind(name), 0.0))
            return {name: round(peak - usual.get(_kind(name), peak), 1) for name, peak in sorted(self._peaks.items())}

    def levels_mb(self) -> dict[str, float]:
        """Return the memory of the ring's processes now, in MB."""
        levels: dict[str, float] = {}
        for name, pid in self._processes():
            with suppress(OSError, KeyError, IndexError):
                levels[name] = process_stats.take(pid).memory_kib / 1024
        return levels

    def losses(self) -> Losses:
        """Return what has happened since the last call; processes that ended are started again."""
        found = Losses()
        for process in (self._ring.supernode, *self._ring.nodes):
            if not process.is_running:
                found.lost.append(f"{process.name}: code {process.code}: {process.last_line[:200]!a}")
                self._restart(process)
        for path in sorted(self._ring.folder.glob("*.out")) + sorted(self._ring.folder.glob("*.err")):
            text = self._news(path)
            found.tracebacks += [f"{path.name}: {last}" for last in _last_lines(text)]
            if RAW_CONTROL.search(text):
                found.controls.append(path.name)
        return found

    def _restart(self, process: ManagedProcess) -> None:
        with self._lock:
            self._peaks.pop(process.name, None)
        if process is self._ring.supernode:
            self._ring.launch_supernode()
        else:
            self._ring.restart(process)

    def _news(self, path: Path) -> str:
        with path.open("rb") as file:
            file.seek(self._read.get(path.name, 0))
            raw = file.read()
        self._read[path.name] = self._read.get(path.name, 0) + len(raw)
        return raw.decode(errors="replace")

    def _processes(self) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        for process in (self._ring.supernode, *self._ring.nodes):
            if process.is_running:
                found.append((process.name, process.pid))
                with suppress(OSError):
                    found += [(f"{process.name}'s trainer", pid) for pid in trainers_of(process)]
        return found

    def sample(self) -> None:
        """Read the memory of each process, and keep the highest of each."""
        levels = self.levels_mb()
        with self._lock:
            for name, level in levels.items():
                self._peaks[name] = max(level, self._peaks.get(name, 0.0))


class Helper:
    """A process of this suite, which ends with the block: the fuzzer, or the prober."""

    def __init__(self, module: str, *arguments: object) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", f"chaos.hostility.{module}", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | import_path(),
        )
        self.lines: list[Any] = []
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def stop(self) -> None:
        """Close its input, and read the rest of what it prints."""
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.close()
        self._reader.join()
        self._child.stdout.close()
        self._child.wait()

    def _collect(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self.lines.append(json.loads(line))


def _kind(name: str) -> str:
    """Return what a process with this name is: a supernode, a node or a trainer."""
    return "trainer" if "trainer" in name else name.rstrip("0123456789")


def _last_lines(text: str) -> list[str]:
    """Return the error of each traceback in a console's text."""
    found = []
    for part in text.split(TRACEBACK)[1:]:
        errors = [line for line in part.splitlines() if line and not line.startswith(" ")]
        found.append(errors[0][:200] if errors else "a traceback that is cut off")
    return found
