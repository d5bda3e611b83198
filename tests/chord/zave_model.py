"""An executable statement of corrected Chord: the oracle that the core is compared with.

P. Zave, "Reasoning about identifier spaces: How to make Chord correct", IEEE TSE 43(12), 2017, and the Alloy model
of 2018. It is written apart from roundelay/chord and in another form: identifiers instead of nodes, no messages,
every operation one atomic step. A predicate is computed straight from its definition, however slowly.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, pairwise


def between(start: int, x: int, end: int) -> bool:
    """Return whether x is strictly inside the arc from start to end; everything but start, if they are equal."""
    return start < x < end if start < end else x > start or x < end


class Network:
    """The members of a network, their lists of `length` successors, and the notifications on their way."""

    def __init__(self, members: Iterable[int], length: int, space: int) -> None:
        ids = sorted(members)
        assert len(ids) > length, "the proof begins at length + 1 members"
        self.length, self.space = length, space
        self.successors = {ids[i]: [ids[(i + k) % len(ids)] for k in range(1, length + 1)] for i in range(len(ids))}
        self.predecessor = {ids[i]: ids[i - 1] for i in range(len(ids))}
        self.candidate: dict[int, int] = {}  # of each member that is between the two halves of a stabilization
        self.notifications: list[tuple[int, int]] = []  # (receiver, new predecessor)

    # --- the operations; each returns whether its precondition held

    def join(self, joiner: int, member: int) -> bool:
        """Become a member between `member` and its first successor, with a copy of its list."""
        if joiner in self.successors or not between(member, joiner, self.successors[member][0]):
            return False
        self.successors[joiner] = list(self.successors[member])
        self.predecessor[joiner] = member
        return True

    def may_fail(self, node: int) -> bool:
        """Return whether the proof allows this failure: no list dies out, and enough principals remain."""
        for member, listed in self.successors.items():
            if member != node and node in listed and not any(self.is_live(s) and s != node for s in listed):
                return False
        principals = self.principals()
        return node not in principals or len(principals) > self.length + 1

    def fail(self, node: int) -> None:
        """Remove a member without a word."""
        del self.successors[node], self.predecessor[node]
        self.candidate.pop(node, None)

    def stabilize_from_successor(self, node: int) -> bool:
        """Replace a dead first successor, or adopt the list of a live one and look at its predecessor."""
        if node in self.candidate:
            return False
        head, *tail = self.successors[node]
        if not self.is_live(head):
            self.successors[node] = [*tail, (self.successors[node][-1] + 1) % self.space]
            self.notifications.append((self.successors[node][0], node))
            return True
        self.successors[node] = [head, *self.successors[head]][: self.length]
        candidate = self.predecessor[head]
        if between(node, candidate, head):
            self.candidate[node] = candidate
        else:
            self.notifications.append((head, node))
        return True

    def stabilize_from_predecessor(self, node: int) -> bool:
        """Adopt the candidate as first successor, if it is live and still lies in between."""
        if node not in self.candidate:
            return False
        candidate = self.candidate.pop(node)
        head = self.successors[node][0]
        if not between(node, candidate, head):
            return True
        if self.is_live(candidate):
            self.successors[node] = [candidate, *self.successors[candidate]][: self.length]
        self.notifications.append((self.successors[node][0], node))
        return True

    def rectify(self, position: int) -> None:
        """Deliver a notification: the receiver adopts a nearer predecessor, or one for a dead one."""
        receiver, sender = self.notifications.pop(position)
        if not self.is_live(receiver):
            return
        known = self.predecessor[receiver]
        if between(known, sender, receiver) or not self.is_live(known):
            self.predecessor[receiver] = sender

    # --- what holds

    def is_live(self, node: int) -> bool:
        return node in self.successors

    def first_live(self, member: int) -> int | None:
        """Return the best successor: the first live entry of the list."""
        return next((s for s in self.successors[member] if self.is_live(s)), None)

    def principals(self) -> set[int]:
        """Return the members that no extended list passes over."""
        gaps = [gap for member in self.successors for gap in pairwise(self._extended(member))]
        return {p for p in self.successors if not any(between(start, p, end) for start, end in gaps)}

    def invariant(self) -> bool:
        """Return whether the inductive invariant holds: a live successor each, and enough principals."""
        has_successor = all(self.first_live(member) is not None for member in self.successors)
        return has_successor and len(self.principals()) > self.length

    def entailed(self) -> dict[str, bool]:
        """Return what the invariant entails, by the names of the paper."""
        reached = {member: self._reached(member) for member in self.successors}
        ring = {member for member in self.successors if member in reached[member]}
        return {
            "AtLeastOneRing": bool(ring),
            "AtMostOneRing": all(a in reached[b] for a in ring for b in ring),
            "OrderedRing": not any(between(a, c, self._best(a)) for a in ring for c in ring - {a, self._best(a)}),
            "ConnectedAppendages": all(reached[a] & ring for a in self.successors.keys() - ring),
            "NoDuplicates": all(len(set(self._extended(m))) == self.length + 1 for m in self.successors),
            "OrderedSuccessorLists": all(
                between(i, j, k) for m in self.successors for i, j, k in combinations(self._extended(m), 3)
            ),
            "PrincipalsAreRingMembers": self.principals() <= ring,
        }

    def is_ideal(self) -> bool:
        """Return whether every list and predecessor is that of the sorted members."""
        ideal = Network(self.successors, self.length, self.space)
        return self.successors == ideal.successors and self.predecessor == ideal.predecessor

    # --- helpers

    def _extended(self, member: int) -> list[int]:
        return [member, *self.successors[member]]

    def _best(self, member: int) -> int:
        best = self.first_live(member)
        assert best is not None
        return best

    def _reached(self, member: int) -> set[int]:
        """Return whom best successors lead to."""
        reached: set[int] = set()
        here = self.first_live(member)
        while here is not None and here not in reached:
            reached.add(here)
            here = self.first_live(here)
        return reached
