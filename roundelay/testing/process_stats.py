"""What a process takes of its machine, from /proc, over time: memory, threads, descriptors, and their slopes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

HOUR_S = 3600.0
LEVEL = {"memory_kib": 4096.0, "threads": 4.0, "descriptors": 6.0}  # more between first and last third is a rise


@dataclass(frozen=True)
class Vitals:
    """One process at one moment."""

    memory_kib: float  # resident
    threads: float
    descriptors: float


KINDS = tuple(field.name for field in fields(Vitals))


def take(pid: int) -> Vitals:
    """Raises OSError when there is no such process."""
    process = Path("/proc") / str(pid)
    lines = (process / "status").read_text().splitlines()
    said = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    return Vitals(float(said["VmRSS"][0]), float(said["Threads"][0]), float(len(list((process / "fd").iterdir()))))


class Chart:
    """The samples of one process, since its warming up."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, Vitals]] = []

    def note(self, pid: int) -> None:
        self._samples.append((time.monotonic(), take(pid)))

    def slopes(self) -> Vitals:
        """Of the straight line that fits best, by the hour."""
        return Vitals(*(HOUR_S * slope([at for at, _ in self._samples], values) for values in self._columns()))

    def rises(self) -> Vitals:
        """From the mean of the first third to that of the last."""
        third = max(1, len(self._samples) // 3)
        return Vitals(*(mean(values[-third:]) - mean(values[:third]) for values in self._columns()))

    def latest(self) -> Vitals:
        return self._samples[-1][1]

    def is_flat(self) -> bool:
        """No rise that is more than noise."""
        return all(getattr(self.rises(), kind) < LEVEL[kind] for kind in KINDS)

    def _columns(self) -> list[list[float]]:
        return [list(column) for column in zip(*(astuple(vitals) for _, vitals in self._samples), strict=True)]


def slope(at: Sequence[float], values: Sequence[float]) -> float:
    """Least squares; of a single moment, 0."""
    middle, level = mean(at), mean(values)
    spread = sum((a - middle) ** 2 for a in at)
    return sum((a - middle) * (v - level) for a, v in zip(at, values, strict=True)) / spread if spread else 0.0


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
