"""The network between simulated processes: which messages arrive, when, and how often, decided by the seed."""

from __future__ import annotations

import random
from collections.abc import Iterable

from roundelay.chord.refs import Address
from roundelay.sim.options import SimOptions

REORDER_DELAY_MAX_S = 1.0


class Network:
    """Latency, loss, duplication, reordering and partitions of messages."""

    def __init__(self, options: SimOptions, rng: random.Random) -> None:
        self._options = options
        self._rng = rng
        self._island: frozenset[Address] = frozenset()
        self.healed = False  # then only latency is left

    def delays(self, source: Address, to: Address) -> list[float]:
        """Return after how many seconds the copies of a message (none, one or two) arrive."""
        if self.separated(source, to):
            return []
        copies = 2 if self._happens(self._options.duplication) else 1
        return [self._delay() for _ in range(copies) if not self._happens(self._options.loss)]

    def separated(self, source: Address, to: Address) -> bool:
        """Return True if a partition separates the two."""
        return (source in self._island) != (to in self._island)

    def split(self, island: Iterable[Address]) -> None:
        """Partition an island from all other addresses."""
        self._island = frozenset(island)

    def join(self) -> None:
        """End the partition."""
        self._island = frozenset()

    def heal(self) -> None:
        """End all faults."""
        self.join()
        self.healed = True

    # --- helpers

    def _happens(self, fraction: float) -> bool:
        return fraction > 0.0 and not self.healed and self._rng.random() < fraction

    def _delay(self) -> float:
        delay = self._options.latency_s / 2 * (1.0 + self._rng.expovariate(1.0))
        if self._happens(self._options.reordering):
            delay += self._rng.uniform(0.0, REORDER_DELAY_MAX_S)
        return delay
