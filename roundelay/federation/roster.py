"""The nodes that may be given work: the ring's members and leaves, without those lost lately or unable to train."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from itertools import islice

from roundelay.chord.crawl import successors_among
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.requests import TrainingFile
from roundelay.store.packing import PACK_FROM_S

DISTURBANCES_MAX = 64  # reported per round
RELAYS_MAX = 4  # successors of its identifier at which a leaf may be attached
LOST_ROUNDS = 2  # rounds after which a lost node is asked again: it may only have been slow


class Roster:
    """One driver's view of the ring."""

    def __init__(
        self, ring: Ring, entry: NodeRef, homes: Sequence[str] = (), measures: bool = False, packs: bool = False
    ) -> None:
        """Begin with one node, through which the others are found.

        homes: of private files, the address that has each, by the file's index. measures: whether round trips to
        members are wanted before the first order. packs: whether contents travel packed to every node, and not only to
        those far away.
        """
        self._packs = packs
        self._homes = homes
        self._home_names = frozenset(homes)
        self._sites: dict[str, NodeRef] = {}  # the node that was last seen at each home
        self._at_home: dict[str, list[NodeRef]] = {}  # the present nodes at each home
        self.ring = ring
        self.measures = measures
        self.round_trips: dict[NodeRef, float] = {}  # from here, in seconds, as measured
        self.far: frozenset[NodeRef] = frozenset()  # the nodes to which contents travel packed
        self.nodes: tuple[NodeRef, ...] = (entry,)
        self.leaves: tuple[NodeRef, ...] = ()  # nodes that only dial out: asked through members, and store nothing
        self.trainers: tuple[NodeRef, ...] = ()  # members and leaves, by identifier
        self.disturbances: list[str] = []  # of the current round
        self._entry = entry
        self._lost: dict[NodeRef, int] = {}  # node -> the round in which it was lost
        self._asked_again: dict[NodeRef, set[int]] = {}  # lost nodes, and the files that they may train all the same
        self._missing_files: dict[tuple[NodeRef, int], int] = {}  # round in which it was missing
        self.reasons: dict[str, str] = {}  # by address: why a node could not train, in its own words
        self.abandoned: dict[NodeRef, str] = {}  # ticket of an order that a round could not wait for
        self._unfit: set[NodeRef] = set()  # they compute different bits, and are never asked again
        self._liars: set[str] = set()  # addresses of nodes that returned wrong results
        self._round = 0
        self.update_leaves(())

    def begin_round(self, number: int) -> None:
        """Begin a round: clear its disturbances, and let nodes that failed long ago be asked again.

        No report of round 0 is shown, so its disturbances are reported with round 1.
        """
        self._round = number
        if number > 1:
            self.disturbances = []
        self._lost = {n: r for n, r in self._lost.items() if number - r <= LOST_ROUNDS}
        self._asked_again = {n: files for n, files in self._asked_again.items() if n in self._lost}
        self._missing_files = {pair: r for pair, r in self._missing_files.items() if number - r <= LOST_ROUNDS}
        kept = {str(node.address) for node in (*self._unfit, *(node for node, _ in self._missing_files))} | self._liars
        self.reasons = {address: why for address, why in self.reasons.items() if address in kept}

    def update_round_trips(self, measured_s: dict[NodeRef, float]) -> None:
        """Take the round trips that have been measured so far."""
        self.round_trips = measured_s
        self._update_far()

    def _update_far(self) -> None:
        """Build the set once for each change: each order and each poll of a round uses it."""
        if self._packs:
            self.far = frozenset((*self.trainers, *self._sites.values()))
        else:
            self.far = frozenset(node for node, seconds in self.round_trips.items() if seconds >= PACK_FROM_S)

    def update_members(self, nodes: tuple[NodeRef, ...]) -> None:
        """Take the members that a walk around the ring has found."""
        self.nodes = nodes
        if nodes and self._entry not in nodes:
            self._entry = nodes[0]
        self.update_leaves(self.leaves)

    def update_leaves(self, leaves: Sequence[NodeRef]) -> None:
        """Take the leaves that are listed on the ring; each is asked through the successors of its identifier.

        One with the address of a member is left out: it would be given the orders that are the member's.
        """
        members = {node.address for node in self.nodes}
        self.leaves = tuple(
            replace(leaf, relays=successors_among(self.nodes, leaf.id)[:RELAYS_MAX])
            for leaf in leaves
            if leaf.address not in members
        )
        self.trainers = tuple(sorted((*self.nodes, *self.leaves), key=lambda node: node.id))
        self._at_home = {}
        for node in self.trainers if self._homes else ():
            if (home := str(node.address)) in self._home_names:
                self._at_home.setdefault(home, []).append(node)
        self._sites |= {home: nodes[-1] for home, nodes in self._at_home.items()}
        self.abandoned = {n: each for n, each in self.abandoned.items() if self._sites.get(str(n.address)) == n}
        self._update_far()

    def mark_lost(self, node: NodeRef, why: str) -> None:
        """Give a node no work for LOST_ROUNDS, because it failed."""
        self.record_disturbance(f"lost {node.address}: {why.removeprefix(f'{node.address} ')}")
        self._lost[node] = self._round
        self._asked_again.pop(node, None)

    def mark_missing_file(self, node: NodeRef, file: TrainingFile, why: str = "") -> None:
        """Do not ask a live node for this file again: it cannot get the file, or the model to train."""
        self._missing_files[node, file.index] = self._round
        self.reasons[str(node.address)] = why

    def record_disturbance(self, disturbance: str) -> None:
        """Record a disturbance for the round's report, once."""
        if disturbance not in self.disturbances and len(self.disturbances) < DISTURBANCES_MAX:
            self.disturbances.append(disturbance)

    def forgive(self) -> None:
        """Let every node be asked again for every file, except excluded nodes."""
        self._lost.clear()
        self._asked_again.clear()
        self._missing_files.clear()
        self.reasons.clear()

    def forgive_nodes(self, nodes: Set[NodeRef]) -> None:
        """Let these nodes be asked again, except excluded ones: they have left the ring and come back."""
        self._lost = {node: number for node, number in self._lost.items() if node not in nodes}

    def forgive_holders(self, files: Sequence[TrainingFile]) -> bool:
        """Let the nodes that may train these files be asked for them again, and for no others, except excluded nodes.

        Return whether there are any.
        """
        nodes = [(node, file.index) for file in files for node in self._candidates(file)]
        for node, index in nodes:
            if node in self._lost:
                self._asked_again.setdefault(node, set()).add(index)
            self._missing_files.pop((node, index), None)
            self.reasons.pop(str(node.address), None)
        return bool(nodes)

    def exclude(self, node: NodeRef) -> None:
        """Never give a node work for this job again."""
        self._unfit.add(node)

    def exclude_address(self, address: str) -> None:
        """Never give work for this job to a node at an address, whichever process listens there."""
        self._liars.add(address)

    def is_excluded(self, node: NodeRef) -> bool:
        """Return whether a node must not be given work for this job."""
        return node in self._unfit or (bool(self._liars) and str(node.address) in self._liars)

    def home(self, file: TrainingFile) -> str:
        """Return the site that has a private file."""
        return self._homes[file.index]

    def site(self, home: str) -> NodeRef | None:
        """Return the node of a site as it was last seen, a member now or not; None if it never was one."""
        return self._sites.get(home)

    def is_present(self, site: NodeRef) -> bool:
        """Return whether the node of a site is a member or a leaf now."""
        return site in self._at_home.get(str(site.address), ())

    def is_missing(self, node: NodeRef, file: TrainingFile) -> bool:
        """Return whether a node has said lately that it cannot train a file."""
        return (node, file.index) in self._missing_files

    @property
    def nobody_fits(self) -> bool:
        """Whether every current member and leaf has been excluded."""
        return self._unfit.issuperset(self.trainers)

    def entry(self) -> NodeRef:
        """Return a live node to send requests to the ring through: the same one until it is lost."""
        live = (n for n in (self._entry, *self.nodes) if n not in self._lost)
        self._entry = next(live, self._entry)
        return self._entry

    @property
    def live(self) -> tuple[NodeRef, ...]:
        """The nodes that may be given work, ordered by identifier."""
        return tuple(n for n in self.trainers if n not in self._lost and not self.is_excluded(n))

    def eligible(self, files: Sequence[TrainingFile]) -> tuple[NodeRef, ...]:
        """Return the live nodes that miss none of these files."""
        indices = {file.index for file in files}
        lacking = {node for node, index in self._missing_files if index in indices}
        return tuple(n for n in self.live if n not in lacking)

    def holders(self, file: TrainingFile, must_store: bool = False) -> tuple[NodeRef, ...]:
        """Return the nodes that may train a file, its owner first; a node without the file fetches it.

        A leaf counts as the owner of the keys before its own, unless the node must also store the file.
        """
        nearest = self._candidates(file, must_store)
        return tuple(
            n
            for n in nearest
            if (n not in self._lost or file.index in self._asked_again.get(n, ()))
            and (n, file.index) not in self._missing_files
        )

    def successors_of(self, key: int, count: int = 0) -> tuple[NodeRef, ...]:
        """Return the owner of a key and the nodes after it: `count`, or those that may hold copies."""
        return successors_among(self.nodes, key)[: count or self.ring.replicas + 1]

    def _candidates(self, file: TrainingFile, must_store: bool = False) -> tuple[NodeRef, ...]:
        """Return the nodes that may train a file, its owner first, whether they have been lost lately or not."""
        if self._homes:
            return tuple(n for n in self._at_home.get(self._homes[file.index], ()) if not self.is_excluded(n))
        trainers = self.nodes if must_store else self.trainers
        fit = (n for n in successors_among(trainers, self.ring.key(file.name)) if not self.is_excluded(n))
        return tuple(islice(fit, self.ring.replicas + 1))
