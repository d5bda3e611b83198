"""Flower under the cuts of `chaos sites`: a SuperLink on one host and a SuperNode on each of the others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench import flower, machine
from chaos.cuts import Cut, Cutter
from roundelay.testing.namespaces import inside, network
from roundelay.testing.waiting import POLL_S

START_TIMEOUT_S = 300.0  # of the first round, in which nobody is cut off
TIMEOUT_S = 2400.0  # of all rounds
ABOUT = (
    "Flower trains the same rows and network with FedAvg, a SuperLink and one SuperNode for each site, all with",
    "default settings; a round waits 10 minutes for replies. Its sites are cut off by the same plan, and none is",
    "killed. A round that has begun while a site is away goes on without it if the SuperLink answers for the site.",
)


@dataclass(frozen=True)
class FlowerFound:
    """What came of Flower's run. left_out: for each round in which sites were missing, how many."""

    name: str
    rounds: int
    left_out: dict[int, int]
    cuts: list[Cut]
    seconds: float

    def rows(self, rounds: int) -> dict[str, str]:
        """Return the cells of its column, by the names of the rows."""
        missing = f"{sum(self.left_out.values())}, in {len(self.left_out)} rounds" if self.left_out else "none"
        return {
            "rounds": f"{self.rounds} of {rounds}",
            "sites left out of a round": missing,
            "cuts": f"{len(self.cuts)}, {sum(cut.seconds for cut in self.cuts):.0f} s in sum",
            "killed with SIGKILL": "none",
            "seconds undisturbed, disturbed": f"-, {self.seconds:.0f}",
        }


def run(folder: Path, sites: int, rounds: int, hidden: str, plan: Sequence[Cut]) -> FlowerFound | None:
    """Run Flower's app while its sites are cut off; None if Flower is not installed (make bench-peers)."""
    if not machine.PEERS_PYTHON.exists():
        return None
    with network(1 + sites) as hosts, inside(hosts[0].namespace):
        cutter, began = Cutter(hosts[1:], plan), time.monotonic()
        made: flower.Rounds = ()
        with suppress(TimeoutError), flower.follow(folder, hosts, rounds, hidden) as so_far:
            while len(made := so_far()) < rounds:
                if made:
                    cutter.step(1 + len(made))
                limit_s = TIMEOUT_S if made else START_TIMEOUT_S
                if time.monotonic() - began > limit_s:
                    raise TimeoutError
                time.sleep(POLL_S)
        left_out = {int(each["round"]): sites - int(each["sites"]) for each in made if each["sites"] < sites}
        name = f"Flower {machine.peer_versions().get('flwr', '')}".strip()
        return FlowerFound(name, len(made), left_out, cutter.made, time.monotonic() - began)
