"""The guard of a node's store in a secured ring: the record rules, and what the node knows of ring and jobs."""

from __future__ import annotations

from collections.abc import Callable

from roundelay.chord.node import ChordNode
from roundelay.chord.ring import between_right_closed
from roundelay.federation.job_drivers import JobDrivers
from roundelay.federation.record_rules import Named, RecordRules, Verify
from roundelay.store.items import Item
from roundelay.trust.identity import Identity


class RecordGuard:
    """What may be stored on a node, and by whom a job may be driven."""

    def __init__(
        self,
        node: ChordNode,
        me: Identity,
        verify: Verify,
        revoked_since: Callable[[int], float | None],
        named: Named,
        lease_s: float,
        clock: Callable[[], float],
        now_ns: Callable[[], int],
    ) -> None:
        self._node = node
        self._me = me
        self._named = named
        self._drivers = JobDrivers(lease_s, clock, now_ns, self._submitters_of, self._may_drive)
        self._rules = RecordRules(node.ring, verify, now_ns, revoked_since, self.may_own, self._drivers.check)

    def check(self, item: Item, named: Named, caller: int | None) -> None:
        """Raise NotAllowed for an item that must not be stored.

        A node that may own the key, or this node itself, passes on what others have signed: it asks for a copy.
        """
        self._rules.check(item, named, is_copy=caller is not None and self.may_own(item.entry.key, caller))

    def check_content(self, item: Item, content: Callable[[], bytes]) -> None:
        """Raise NotAllowed for an item that must not be stored with its content."""
        self._rules.check_content(item, content)

    def claim(self, job: str, driver: Identity | None) -> None:
        """Renew a driver's lease; without an identity, this node itself drives. Raises NotAllowed."""
        self._drivers.claim(job, driver or self._me)

    def may_own(self, key: int, node_id: int) -> bool:
        """Return whether a node may own a key or, because nodes join, may have owned it a moment ago.

        It lies between the key and this node or, if it was the owner until others joined, is one of the next
        successors. Where this node knows the whole ring, it must be a member.
        """
        node = self._node
        if node_id == node.ref.id or node_id in [each.id for each in node.live_successors()[: node.ring.replicas]]:
            return True
        knows_all = any(each.is_vacant or each == node.ref for each in node.successors)
        is_member = node_id in (node.predecessor.id, *(each.id for each in node.successors))
        in_arc = between_right_closed((key - 1) % node.ring.size, node_id, node.ref.id)
        return in_arc and (is_member or not knows_all)

    def _submitters_of(self, job: str) -> set[str]:
        return self._rules.submitters(self._node.ring.key(job), job, self._named)

    def _may_drive(self, job: str, driver: Identity) -> bool:
        return driver.node_id is not None and self.may_own(self._node.ring.key(job), driver.node_id)
