"""The orders that a buffered job sends next: one for each node that is there, with those of its files that are idle.

A file is idle if nobody trains it from the weights of its base: a round has taken its last update, or its order has
failed. Files that no present node may train wait here, so that they hold none of the orders that may be under way.

More files can be idle than orders may be under way, so files take turns: the one that no round has taken for longest
comes first. A file whose order has failed waits for its next turn as if a later round had taken it; the delay doubles
with each failure, up to BACKOFF_ROUNDS_MAX. So nodes that do not answer hold up few of the orders of others. The delay
ends when a node that may train the file comes back to the ring, and so does the wait for such a node.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Set
from dataclasses import dataclass

from roundelay.federation.file_waits import FileWaits
from roundelay.federation.partial_result import Files
from roundelay.federation.placement import by_hash
from roundelay.federation.requests import TrainingFile
from roundelay.federation.roster import Roster
from roundelay.federation.spec import JobSpec
from roundelay.federation.staleness import Bases

BACKOFF_ROUNDS_MAX = 64  # by which the turn of a file is delayed whose orders fail


@dataclass(frozen=True)
class PlannedOrder:
    """Files of one node, whose updates start from the weights of the same round."""

    base: int
    files: Files

    @property
    def indices(self) -> set[int]:
        return {file.index for file in self.files}


class OrderPlan:
    """The orders that are to be sent, and the files that no present node may train. drained: the sites to leave out."""

    def __init__(
        self,
        spec: JobSpec,
        roster: Roster,
        bases: Bases,
        clock: Callable[[], float],
        drained: Callable[[], Set[str]] = frozenset,
    ) -> None:
        self.unplaced: Files = ()  # idle files that no present node may train, or whose sites are drained
        self._spec = spec
        self._roster = roster
        self._bases = bases
        self._drained = drained
        self._waits = FileWaits(clock, bool(spec.pinned))
        self._members = frozenset(roster.trainers)  # when the orders were planned last
        self._planned: deque[PlannedOrder] = deque()  # at most one for each file
        self._is_outdated = True  # files have become idle, or nodes been forgiven, since it was made
        self._under_way: set[int] = set()  # files of orders that have not ended
        self._ordered: dict[int, int] = {}  # the base of each file's last order, unless that has failed
        self._delays: dict[int, int] = {}  # in rounds, by file whose last order has failed
        self._turns: dict[int, int] = {}  # of these files: the round that they count as taken by

    @property
    def is_stuck(self) -> bool:
        """Whether nothing can be trained before nodes come back."""
        return bool(self.unplaced) and not self._under_way and not self._planned

    @property
    def ordered(self) -> set[int]:
        """The files whose updates from their present bases are under way, or have come."""
        return {index for index, base in self._ordered.items() if base == self._bases[index]}

    def pop(self) -> PlannedOrder | None:
        """Return an order to be sent, if there is one. It is under way until `end` is called."""
        if self._is_outdated:
            self.update()
        if not self._planned:
            return None
        order = self._planned.popleft()
        self._under_way |= order.indices
        self._ordered |= dict.fromkeys(order.indices, order.base)
        return order

    def end(self, order: PlannedOrder, trained: Set[int]) -> None:
        """Record that an order has ended. Those of its files that have not been trained are idle again."""
        self._under_way -= order.indices
        for index in order.indices - trained:
            del self._ordered[index]
            self._delays[index] = min(2 * self._delays.get(index, 0) or 1, BACKOFF_ROUNDS_MAX)
            self._turns[index] = self._bases.number + self._delays[index]
        for index in trained:
            self._delays.pop(index, None)
            self._turns.pop(index, None)
        self._waits.end(trained)
        if trained != order.indices or self._bases[order.files[0].index] != order.base:
            self.expire()

    def expire(self) -> None:
        """Record that files may be idle, or nodes be there, of which the plan does not know."""
        self._is_outdated = True

    def update(self) -> None:
        """Plan an order for each present node with idle files; first for the files that no round has taken for longest.

        A file whose order is still under way is not idle, even if its update is too old by now.
        """
        self._welcome_back()
        idle: defaultdict[int, list[TrainingFile]] = defaultdict(list)  # by base
        planned: list[PlannedOrder] = []
        unplaced: list[TrainingFile] = []
        for file in self._spec.files:
            base = self._bases[file.index]
            if file.index not in self._under_way and self._ordered.get(file.index) != base:
                (unplaced if self._is_drained(file) else idle[base]).append(file)
        for base, files in idle.items():
            groups, left = by_hash(files, {file.index: self._roster.holders(file) for file in files})
            planned += [PlannedOrder(base, group) for group in groups.values()]
            unplaced += left
        self._planned = deque(sorted(planned, key=self._turn_of))
        self.unplaced = tuple(sorted(unplaced, key=lambda file: file.index))
        self._is_outdated = False

    def retry_unplaced(self) -> None:
        """Let nodes that were lost be asked again for the files that no other node may train.

        Raises FileUnavailable for a file that has been waited for too long.
        """
        away = [file for file in self.unplaced if not self._is_drained(file)]
        self._waits.end(file.index for file in self.unplaced if self._is_drained(file))
        self._waits.wait(away)
        if self._roster.forgive_holders(away):
            self.expire()

    def restart_waits(self) -> None:
        """Begin the waits for files anew, after a time in which no node was looked for."""
        self._waits.clear()

    def end_waits(self, files: Files) -> None:
        """Record that a node is there that may train these files, and works on them."""
        self._waits.end(file.index for file in files)

    def _welcome_back(self) -> None:
        """Let nodes that have come to the ring have their orders at once, however often orders to them have failed."""
        members = frozenset(self._roster.trainers)
        come, self._members = members - self._members, members
        if not come:
            return
        self._roster.forgive_nodes(come)
        for file in self._spec.files:
            if not come.isdisjoint(self._roster.holders(file)):
                self.end_waits((file,))
                self._delays.pop(file.index, None)
                self._turns.pop(file.index, None)

    def _turn_of(self, order: PlannedOrder) -> tuple[int, int]:
        """Return the round that an order's files count as taken by; at equal rounds, files that failed come later."""
        last_taken = self._bases.last_taken
        return min((self._turns.get(index, last_taken[index]), self._delays.get(index, 0)) for index in order.indices)

    def _is_drained(self, file: TrainingFile) -> bool:
        drained = self._drained()
        return bool(drained) and self._roster.home(file) in drained
