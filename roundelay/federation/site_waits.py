"""Which private sites a driver waits for, since when, and until when.

A wait belongs to an absence, not to a round: a site that has been left out is not waited for again until it has
answered. Sites that an earlier driver left out of the last round count as left out from the start.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from roundelay.federation.effects import NS_PER_S, Clocks

HOUR_S, DAY_S = 3600, 24 * 3600


@dataclass(frozen=True)
class Absence:
    """One absence of a site. began: on the driver's clock. since: the same moment, as people read it."""

    began: float
    since: str
    why: str


def silence(line: str) -> None:
    """Tell nobody."""


class SiteWaits:
    """The absences of a job's sites.

    wait_for_s: how long a site is waited for. required: sites without which no round ends. tell: given one line when a
    wait begins or ends. require_running: raises once the job has ended.
    """

    def __init__(
        self,
        clocks: Clocks,
        wait_for_s: float = 0.0,
        required: Collection[str] = (),
        tell: Callable[[str], None] = silence,
        require_running: Callable[[], None] = lambda: None,
    ) -> None:
        self.require_running = require_running
        self._clocks = clocks
        self._wait_for_s = wait_for_s
        self._required = frozenset(required)
        self._tell = tell
        self._absences: dict[str, Absence] = {}
        self.drained: frozenset[str] = frozenset()  # sites that no round waits for, unless it needs them

    @property
    def absences(self) -> dict[str, Absence]:
        """The sites that have not answered lately, by name."""
        return dict(self._absences)

    def begin(self, site: str, why: str) -> None:
        """Record that a site does not answer, or is late; a wait that has begun goes on."""
        if site in self._absences:
            return
        began, now_s = self._clocks.monotonic(), self._clocks.version() // NS_PER_S
        self._absences[site] = Absence(began, _time_of_day(now_s), why)
        end = "no round ends without it"
        if not self.is_required(site):
            end = f"it is left out at {_time_of_day(now_s + round(self._wait_for_s))}"
        if self.is_required(site) or (self._wait_for_s and site not in self.drained):
            self._tell(f"waiting for {site} since {_time_of_day(now_s)}: {why}; {end}")

    def end(self, site: str) -> float:
        """Record that a site has answered. Return how long it was waited for, in seconds."""
        absence = self._absences.pop(site, None)
        if absence is None or not absence.since:  # it was not waited for
            return 0.0
        waited_s = self._clocks.monotonic() - absence.began
        if self._wait_for_s or self.is_required(site):
            self._tell(f"{site} answers again, after {waited_s:.0f} s")
        return waited_s

    def expect_no_answer(self, sites: Collection[str]) -> None:
        """Wait for none of these sites before they answer: the last round went on without them."""
        for site in sites:
            self._absences.setdefault(site, Absence(float("-inf"), "", "was left out of the last round"))

    def is_required(self, site: str) -> bool:
        """Return whether no round ends without a site."""
        return site in self._required

    def is_over(self, site: str) -> bool:
        """Return whether a site has been waited for, so that the round may go on without it."""
        absence = self._absences.get(site)
        if self.is_required(site) or (absence is None and site not in self.drained):
            return False
        if absence is None or site in self.drained:
            return True
        return self._clocks.monotonic() - absence.began >= self._wait_for_s


def _time_of_day(seconds: int) -> str:
    """Return a moment of Unix time as people read it."""
    second_of_day = seconds % DAY_S
    return f"{second_of_day // HOUR_S:02}:{second_of_day % HOUR_S // 60:02}:{second_of_day % 60:02} UTC"
