"""Contributions: which node has trained what without a second node, so that a job can do without its rounds.

All follows from the reports of a job, so a driver that takes over knows the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from roundelay.federation.early_stopping import kept_round
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.settings import Settings


class Contributions:
    """The first rounds in which nodes have contributed results that no other node has repeated."""

    def __init__(self, reports: Iterable[RoundReport] = ()) -> None:
        """Begin with the rounds so far, in their order."""
        self._unverified: dict[str, int] = {}  # address -> round
        self._verified: dict[tuple[str, str], int] = {}  # address, that of the node that confirmed it -> round
        for report in reports:
            self.add(report)

    def add(self, report: RoundReport) -> None:
        """Add a round."""
        for file, address in report.placement.items():
            confirming = report.verified.get(file)
            if confirming is None:
                self._unverified.setdefault(address, report.round)
            else:
                self._verified.setdefault((address, confirming), report.round)

    def clean_round(self, liars: Collection[str], rounds: int) -> int:
        """Return the last round, `rounds` at most, up to which no liar's word alone counted, and whose model is kept.

        What liars confirm to each other is a liar's word, too.
        """
        tainted = [number for address, number in self._unverified.items() if address in liars]
        tainted += [number for pair, number in self._verified.items() if set(pair) <= set(liars)]
        if not tainted:
            return rounds
        return max(number for number in self._restarts if number < min(tainted))

    def models_needed(self, settings: Settings, results: Sequence[RoundResult]) -> set[int]:
        """Return the rounds whose models must be kept, for a job that starts after them."""
        restarts = {number for number in self._restarts if number < len(results)}
        return restarts | {kept_round(settings, results[: number + 1]).round for number in restarts}

    @property
    def _restarts(self) -> set[int]:
        """Return the rounds after which a job may start again: one for each node, and round 0."""
        return {0, *(number - 1 for number in self._unverified.values())}
