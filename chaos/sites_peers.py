"""Other systems under the cuts of `chaos sites`: a server on one host, and a site on each of the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from chaos.cuts import Cut, Cutter
from roundelay.testing.namespaces import Host, inside, network
from roundelay.testing.waiting import POLL_S, Stuck

START_TIMEOUT_S = 300.0  # of the first round, in which nobody is cut off
ROUND_TIMEOUT_S = 720.0  # of each other one: longer than any of them waits for a site
TIMEOUT_S = 2400.0  # of all rounds
Rounds = Sequence[dict[str, float]]  # the number of each round, and how many sites it counted
Follow = Callable[[Sequence[Host]], AbstractContextManager[Callable[[], Rounds]]]


@dataclass(frozen=True)
class PeerFound:
    """What came of another system's run. left_out: for each round in which sites were missing, how many."""

    name: str
    rounds: int
    left_out: dict[int, int]
    cuts: list[Cut]
    seconds: float
    stopped: str = ""  # why it ended before its last round

    def rows(self, rounds: int) -> dict[str, str]:
        """Return the cells of its column, by the names of the rows."""
        missing = f"{sum(self.left_out.values())}, in {len(self.left_out)} rounds" if self.left_out else "none"
        return {
            "rounds": f"{self.rounds} of {rounds}" + (f", then stopped: {self.stopped}" if self.stopped else ""),
            "sites left out of a round": missing,
            "cuts": f"{len(self.cuts)}, {sum(cut.seconds for cut in self.cuts):.0f} s in sum",
            "killed with SIGKILL": "none",
            "seconds undisturbed, disturbed": f"-, {self.seconds:.0f}",
        }


class Patience:
    """Raises Stuck when a round, or all of them, take too long."""

    def __init__(self, now: float) -> None:
        self.began = self._round_began = now
        self._rounds = 0

    def check(self, rounds: int, now: float) -> None:
        """Look at the time when this number of rounds has ended."""
        if rounds != self._rounds:
            self._rounds, self._round_began = rounds, now
        limit_s = ROUND_TIMEOUT_S if rounds else START_TIMEOUT_S
        if now - self._round_began > limit_s:
            raise Stuck(f"no further round within {limit_s / 60:g} minutes")
        if now - self.began > TIMEOUT_S:
            raise Stuck(f"no more time after {TIMEOUT_S / 60:g} minutes")


def run(name: str, sites: int, rounds: int, plan: Sequence[Cut], follow: Follow) -> PeerFound:
    """Run a system while its sites are cut off. `follow` starts it, and yields a function that returns its rounds."""
    with network(1 + sites) as hosts, inside(hosts[0].namespace):
        cutter, patience, stopped = Cutter(hosts[1:], plan), Patience(time.monotonic()), ""
        made: Rounds = ()
        try:
            with follow(hosts) as so_far:
                while len(made := so_far()) < rounds:
                    if made:
                        cutter.step(1 + len(made))
                    patience.check(len(made), time.monotonic())
                    time.sleep(POLL_S)
        except Stuck as error:
            stopped = str(error)
        left_out = {int(each["round"]): sites - int(each["sites"]) for each in made if each["sites"] < sites}
        return PeerFound(name, len(made), left_out, cutter.made, time.monotonic() - patience.began, stopped)
