"""Which files are trained together: those of equal length, as many as pay off. Affects the time, not the bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from roundelay.ml.factored_gradient import is_large
from roundelay.ml.mlp import Architecture
from roundelay.ml.train import FULL_BATCH_ROWS
from roundelay.ml.training_plan import TrainConfig

CACHED_NUMBERS = 1 << 20  # the most that a step of all files touches: decision 11 has the times
FEW_FILES = 40  # the overhead of calls is still a part of their time, so up to as many files may touch more:
FEW_FILES_NUMBERS = 7 << 18
FILES_BYTES = 1 << 26  # the most memory for copies of the files, which a training makes


def stacks(
    architecture: Architecture, config: TrainConfig, rows: Sequence[int], itemsize: int = 4
) -> Iterator[list[int]]:
    """Yield groups, as even as possible, of the positions of files with equally many rows."""
    by_rows: dict[int, list[int]] = {}
    for position, count in enumerate(rows):
        by_rows.setdefault(count, []).append(position)
    for count, positions in by_rows.items():
        groups = -(-len(positions) // _files_max(architecture, config, count, itemsize))
        for i in range(groups):
            yield positions[i * len(positions) // groups : (i + 1) * len(positions) // groups]


def _files_max(architecture: Architecture, config: TrainConfig, rows: int, itemsize: int) -> int:
    """Return how many files of this many rows are trained together at most."""
    if is_large(architecture):
        return 1
    features, *hidden, classes = architecture.sizes
    per_sample = 2 * (features + 1) + 3 * sum(hidden) + 5 * classes  # inputs, activations, scores
    size = min(rows, FULL_BATCH_ROWS if config.optimizer == "gd" else config.batch)
    step_numbers = 3 * architecture.parameters + size * per_sample
    file_bytes = itemsize * rows * (features + 1)
    few, many = min(FEW_FILES, FEW_FILES_NUMBERS // step_numbers), CACHED_NUMBERS // step_numbers
    return max(1, min(max(few, many), FILES_BYTES // file_bytes))
