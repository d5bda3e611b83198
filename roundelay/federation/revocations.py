"""The distribution of the revocation list: an operator stores it on the ring, and every process follows it.

The list is signed by the ring's authority, so it does not matter which node it was read from.
"""

from __future__ import annotations

from collections.abc import Callable

from roundelay.chord.effects import Procedure, Sleep
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.record_rules import REVOCATIONS
from roundelay.store.read_path import get
from roundelay.store.write_path import put
from roundelay.trust.errors import NotTrusted

FOLLOW_INTERVAL_S = 5.0
LIST_LEASE_S = 30 * 24 * 3600.0


def publish_revocations(start: NodeRef, ring: Ring, content: bytes, version: int) -> Procedure[None]:
    """Store the list. Raises NotAllowed unless this process has an operator's kit; ChordError."""
    yield from put(start, ring, ring.key(REVOCATIONS), REVOCATIONS, content, version, LIST_LEASE_S)


def follow_revocations(
    entry: Callable[[], NodeRef | None], ring: Ring, take: Callable[[bytes], bool], log: Callable[[str], None]
) -> Procedure[None]:
    """Read the list again and again, forever. entry: a node to ask. take: returns whether the list is a later one."""
    while True:
        start = entry()
        try:
            if start is not None and take((yield from get(start, ring, ring.key(REVOCATIONS), REVOCATIONS))):
                log("took over a new list of revoked certificates")
        except ChordError:
            pass  # there is none, or it cannot be read now
        except NotTrusted as error:
            log(f"a list of revoked certificates was not accepted: {error}")
        yield Sleep(FOLLOW_INTERVAL_S)
