"""A secured ring in one thread: every record is signed by a process, and stored and read by the record rules."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from roundelay.chord.effects import Ask
from roundelay.chord.refs import Address
from roundelay.chord.ring import Ring
from roundelay.federation.effects import Clocks
from roundelay.sim.identities import SimIdentities
from roundelay.trust.identity import SUBMITTER
from tests.federation.inline_ring import InlineRing

ALICE, MALLORY = Address("alice", 1), Address("mallory", 1)  # submitters


class SecuredRing(InlineRing):
    """A ring whose requests come from one process at a time, `sender`."""

    def __init__(self, ids: Sequence[int], ring: Ring) -> None:
        super().__init__(ids, ring)
        self.sender = ALICE
        self.versions = itertools.count(1)
        self._identities = SimIdentities(ring, Clocks(self.clock, lambda: next(self.versions)))
        self._identities.issue_to_nodes({ref.address: ref.id for ref in self.members})
        for submitter in (ALICE, MALLORY):
            self._identities.issue(submitter, SUBMITTER)
        for member in self.members.values():
            member.store.guard = self._identities.guard(member.node, member.store)

    def _ask(self, ask: Ask) -> Any:
        return self._identities.received(ask, super()._ask(self._identities.sent(self.sender, ask)))
