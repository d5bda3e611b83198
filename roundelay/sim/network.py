"""The wire between simulated processes: which messages arrive, when, and how often.

It carries nothing itself: it decides, from the seed, what becomes of a message.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from roundelay.chord.refs import Address
from roundelay.sim.options import SimOptions

HELD_BACK_MAX_S = 1.0  # what an overtaken message loses at most


class Network:
    """Latency, loss, duplication and reordering of messages; a partition while there is one."""

    def __init__(self, options: SimOptions, rng: random.Random) -> None:
        self._options = options
        self._rng = rng
        self._island: frozenset[Address] = frozenset()
        self.sound = False  # healed: from now on only latency

    def delays(self, source: Address, to: Address) -> list[float]:
        """After how many seconds the copies of a message arrive: none, one or two of them."""
        if self.separated(source, to):
            return []
        copies = 2 if self._happens(self._options.duplication) else 1
        return [self._delay() for _ in range(copies) if not self._happens(self._options.loss)]

    def separated(self, source: Address, to: Address) -> bool:
        """Does a partition lie between them?"""
        return (source in self._island) != (to in self._island)

    def split(self, island: Iterable[Address]) -> None:
        """Cut these off from all others."""
        self._island = frozenset(island)

    def join(self) -> None:
        """The end of a partition."""
        self._island = frozenset()

    def heal(self) -> None:
        """The end of everything that is wrong with it."""
        self.join()
        self.sound = True

    # --- helpers

    def _happens(self, fraction: float) -> bool:
        return fraction > 0.0 and not self.sound and self._rng.random() < fraction

    def _delay(self) -> float:
        delay = self._options.latency_s / 2 * (1.0 + self._rng.expovariate(1.0))
        if self._happens(self._options.reordering):
            delay += self._rng.uniform(0.0, HELD_BACK_MAX_S)
        return delay
