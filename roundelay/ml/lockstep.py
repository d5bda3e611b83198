"""Which files are trained together: those of one length, no more than pay. It decides the time, and no bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from roundelay.ml.mlp import Architecture
from roundelay.ml.task import TrainConfig
from roundelay.ml.train import FULL_BATCH_ROWS

STACK_BYTES = 1 << 22  # of what a step goes through: decision 11 has the times
FILES_BYTES = 1 << 26  # of the files themselves, which lie in memory once more while they are trained


def stacks(architecture: Architecture, config: TrainConfig, rows: Sequence[int]) -> Iterator[list[int]]:
    """Groups of positions among files of so many rows, as even as can be."""
    by_rows: dict[int, list[int]] = {}
    for position, count in enumerate(rows):
        by_rows.setdefault(count, []).append(position)
    for count, positions in by_rows.items():
        groups = -(-len(positions) // _together(architecture, config, count))
        for i in range(groups):
            yield positions[i * len(positions) // groups : (i + 1) * len(positions) // groups]


def _together(architecture: Architecture, config: TrainConfig, rows: int) -> int:
    """How many files of so many rows are trained together at most."""
    features, *hidden, classes = architecture.sizes
    a_sample = 2 * (features + 1) + 4 * sum(hidden) + 5 * classes  # numbers: its batch, activations, scores
    size = min(rows, FULL_BATCH_ROWS if config.optimizer == "gd" else config.batch)
    step_bytes = 4 * (3 * architecture.parameters + size * a_sample)
    file_bytes = 4 * rows * (features + 1)
    return max(1, min(STACK_BYTES // step_bytes, FILES_BYTES // file_bytes))
