"""The supernode's side of the ring: who is admitted, under which identifier, and who is alive.

It is on no lookup's path. It knows the ring only by what members report, and what it grants is
recorded (by the callable it is given) before it is said.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from roundelay.chord.errors import JoinRefused, NotYet
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Grant, Lease, Members
from roundelay.chord.ring import Ring

NODE_LEASE_S = 5.0


@dataclass
class _Life:
    """The latest life of one address."""

    node: NodeRef
    joined: bool = False
    lease_until: float = 0.0


class Registry:
    """One entry for each address ever admitted; alive while its lease runs."""

    def __init__(
        self,
        ring: Ring,
        rng: random.Random,
        record: Callable[[NodeRef], None],
        assign: str = "balanced",
        chosen: Sequence[int] = (),
    ) -> None:
        self.ring = ring
        self._rng = rng
        self._record = record
        self._assign = assign
        self._chosen = list(chosen)  # identifiers for the next joiners, in order
        self._lives: dict[Address, _Life] = {}

    # --- what it answers

    def admit(self, address: Address, now: float) -> Grant:
        """A new life for this address, and a live member to join through; None: be the first.

        Raises NotYet while the first node is still founding the ring.
        """
        bootstrap = self._bootstrap(address, now)
        node = self._next_life(address)
        self._record(node)
        self._lives[address] = _Life(node, lease_until=now + NODE_LEASE_S)
        return Grant(node, self.ring, bootstrap)

    def renew(self, node: NodeRef, now: float) -> Lease:
        """A member is alive; also how a restarted supernode learns of it. Raises JoinRefused."""
        life = self._lives.get(node.address)
        if life is not None and life.node.incarnation > node.incarnation:
            raise JoinRefused(f"{node.address} has a newer life: incarnation {life.node.incarnation}")
        if life is None or life.node != node:
            self._refuse_taken(node)
            self._record(node)
        self._lives[node.address] = _Life(node, joined=True, lease_until=now + NODE_LEASE_S)
        others = [n for n in self.members(now).nodes if n != node]
        return Lease(NODE_LEASE_S, self._rng.choice(others) if others else None)

    def retire(self, node: NodeRef) -> None:
        """It has left; its identifier stays its own."""
        life = self._lives.get(node.address)
        if life is not None and life.node == node:
            life.lease_until, life.joined = 0.0, False

    def members(self, now: float) -> Members:
        """The joined whose lease runs, in the order of their identifiers."""
        alive = [v.node for v in self._lives.values() if v.joined and v.lease_until > now]
        return Members(self.ring, tuple(sorted(alive, key=lambda n: n.id)))

    # --- what it remembers

    def recall(self, node: NodeRef) -> None:
        """Read back from the journal: its identifier is taken, whether it lives is not known."""
        self._lives[node.address] = _Life(node)

    def addresses(self) -> list[Address]:
        """Every address ever admitted."""
        return list(self._lives)

    # --- helpers

    def _bootstrap(self, address: Address, now: float) -> NodeRef | None:
        alive = [n for n in self.members(now).nodes if n.address != address]
        if alive:
            return self._rng.choice(alive)
        founding = [v.node for a, v in self._lives.items() if a != address and not v.joined and v.lease_until > now]
        if founding:
            raise NotYet(f"{founding[0].address} is founding the ring")
        return None

    def _next_life(self, address: Address) -> NodeRef:
        old = self._lives.get(address)
        if old is not None:
            return NodeRef(old.node.id, address.host, address.port, old.node.incarnation + 1)
        return NodeRef(self._free_identifier(address), address.host, address.port)

    def _free_identifier(self, address: Address) -> int:
        taken = {life.node.id for life in self._lives.values()}
        if len(taken) >= self.ring.size:
            raise JoinRefused(f"all {self.ring.size} identifiers of the ring are taken")
        if self._chosen:
            wanted = self._chosen.pop(0)
        elif self._assign == "hash":
            wanted = self.ring.key(str(address))
        else:
            wanted = middle_of_largest_gap(sorted(taken), self.ring.size)
        while wanted in taken:  # ends: fewer are taken than there are
            wanted = (wanted + 1) % self.ring.size
        return wanted

    def _refuse_taken(self, node: NodeRef) -> None:
        for life in self._lives.values():
            if life.node.id == node.id and life.node.address != node.address:
                raise JoinRefused(f"identifier {node.id} belongs to {life.node.address}")


def middle_of_largest_gap(taken: Sequence[int], size: int) -> int:
    """Where one more node evens the arcs most: they stay within a factor of two of each other."""
    if not taken:
        return 0
    ends = (*taken[1:], taken[0] + size)
    start, end = max(zip(taken, ends, strict=True), key=lambda gap: gap[1] - gap[0])
    return (start + (end - start) // 2) % size
