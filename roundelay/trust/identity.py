"""An identity: a role and a name in one ring, as its certificate states them.

A certificate states them in a URI, as SPIFFE does: `roundelay://RING/ROLE/NAME`. RING is a digest of the authority's
public key. A node's URI ends with `?id=`, its identifier on the ring, which the authority has drawn at random: nobody
can choose a place. A renewed certificate keeps the identifier. Standard library only: every secured call uses this.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass

from roundelay.trust.errors import NotTrusted

NODE, SUPERNODE, OPERATOR, SUBMITTER, VIEWER = "node", "supernode", "operator", "submitter", "viewer"
ROLES = (NODE, SUPERNODE, OPERATOR, SUBMITTER, VIEWER)
SERVERS = (NODE, SUPERNODE)  # these listen
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ID_BITS = 160
URI = re.compile(rf"roundelay://([0-9a-f]{{16}})/({'|'.join(ROLES)})/({NAME.pattern})(?:\?id=([0-9a-f]{{40}}))?")


@dataclass(frozen=True)
class Identity:
    """What a certificate says of its owner. Times are seconds since the epoch."""

    ring: str
    role: str
    name: str
    node_id: int | None  # of a node
    hosts: tuple[str, ...]  # at which it may be reached
    serial: int
    not_before: float
    not_after: float

    def __str__(self) -> str:
        return f"{self.role} {self.name}"

    @property
    def uri(self) -> str:
        """The URI that names it in a certificate."""
        place = "" if self.node_id is None else f"?id={self.node_id:040x}"
        return f"roundelay://{self.ring}/{self.role}/{self.name}{place}"

    @property
    def is_server(self) -> bool:
        return self.role in SERVERS


def identity_of(
    uris: Iterable[str], hosts: Iterable[str], serial: int, not_before: float, not_after: float
) -> Identity:
    """Return the identity that the names in a certificate state. Raises NotTrusted."""
    found = [match for uri in uris if (match := URI.fullmatch(uri))]
    if len(found) != 1:
        raise NotTrusted("the certificate names no member of a ring: use a kit made by  client.py pki issue")
    ring, role, name, node_id = found[0].groups()
    if (node_id is not None) != (role == NODE):
        raise NotTrusted(f"the certificate of {role} {name} is malformed: only nodes have an identifier")
    return Identity(
        ring, role, name, int(node_id, 16) if node_id else None, tuple(hosts), serial, not_before, not_after
    )


def check_time(identity: Identity, now: float) -> None:
    """Raise NotTrusted if a certificate is not valid at this time."""
    if now > identity.not_after:
        end = shown(identity.not_after)
        raise NotTrusted(f"the certificate of {identity} expired at {end}: issue another with  client.py pki issue")
    if now < identity.not_before:
        begin = shown(identity.not_before)
        raise NotTrusted(f"the certificate of {identity} is valid from {begin}, and it is {shown(now)}: set the clocks")


def shown(moment: float) -> str:
    """Return a time as people read it."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment))
