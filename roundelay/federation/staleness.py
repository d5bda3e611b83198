"""Staleness: from which round's weights each update of a buffered job starts, and how much less a late one counts.

All of it follows from the spec and the chain of results. RESULT names the updates that its round took, each by its file
and by its *base*, the round whose weights it started from. A file whose update was taken is trained again from that
round's weights. So a driver that takes over knows which updates are under way, and orders the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from roundelay.federation.records import RoundResult, Taken
from roundelay.federation.spec import JobSpec


class Bases:
    """The base of each file's update that is under way: it was ordered, and no round has taken it."""

    def __init__(self, spec: JobSpec, results: Sequence[RoundResult] = ()) -> None:
        """results: the chain so far, from round 0 on."""
        self.number = 0  # of the last round that has taken updates
        self.last_taken = [0] * len(spec.files)  # the last round that took each file
        self.freed = frozenset[int]()  # rounds from which no update starts any more since the last one was taken
        self._of = [0] * len(spec.files)
        self._staleness_max = spec.settings.max_staleness
        for result in results[1:]:
            self.take(result.round, result.taken)

    def __getitem__(self, file: int) -> int:
        """Return the round whose weights a file's update starts from."""
        return self._of[file]

    @property
    def rounds(self) -> set[int]:
        """The rounds whose weights are needed: updates start from them."""
        return set(self._of)

    def take(self, number: int, taken: Taken) -> list[int]:
        """Start the updates that a round took again from its weights, and those that have become too old.

        Return the files of these; `freed` has the rounds whose weights are needed no more.
        """
        too_old = [file for file, base in enumerate(self._of) if number - base > self._staleness_max]
        before, again = self.rounds, {file for file, _ in taken}
        self.number = number
        for file in again:
            self._of[file] = self.last_taken[file] = number
        for file in too_old:
            self._of[file] = number
        self.freed = frozenset(before - self.rounds)
        return [file for file in too_old if file not in again]

    def move(self, base: int, to: int) -> None:
        """Start the updates with this base, whose weights are lost, from those of another round."""
        self._of = [to if each == base else each for each in self._of]


def staleness_of(number: int, taken: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Return how stale each file's update is that a round takes."""
    return {file: number - 1 - base for file, base in taken}


def wrong_links(spec: JobSpec, results: Sequence[RoundResult]) -> Iterator[tuple[int, str]]:
    """Yield what no driver can have taken, with its round. results: the chain from round 0 on."""
    is_buffered, last_taken = spec.is_buffered, [0] * len(spec.files)
    for result in results:
        if bool(result.taken) != (is_buffered and result.round > 0):
            yield result.round, f"it takes {len(result.taken)} updates"
        for file, base in result.taken if is_buffered else ():
            if file >= len(last_taken):
                yield result.round, f"it takes an update of file {file}, and there are {len(last_taken)}"
            elif not last_taken[file] <= base < result.round:
                yield result.round, f"it takes an update of {spec.files[file].name} that cannot start in round {base}"
            elif result.round - 1 - base > spec.settings.max_staleness:
                yield result.round, f"its update of {spec.files[file].name} is too old: it started in round {base}"
            else:
                last_taken[file] = result.round
