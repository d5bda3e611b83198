"""Who may be given work: the members of the ring as last seen, without those that were lost lately."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import islice

from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.requests import TrainingFile

DISTURBANCES_MAX = 64  # told of one round
LOST_ROUNDS = 2  # so long nobody asks a lost node again: it may only have been slow


class Roster:
    """One driver's view of the ring."""

    def __init__(self, ring: Ring, entry: NodeRef, homes: Sequence[str] = ()) -> None:
        self._homes = homes  # addresses, by a file's index, where files are pinned
        self.ring = ring
        self.nodes: tuple[NodeRef, ...] = (entry,)
        self.disturbances: list[str] = []  # of the round that is going on
        self._entry = entry
        self._lost: dict[NodeRef, int] = {}  # node -> the round in which it was lost
        self._lacking: dict[tuple[NodeRef, int], int] = {}  # node and file -> the round in which it could not have it
        self.reasons: dict[str, str] = {}  # by address: why a node lacked something, as it said last
        self._unfit: set[NodeRef] = set()  # their arithmetic gives other bits: never asked again
        self._round = 0

    def begin_round(self, number: int) -> None:
        """A new round: its disturbances are its own, and who was lost long ago gets another chance.

        Round 0 is shown to nobody: what disturbed it is told with round 1.
        """
        self._round = number
        if number > 1:
            self.disturbances = []
        self._lost = {n: r for n, r in self._lost.items() if number - r <= LOST_ROUNDS}
        self._lacking = {pair: r for pair, r in self._lacking.items() if number - r <= LOST_ROUNDS}

    def update_members(self, nodes: tuple[NodeRef, ...]) -> None:
        """The ring has been walked."""
        self.nodes = nodes

    def mark_lost(self, node: NodeRef, why: str) -> None:
        """It did not do what it was asked."""
        self.record_disturbance(f"lost {node.address}: {why}")
        self._lost[node] = self._round

    def mark_missing_file(self, node: NodeRef, file: TrainingFile, why: str = "") -> None:
        """It lives, and cannot get hold of this file, or of what it takes to train it."""
        self._lacking[node, file.index] = self._round
        self.reasons[str(node.address)] = why

    def record_disturbance(self, disturbance: str) -> None:
        """Something has gone wrong in this round; told once, however often it happens."""
        if disturbance not in self.disturbances and len(self.disturbances) < DISTURBANCES_MAX:
            self.disturbances.append(disturbance)

    def forgive(self) -> None:
        """Everybody may be asked again, for everything."""
        self._lost.clear()
        self._lacking.clear()
        self.reasons.clear()

    def exclude(self, node: NodeRef) -> None:
        """It may not train this job."""
        self._unfit.add(node)

    @property
    def nobody_fits(self) -> bool:
        """Has every node that the ring has now been excluded?"""
        return self._unfit.issuperset(self.nodes)

    def entry(self) -> NodeRef:
        """A node through which to reach the others."""
        live = [n for n in (self._entry, *self.nodes) if n not in self._lost]
        return live[0] if live else self._entry

    @property
    def live(self) -> tuple[NodeRef, ...]:
        """Whoever may be given work, in the order of their identifiers."""
        return tuple(n for n in self.nodes if n not in self._lost and n not in self._unfit)

    def eligible(self, files: Sequence[TrainingFile]) -> tuple[NodeRef, ...]:
        """Those of them that lack none of these files."""
        return tuple(n for n in self.live if not any((n, f.index) in self._lacking for f in files))

    def holders(self, file: TrainingFile) -> tuple[NodeRef, ...]:
        """The nodes that may be asked to train a file, the owner first; one that lacks it fetches it."""
        if self._homes:
            return tuple(n for n in self.eligible((file,)) if str(n.address) == self._homes[file.index])
        fit = (n for n in self._from(self.ring.key(file.name)) if n not in self._unfit)
        asked = islice(fit, self.ring.replicas + 1)
        return tuple(n for n in asked if n not in self._lost and (n, file.index) not in self._lacking)

    def successors_of(self, key: int) -> tuple[NodeRef, ...]:
        """The owner of a key, and as many after it as may hold copies."""
        return self._from(key)[: self.ring.replicas + 1]

    def _from(self, key: int) -> tuple[NodeRef, ...]:
        """All nodes, once round the ring."""
        first = bisect_left(self.nodes, key, key=lambda node: node.id)
        return self.nodes[first:] + self.nodes[:first]
