"""The memory that a job will need in each process, estimated before it starts.

Bytes for each weight are peaks of resident memory, as `python -m bench large` measures them. What a trainer takes
depends on the optimizer, and on whether its node has one file or several: the largest is said.
"""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.federation.spec import JobSpec
from roundelay.ml.models.catalogue import learner

BASE_BYTES = 40 << 20  # of a process that holds no model
TRAINER_BYTES, NODE_BYTES, DRIVER_BYTES = 34, 4, 24  # for each weight
NUMBER_BYTES = 4  # of a row that is kept for training
SAID_FROM_BYTES = 256 << 20


@dataclass(frozen=True)
class MemoryEstimate:
    """What each process of a job needs, in bytes."""

    trainer: int
    node: int
    driver: int

    def __str__(self) -> str:
        trainer, node, driver = (f"{size >> 20:,} MB" for size in (self.trainer, self.node, self.driver))
        return f"the job needs about {trainer} in each trainer, {node} in each node and {driver} where it is driven"

    @property
    def is_large(self) -> bool:
        """Whether a user should be told."""
        return max(self.trainer, self.node, self.driver) >= SAID_FROM_BYTES


def estimate_memory(spec: JobSpec) -> MemoryEstimate:
    """Estimate the memory of a job whose files may all come to one node."""
    weights, content = learner(spec.design).parameters, sum(file.size_bytes for file in spec.files)
    rows = spec.rows * spec.features * NUMBER_BYTES
    return MemoryEstimate(
        BASE_BYTES + TRAINER_BYTES * weights + rows,
        BASE_BYTES + NODE_BYTES * weights + content,
        BASE_BYTES + DRIVER_BYTES * weights,
    )
