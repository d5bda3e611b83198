"""Networks that lose messages."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from roundelay.chord.refs import NodeRef


@dataclass
class Faults:
    """Loses messages by chance, and all of them between an island and the rest."""

    rng: random.Random
    loss: float = 0.0
    island: frozenset[int] = field(default_factory=frozenset)

    def __call__(self, asker: NodeRef, asked: NodeRef) -> str:
        if (asker.id in self.island) != (asked.id in self.island):
            return "request"
        if self.rng.random() < self.loss:
            return "request"
        return "answer" if self.rng.random() < self.loss else ""
