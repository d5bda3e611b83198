"""Estimates of how long orders take, from the latest ones; placement and backup tasks depend on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median

from roundelay.chord.refs import NodeRef
from roundelay.federation.requests import TrainingFile

BACKUP_AFTER_MIN_S = 3.0
BACKUP_FACTOR = 4.0  # an order is slow when it takes this many times as long as expected
SAMPLES_MAX = 33


class ThroughputEstimate:
    """Seconds per row and per order, as measured."""

    def __init__(self) -> None:
        self.costs: dict[NodeRef, float] = {}  # seconds per row of each node, a running mean
        self._seconds_per_row: deque[float] = deque(maxlen=SAMPLES_MAX)
        self._seconds: deque[float] = deque(maxlen=SAMPLES_MAX)  # of whole orders
        self._tree_seconds: deque[float] = deque(maxlen=SAMPLES_MAX)  # each level of a tree adds its messages' time

    @property
    def is_empty(self) -> bool:
        """Whether no order has finished: then it is not known how long one may take."""
        return not self._seconds

    def record(self, node: NodeRef, files: Sequence[TrainingFile], seconds: float) -> None:
        """Record the time of a finished order."""
        latest = seconds / _rows(files)
        self.costs[node] = (self.costs.get(node, latest) + latest) / 2
        self._seconds_per_row.append(latest)
        self._seconds.append(seconds)

    def record_tree(self, seconds: float) -> None:
        """Record the time of a whole tree."""
        self._tree_seconds.append(seconds)

    def backup_after_s(self, files: Sequence[TrainingFile]) -> float:
        """Return how long an order for these files may take before it counts as slow; infinity without samples."""
        if not self._seconds:
            return float("inf")
        expected_s = max(median(self._seconds_per_row) * _rows(files), median(self._seconds))
        return max(BACKUP_AFTER_MIN_S, BACKUP_FACTOR * expected_s)

    def tree_timeout_s(self, files: Sequence[TrainingFile]) -> float:
        """Return how long a tree may take if no node trains more than these files."""
        return max(self.backup_after_s(files), BACKUP_FACTOR * median(self._tree_seconds or [0.0]))


def _rows(files: Sequence[TrainingFile]) -> int:
    return sum(file.rows for file in files)
