"""Who may be given work: the members of the ring as last seen, without those that were lost lately."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from chord.refs import NodeRef
from chord.ring import Ring
from federation.work import TrainingFile

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
        self._round = 0

    def begin(self, number: int) -> None:
        """A new round: its disturbances are its own, and who was lost long ago gets another chance."""
        self._round = number
        self.disturbances = []
        self._lost = {n: r for n, r in self._lost.items() if number - r <= LOST_ROUNDS}

    def see(self, nodes: tuple[NodeRef, ...]) -> None:
        """The ring has been walked."""
        self.nodes = nodes

    def lose(self, node: NodeRef, why: str) -> None:
        """It did not do what it was asked."""
        self.note(f"{node.address}: {why}")
        self._lost[node] = self._round

    def note(self, disturbance: str) -> None:
        """Something has gone wrong in this round; told once, however often it happens."""
        if disturbance not in self.disturbances and len(self.disturbances) < DISTURBANCES_MAX:
            self.disturbances.append(disturbance)

    def forgive(self) -> None:
        """Everybody may be asked again."""
        self._lost.clear()

    def entry(self) -> NodeRef:
        """A node through which to reach the others."""
        live = [n for n in (self._entry, *self.nodes) if n not in self._lost]
        return live[0] if live else self._entry

    @property
    def live(self) -> tuple[NodeRef, ...]:
        """Whoever may be given work, in the order of their identifiers."""
        return tuple(n for n in self.nodes if n not in self._lost)

    def holders(self, file: TrainingFile) -> tuple[NodeRef, ...]:
        """The nodes that should have a file, the owner first, without the lost."""
        if self._homes:
            return tuple(n for n in self.live if str(n.address) == self._homes[file.index])
        return tuple(n for n in self.successors_of(self.ring.key(file.name)) if n not in self._lost)

    def successors_of(self, key: int) -> tuple[NodeRef, ...]:
        """The owner of a key, and as many after it as may hold copies."""
        first = bisect_left(self.nodes, key, key=lambda node: node.id)
        turned = self.nodes[first:] + self.nodes[:first]
        return turned[: self.ring.replicas + 1]
