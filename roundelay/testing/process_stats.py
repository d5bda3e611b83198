"""A process's memory, threads and descriptors over time, from /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

HOUR_S = 3600.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LEVEL = {"memory_kib": 4096.0, "threads": 4.0, "descriptors": 6.0}  # a larger rise is not flat


@dataclass(frozen=True)
class ProcessStats:
    """What one process uses at one moment."""

    memory_kib: float  # resident
    threads: float
    descriptors: float


KINDS = tuple(field.name for field in fields(ProcessStats))


def take(pid: int) -> ProcessStats:
    """Read the figures of a process. Raises OSError if there is no such process."""
    process = Path("/proc") / str(pid)
    lines = (process / "status").read_text().splitlines()
    values = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    return ProcessStats(
        float(values["VmRSS"][0]), float(values["Threads"][0]), float(len(list((process / "fd").iterdir())))
    )


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process has had resident so far; 0 if there is no such process."""
    try:
        lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)


def proportional_kib(pid: int) -> int:
    """Return a process's memory, with its share of each page that several have. Raises OSError."""
    lines = (Path("/proc") / str(pid) / "smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def is_running(pid: int) -> bool:
    """Return whether a process runs, and has not only not been waited for."""
    try:
        return "\nState:\tZ" not in (Path("/proc") / str(pid) / "status").read_text()
    except OSError:
        return False


def processor_s(pid: int) -> float:
    """Return the processor time of a process and of its children that have ended. Raises OSError."""
    after_name = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11:15])) / TICKS_PER_S


class Chart:
    """The samples of one process after its warm-up."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, ProcessStats]] = []

    def note(self, pid: int) -> None:
        self._samples.append((time.monotonic(), take(pid)))

    def slopes(self) -> ProcessStats:
        """Return the slopes of the least-squares lines, per hour."""
        return ProcessStats(*(HOUR_S * slope([at for at, _ in self._samples], values) for values in self._columns()))

    def rises(self) -> ProcessStats:
        """Return the rises from the mean of the first third of the samples to that of the last."""
        third = max(1, len(self._samples) // 3)
        return ProcessStats(*(mean(values[-third:]) - mean(values[:third]) for values in self._columns()))

    def latest(self) -> ProcessStats:
        return self._samples[-1][1]

    def is_flat(self) -> bool:
        """Return True if no rise is more than noise."""
        return all(getattr(self.rises(), kind) < LEVEL[kind] for kind in KINDS)

    def _columns(self) -> list[list[float]]:
        return [list(column) for column in zip(*(astuple(vitals) for _, vitals in self._samples), strict=True)]


def slope(at: Sequence[float], values: Sequence[float]) -> float:
    """Return the slope of the least-squares line; 0 for a single sample."""
    middle, level = mean(at), mean(values)
    spread = sum((a - middle) ** 2 for a in at)
    return sum((a - middle) * (v - level) for a, v in zip(at, values, strict=True)) / spread if spread else 0.0


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
