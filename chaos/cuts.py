"""When sites are cut off, and for how long: a plan by rounds, and what carries it out."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from roundelay.testing.namespaces import Host

CUTS, SHORTEST_S, LONGEST_S = 5, 2.0, 60.0  # of each site: their lengths are a geometric series, in some order


@dataclass(frozen=True)
class Cut:
    """One site without its link: from some time after a round's start, for some time."""

    site: int
    round: int
    after_s: float
    seconds: float


def plan_cuts(sites: int, rounds: int, longest_s: float, seed: int) -> list[Cut]:
    """Return the cuts of a run: of each site in different rounds, and each of another length."""
    rng, cuts = random.Random(seed), []
    lengths_s = [SHORTEST_S * (longest_s / SHORTEST_S) ** (n / (CUTS - 1)) for n in range(CUTS)]
    for site in range(sites):
        chosen = rng.sample(range(1, rounds + 1), CUTS)
        for number, seconds in zip(chosen, rng.sample(lengths_s, CUTS), strict=True):
            cuts.append(Cut(site, number, rng.uniform(0.0, 5.0), seconds))
    return cuts


class Cutter:
    """Cuts the links of hosts in the rounds of a plan, and mends them."""

    def __init__(self, hosts: Sequence[Host], plan: Sequence[Cut]) -> None:
        self.made: list[Cut] = []
        self.round = 0
        self._hosts = hosts
        self._plan = [*plan]
        self._round_began = time.monotonic()
        self._mend_at: dict[int, float] = {}

    @property
    def cut_off(self) -> set[int]:
        """The sites whose links are cut now."""
        return set(self._mend_at)

    def step(self, current: int, has_begun: bool = True) -> None:
        """Do what is due in the current round."""
        now = time.monotonic()
        if current != self.round and has_begun:
            self.round, self._round_began = current, now
        for site, due in [*self._mend_at.items()]:
            if now >= due:
                del self._mend_at[site]
                self._hosts[site].mend()
        for cut in [each for each in self._plan if each.round <= self.round and each.site not in self._mend_at]:
            if now - self._round_began >= cut.after_s or cut.round < self.round:
                self._plan.remove(cut)
                self._hosts[cut.site].cut()
                self._mend_at[cut.site] = now + cut.seconds
                self.made.append(cut)
