"""The state of one node of the ring. No method here sends anything."""

from __future__ import annotations

from itertools import islice
from operator import is_

from roundelay.chord.errors import NotYet
from roundelay.chord.failure_detector import FailureDetector
from roundelay.chord.pending import PendingTasks
from roundelay.chord.refs import NodeRef, vacant
from roundelay.chord.requests import Candidate, Hello, Hop, Neighbourhood
from roundelay.chord.ring import Ring, between_right_closed
from roundelay.chord.routing_table import CANDIDATES_MAX, RoutingTable


class ChordNode:
    """A node's predecessor, successor list and fingers, and the answers it gives from them."""

    def __init__(self, ref: NodeRef, ring: Ring) -> None:
        self.ref = ref
        self.ring = ring
        self.joined = False
        self.predecessor = ref
        self.successors: tuple[NodeRef, ...] = (ref,) * ring.successors
        self.fingers: tuple[NodeRef, ...] = (ref,) * ring.bits
        self.finger_candidates = 1  # first nodes of an interval, of which the nearest becomes the finger
        self.failure_detector = FailureDetector()
        self.pending = PendingTasks()
        self.nudged = False  # stabilize at once, not only at the next tick
        self._routing_table: RoutingTable | None = None

    # --- answers

    def hello(self) -> Hello:
        return Hello(self.ref, self.ring, self.joined)

    def next_hop(self, key: int, failed: frozenset[NodeRef]) -> Hop:
        """Return the owner, if it is the successor, and otherwise whom to ask next. Paper, figure 4."""
        self._require_joined()
        if not failed and not self.failure_detector.any_dead:  # nearly always
            return (self._routing_table or self._build_routing_table()).next_hop(key)
        if between_right_closed(self.ref.id, key, self._first_live_successor(failed).id):
            return Hop(found=True, nodes=self.live_successors(failed))
        return Hop(found=False, candidates=self._closest_preceding_nodes(key, failed))

    def neighbours(self) -> Neighbourhood:
        self._require_joined()
        return Neighbourhood(self.predecessor, self.successors)

    def live_successors(self, failed: frozenset[NodeRef] = frozenset()) -> tuple[NodeRef, ...]:
        """Return the successor list, each node once, without dead nodes and those in `failed`."""
        return tuple(dict.fromkeys(s for s in self.successors if not self._is_excluded(s, failed)))

    # --- changes

    @property
    def successor(self) -> NodeRef:
        return self.successors[0]

    def set_successors(self, head: NodeRef, tail: tuple[NodeRef, ...]) -> bool:
        """Adopt head and as much of its list as fits. Return True if that changed anything.

        Where the list comes round to this node it ends, and this node is repeated to fill it: so every list is
        ordered and has its full length.
        """
        wanted: list[NodeRef] = []
        reached = 0
        for peer in (head, *tail)[: self.ring.successors]:
            distance = self.ring.distance(self.ref.id, peer.id)
            if distance <= reached:
                break
            wanted.append(peer)
            reached = distance
        adopted = (*wanted, *[self.ref] * (self.ring.successors - len(wanted)))
        if _same(adopted, self.successors):
            return False
        changed, self.successors = adopted != self.successors, adopted
        self._routing_table = None
        return changed

    def drop_successor(self) -> None:
        """Remove the dead head and add a placeholder to keep the length (Zave: the identifier after the last).

        If no successor is left, which the proof excludes, continue with the nearest live fingers.
        """
        padding = vacant((self.successors[-1].id + 1) % self.ring.size)
        head, *tail = (*self.successors[1:], padding)
        if all(s == self.ref or s.is_vacant for s in (head, *tail)):
            head, *tail = (*self._live_fingers(), self.ref)
        self.set_successors(head, tuple(tail))

    def set_fingers(self, fingers: tuple[NodeRef, ...]) -> bool:
        """Replace the whole table. Return True if that changed anything."""
        assert len(fingers) == self.ring.bits
        if _same(fingers, self.fingers):
            return False
        changed, self.fingers = fingers != self.fingers, fingers
        self._routing_table = None
        return changed

    # --- helpers

    def owns(self, key: int) -> bool:
        """Return True if this node is the key's successor, as far as it knows."""
        return between_right_closed(self.predecessor.id, key, self.ref.id)

    def _live_fingers(self) -> list[NodeRef]:
        """Return the live fingers, the nearest first; the predecessor need not be there, stabilization finds it."""
        known = [p for p in dict.fromkeys(self.fingers) if p != self.ref and not self.failure_detector.is_dead(p)]
        return sorted(known, key=lambda p: self.ring.distance(self.ref.id, p.id))

    def _require_joined(self) -> None:
        if not self.joined:
            raise NotYet(f"{self.ref.address} has not joined the ring yet")

    def _first_live_successor(self, failed: frozenset[NodeRef]) -> NodeRef:
        """Return the first successor that is not excluded. Raises NotYet."""
        for peer in self.successors:
            if not self._is_excluded(peer, failed):
                return peer
        raise NotYet(f"{self.ref.address} has lost all its successors")

    def _is_excluded(self, peer: NodeRef, failed: frozenset[NodeRef]) -> bool:
        return (bool(failed) and peer in failed) or self.failure_detector.is_dead(peer)

    def _closest_preceding_nodes(self, key: int, failed: frozenset[NodeRef]) -> tuple[Candidate, ...]:
        """Return known live nodes in (self, key), the nearest to the key first. Paper, figure 4."""
        table = self._routing_table or self._build_routing_table()
        nearest = (c for c in table.preceding(key) if not self._is_excluded(c.node, failed))
        return tuple(islice(nearest, CANDIDATES_MAX))

    def _build_routing_table(self) -> RoutingTable:
        """Return the routing table, and keep it until the successors or fingers change. Raises NotYet."""
        self._first_live_successor(frozenset())
        self._routing_table = RoutingTable(self.ring, self.ref, self.successors, self.fingers)
        return self._routing_table


def _same(new: tuple[NodeRef, ...], old: tuple[NodeRef, ...]) -> bool:
    """Return True if both hold the same objects; equal nodes may differ in their relays."""
    return new is old or all(map(is_, new, old))
