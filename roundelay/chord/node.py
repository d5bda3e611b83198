"""The state of one node of the ring. No method here sends anything."""

from __future__ import annotations

from bisect import bisect_left
from itertools import islice

from roundelay.chord.errors import NotYet
from roundelay.chord.failure_detector import FailureDetector
from roundelay.chord.pending import PendingTasks
from roundelay.chord.refs import NodeRef, vacant
from roundelay.chord.requests import Candidate, Hello, Hop, Neighbourhood
from roundelay.chord.ring import Ring, between_right_closed

CANDIDATES_MAX = 3  # next hops in an answer: one to ask, two to fall back on


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
        self._routes: tuple[list[int], tuple[Candidate, ...]] | None = None
        self._found: Hop | None = None  # the answer for a key before the successor, while no successor is dead

    # --- answers

    def hello(self) -> Hello:
        return Hello(self.ref, self.ring, self.joined)

    def next_hop(self, key: int, failed: frozenset[NodeRef]) -> Hop:
        """Return the owner, if it is the successor, and otherwise whom to ask next. Paper, figure 4."""
        self._require_joined()
        some_dead = bool(failed) or self.failure_detector.any_dead
        head = self.successors[0]
        if some_dead or head.is_vacant:
            head = self._first_live_successor(failed)
        if between_right_closed(self.ref.id, key, head.id):
            if some_dead:
                return Hop(found=True, nodes=self.live_successors(failed))
            return self._found or self._cache_found()
        return Hop(found=False, candidates=self.closest_preceding_nodes(key, failed))

    def neighbours(self) -> Neighbourhood:
        self._require_joined()
        return Neighbourhood(self.predecessor, self.successors)

    def live_successors(self, failed: frozenset[NodeRef] = frozenset()) -> tuple[NodeRef, ...]:
        """Return the successor list, each node once, without dead nodes and those in `failed`."""
        return tuple(dict.fromkeys(s for s in self.successors if not self._is_excluded(s, failed)))

    def closest_preceding_nodes(self, key: int, failed: frozenset[NodeRef] = frozenset()) -> tuple[Candidate, ...]:
        """Return known nodes in (self, key), the nearest to the key first. Paper, figure 4."""
        distances, candidates = self._routes or self._routing_table()
        upto = bisect_left(distances, self.ring.distance(self.ref.id, key) or self.ring.size)
        first = len(distances) - upto
        if not failed and not self.failure_detector.any_dead:  # nearly always; the table holds no placeholders
            return candidates[first : first + CANDIDATES_MAX]
        nearest = (c for c in candidates[first:] if not self._is_excluded(c.node, failed))
        return tuple(islice(nearest, CANDIDATES_MAX))

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
        changed, self.successors = adopted != self.successors, adopted
        self._routes = self._found = None
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
        changed, self.fingers = fingers != self.fingers, fingers
        self._routes = None
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

    def _cache_found(self) -> Hop:
        """Return the answer that ends a lookup, and keep it until the successor list changes."""
        self._found = Hop(found=True, nodes=self.live_successors())
        return self._found

    def _routing_table(self) -> tuple[list[int], tuple[Candidate, ...]]:
        """Return the distances of all fingers and successors, ascending, and the nodes, the farthest first.

        Kept until either changes.
        """
        known = {s: Candidate(s) for s in self.successors if s != self.ref and not s.is_vacant}
        for i, (finger, after) in enumerate(zip(self.fingers, (*self.fingers[1:], None), strict=True)):
            if (
                finger is not after and finger != self.ref and not finger.is_vacant
            ):  # most fingers are the next one, too
                known[finger] = Candidate(finger, i)
        ordered = sorted(known.values(), key=lambda c: self.ring.distance(self.ref.id, c.node.id))
        self._routes = [self.ring.distance(self.ref.id, c.node.id) for c in ordered], tuple(reversed(ordered))
        return self._routes
