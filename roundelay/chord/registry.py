"""The supernode's registry: which nodes are admitted, under which identifiers, and which are alive.

No lookup needs it. It knows the ring only from heartbeats, and records what it grants (with the `record` function)
before it answers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from roundelay.chord.effects import Ask, AskAll, Procedure
from roundelay.chord.errors import JoinRefused, NotYet
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Grant, Hello, Lease, Members, SayHello
from roundelay.chord.ring import Ring

ADDRESSES_MAX = 1 << 14  # ever admitted or reported
NODE_LEASE_S = 5.0
RECALL_TIMEOUT_S = 1.0


@dataclass
class _Incarnation:
    """The incarnation that counts at one address: the latest, unless an earlier one has outlived its lease."""

    node: NodeRef
    highest: int  # incarnation ever granted or heard of at the address
    joined: bool = False
    lease_until: float = 0.0


class Registry:
    """One entry per address ever admitted; its node is alive while its lease runs."""

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
        self._latest: dict[Address, _Incarnation] = {}

    # --- answers

    def admit(self, address: Address, now: float, certified: int | None = None) -> Grant:
        """Return a new identity for an address, and a live member to join through (None: it is the first node).

        certified: the identifier that the node's certificate states; without certificates, this registry assigns one.
        Raises NotYet while the first node is still founding the ring, JoinRefused.
        """
        if certified is not None:
            self._move(certified, address, now)
        self._check_room(address)
        bootstrap = self._bootstrap(address, now)
        node = self._next_incarnation(address)
        self._record(node)
        self._latest[address] = _Incarnation(node, node.incarnation, lease_until=now + NODE_LEASE_S)
        return Grant(node, self.ring, bootstrap)

    def renew(self, node: NodeRef, now: float) -> Lease:
        """Renew a member's lease; also how a restarted supernode learns of it.

        Raises JoinRefused while a later incarnation has the address. When its lease has ended, an earlier incarnation
        that still reports has it: somebody else asked for the later one.
        """
        latest = self._latest.get(node.address)
        if latest is not None and latest.node.incarnation > node.incarnation and now < latest.lease_until:
            raise JoinRefused(f"{node.address} has a later incarnation: {latest.node.incarnation}")
        if latest is None or latest.node != node:
            self._check_room(node.address)
            self._check_identifier_free(node)
            self._record(node)
        highest = max(latest.highest if latest is not None else 0, node.incarnation)
        self._latest[node.address] = _Incarnation(node, highest, joined=True, lease_until=now + NODE_LEASE_S)
        others = [n for n in self.members(now).nodes if n != node]
        return Lease(NODE_LEASE_S, self._rng.choice(others) if others else None)

    def retire(self, node: NodeRef) -> None:
        """End the lease of a member that has left; its identifier stays reserved."""
        latest = self._latest.get(node.address)
        if latest is not None and latest.node == node:
            latest.lease_until, latest.joined = 0.0, False

    def expire(self, now: float) -> list[NodeRef]:
        """Return the members whose lease has ended since the last call: they have not left, and no longer report."""
        silent = [v for v in self._latest.values() if v.joined and v.lease_until <= now]
        for each in silent:
            each.joined = False
        return [each.node for each in silent]

    def members(self, now: float) -> Members:
        """Return the members with a running lease, in the order of their identifiers."""
        alive = [v.node for v in self._latest.values() if v.joined and v.lease_until > now]
        return Members(self.ring, tuple(sorted(alive, key=lambda n: n.id)))

    # --- restored state

    def recall(self, node: NodeRef) -> None:
        """Restore a node from the journal: its identifier is taken, and it may or may not be alive."""
        before = self._latest.get(node.address)
        highest = max(before.highest if before is not None else 0, node.incarnation)
        self._latest[node.address] = _Incarnation(node, highest)

    def addresses(self) -> list[Address]:
        """Return every address ever admitted."""
        return list(self._latest)

    # --- helpers

    def _check_room(self, address: Address) -> None:
        """Check that another address can be kept: identifiers are assigned once, so that none is forgotten."""
        if address not in self._latest and len(self._latest) >= ADDRESSES_MAX:
            raise JoinRefused(f"{len(self._latest)} addresses are registered, and no more")

    def _bootstrap(self, address: Address, now: float) -> NodeRef | None:
        alive = [n for n in self.members(now).nodes if n.address != address]
        if alive:
            return self._rng.choice(alive)
        founding = [v.node for a, v in self._latest.items() if a != address and not v.joined and v.lease_until > now]
        if founding:
            raise NotYet(f"{founding[0].address} is founding the ring")
        return None

    def _next_incarnation(self, address: Address) -> NodeRef:
        old = self._latest.get(address)
        if old is not None:
            return NodeRef(old.node.id, address.host, address.port, old.highest + 1)
        return NodeRef(self._free_identifier(address), address.host, address.port)

    def _move(self, identifier: int, address: Address, now: float) -> None:
        """Make an identifier the one of an address. Raises JoinRefused while either belongs to another live node."""
        held = {place: each for place, each in self._latest.items() if each.node.id == identifier or place == address}
        for place, each in held.items():
            if (each.node.id, place) != (identifier, address) and each.lease_until > now:
                raise JoinRefused(
                    f"node {each.node.id:040x} is alive at {place}: each node needs its own kit and address"
                )
        highest = max((each.highest for each in held.values()), default=0)
        for place in held:
            del self._latest[place]
        self._latest[address] = _Incarnation(NodeRef(identifier, address.host, address.port, highest), highest)

    def _free_identifier(self, address: Address) -> int:
        taken = {latest.node.id for latest in self._latest.values()}
        if len(taken) >= self.ring.size:
            raise JoinRefused(f"all {self.ring.size} identifiers of the ring are taken")
        if self._chosen:
            wanted = self._chosen.pop(0)
        elif self._assign == "hash":
            wanted = self.ring.key(str(address))
        else:
            wanted = middle_of_largest_gap(sorted(taken), self.ring.size)
        while wanted in taken:  # ends: not all are taken
            wanted = (wanted + 1) % self.ring.size
        return wanted

    def _check_identifier_free(self, node: NodeRef) -> None:
        for latest in self._latest.values():
            if latest.node.id == node.id and latest.node.address != node.address:
                raise JoinRefused(f"identifier {node.id} belongs to {latest.node.address}")


def find_members(
    registry: Registry, candidates: Iterable[Address], now: Callable[[], float]
) -> Procedure[list[NodeRef]]:
    """Ask each address which node is there; renew the leases of the members of this ring, and return them.

    So a supernode knows its ring again after a restart.
    """
    asks = [Ask(address, SayHello(), RECALL_TIMEOUT_S) for address in candidates]
    answers = (yield AskAll(asks, deadline_s=2 * RECALL_TIMEOUT_S)) if asks else ()
    found: list[NodeRef] = []
    for hello in answers:
        if isinstance(hello, Hello) and hello.joined and hello.ring == registry.ring:
            with suppress(JoinRefused):  # its identifier belongs to another address
                registry.renew(hello.node, now())
                found.append(hello.node)
    return found


def middle_of_largest_gap(taken: Sequence[int], size: int) -> int:
    """Return where another node evens the arcs most; their lengths stay within a factor of two."""
    if not taken:
        return 0
    ends = (*taken[1:], taken[0] + size)
    start, end = max(zip(taken, ends, strict=True), key=lambda gap: gap[1] - gap[0])
    return (start + (end - start) // 2) % size
