"""The exercises by number, which is that of their chapter in the tutorial.

ring_by_hand  1: owners and finger tables
lookups       2: closest_preceding_node
stabilizing   3: stabilize, in the simulator
handing_off   4: which keys move when a node joins or leaves
averaging     5: federated averaging
surviving     6: what may be killed
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from exercises.tasks import averaging, handing_off, lookups, ring_by_hand, stabilizing, surviving


@dataclass(frozen=True)
class Task:
    """One exercise."""

    title: str
    functions: tuple[str, ...]  # that a student writes
    check: Callable[[ModuleType, int], None]  # on one seed; raises Violation
    seeds: int


TASKS = {
    number: Task(module.TITLE, module.FUNCTIONS, module.check, module.SEEDS)
    for number, module in enumerate((ring_by_hand, lookups, stabilizing, handing_off, averaging, surviving), 1)
}
