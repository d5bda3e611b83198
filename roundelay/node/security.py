"""The security of one process of a secured ring, made from its kit: how it is reached, and how it reaches others."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from roundelay.chord.effects import Procedure, Sleep
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.failover import DRIVER_LEASE_S
from roundelay.federation.record_guard import RecordGuard
from roundelay.federation.record_rules import Named
from roundelay.federation.revocations import follow_revocations
from roundelay.rpc.access import Access
from roundelay.rpc.audit_log import AuditLog
from roundelay.rpc.secure_channel import SecureChannel
from roundelay.rpc.secure_peers import SecurePeers
from roundelay.trust.errors import KitError

KIT_INTERVAL_S = 1.0  # between two looks at the kit's file
LOOKS_A_DAY = int(24 * 3600 / KIT_INTERVAL_S)


@dataclass(frozen=True)
class Security:
    """A process's channel, the access rules of its server, and the verification of its peers."""

    channel: SecureChannel
    access: Access
    peers: SecurePeers

    def guard(self, node: ChordNode, named: Named) -> RecordGuard:
        """Return the rules of a node's store; `named` finds what it stores."""
        mine, channel = self.channel.identity, self.channel
        return RecordGuard(
            node, mine, channel.signer_of, channel.revoked_since, named, DRIVER_LEASE_S, time.monotonic, time.time_ns
        )

    def follow(self, entry: Callable[[], NodeRef | None], ring: Ring, log: Callable[[str], None]) -> Procedure[None]:
        """Follow the ring's list of revoked certificates, forever."""
        return follow_revocations(entry, ring, self.channel.revoke, log)

    def watch_kit(self, log: Callable[[str], None]) -> Procedure[None]:
        """Take over a kit that is replaced while nobody calls, and warn once a day before it expires, forever."""
        for look in count(1):
            yield Sleep(KIT_INTERVAL_S)
            warning = self.channel.warning()
            if warning and look % LOOKS_A_DAY == 0:
                log(warning)


def open_security(kit: Path, role: str = "", audit: Path | None = None) -> Security:
    """Read a kit, which must have this role if one is given. Raises KitError, OSError: the audit log."""
    channel = SecureChannel(kit)
    if role and channel.identity.role != role:
        raise KitError(f"{kit} is the kit of {channel.identity}; this program needs one with --role {role}")
    access = Access(channel, AuditLog(audit) if audit is not None else None)
    return Security(channel, access, SecurePeers(channel))
