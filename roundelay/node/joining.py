"""How a compute node gets into a ring: an identity and a member to join through, asked for until there is an answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from roundelay.chord import protocol
from roundelay.chord.effects import Procedure, Request, Sleep, ask
from roundelay.chord.errors import JoinRefused, LookupFailed, NodeUnreachable, NotAllowed, NotYet, PeerNotTrusted
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Admit, GetMembers, Grant, SayHello
from roundelay.chord.ring import Ring

R = TypeVar("R")

JOIN_ATTEMPTS_MAX = 5
ENTRY_TIMEOUT_S = 10.0  # long: a slow supernode that is asked twice grants two lives, and we may hear of the older one
ENTRY_RETRY_MIN_S = 0.01  # founding a ring takes little time: nodes that get NotYet soon try again
ENTRY_RETRY_MAX_S = 0.1
ENTRY_RETRIES_MAX = 6000


@dataclass(frozen=True)
class Entry:
    """The way in: through the supernode, or without one through a member of the ring.

    address: the node's own. If it is also `bootstrap`, the node founds a ring that has no supernode.
    """

    address: Address
    supernode: Callable[[], Address] | None
    bootstrap: Address | None
    log: Callable[[str], None]
    node_id: int | None = None  # as the node's certificate states it


def join(entry: Entry, become: Callable[[Grant], ChordNode]) -> Procedure[ChordNode]:
    """Be admitted and join the ring; `become` makes the node of a grant.

    Raises JoinRefused, NodeUnreachable, LookupFailed.
    """
    for _ in range(JOIN_ATTEMPTS_MAX):
        grant = yield from _grant(entry)
        node = become(grant)
        if grant.bootstrap is None:
            protocol.create(node)
            return node
        try:
            yield from protocol.join(node, grant.bootstrap)
            return node
        except LookupFailed as error:
            entry.log(f"{error}: trying to join through another node")
    raise LookupFailed(f"not joined after {JOIN_ATTEMPTS_MAX} attempts")


def find_members(entry: Entry) -> Procedure[tuple[Ring, tuple[NodeRef, ...]]]:
    """Return the ring and members of it, for a process that does not join; wait for the first of them.

    Raises JoinRefused, NodeUnreachable.
    """
    if entry.supernode is not None:
        for _ in range(ENTRY_RETRIES_MAX):
            members = yield from _ask_until_answered(entry, entry.supernode, GetMembers(), "supernode")
            if members.nodes:
                return members.ring, members.nodes
            yield Sleep(ENTRY_RETRY_MAX_S)
        raise NodeUnreachable(f"no node has joined the ring of the supernode at {entry.supernode()}")
    bootstrap = entry.bootstrap
    assert bootstrap is not None
    hello = yield from _ask_until_answered(entry, lambda: bootstrap, SayHello(), "node")
    return hello.ring, (hello.node,)


def _grant(entry: Entry) -> Procedure[Grant]:
    """Get an identity, and a member to join through, from the supernode or by ourselves."""
    if entry.supernode is not None:
        return (yield from _ask_until_answered(entry, entry.supernode, Admit(entry.address), "supernode"))
    bootstrap = entry.bootstrap
    assert bootstrap is not None
    if bootstrap == entry.address:
        return Grant(_identity(entry, Ring()), Ring(), None)
    hello = yield from _ask_until_answered(entry, lambda: bootstrap, SayHello(), "node")
    return Grant(_identity(entry, hello.ring), hello.ring, hello.node)


def _identity(entry: Entry, ring: Ring) -> NodeRef:
    address = entry.address
    identifier = ring.key(str(address)) if entry.node_id is None else entry.node_id
    return NodeRef(identifier, address.host, address.port, time.time_ns())


def _ask_until_answered(entry: Entry, where: Callable[[], Address], request: Request[R], kind: str) -> Procedure[R]:
    """Ask until there is a yes or a no. Log once for each address that does not answer."""
    silent: set[Address] = set()
    pause_s = ENTRY_RETRY_MIN_S
    for _ in range(ENTRY_RETRIES_MAX):
        address = where()
        try:
            return (yield from ask(address, request, ENTRY_TIMEOUT_S))
        except NotYet:
            pass
        except (NotAllowed, PeerNotTrusted) as error:
            raise JoinRefused(str(error)) from error
        except NodeUnreachable:
            if address not in silent:
                entry.log(f"no {kind} answers at {address}: waiting for it")
            silent.add(address)
            pause_s = ENTRY_RETRY_MAX_S
        yield Sleep(pause_s)
        pause_s = min(2 * pause_s, ENTRY_RETRY_MAX_S)
    raise NodeUnreachable(f"no {kind} has answered at {where()}")
