"""The list of leaves, on the ring: one leased record for each, which it writes and renews itself.

All of a record is in its name, so that one request reads the list. Where a leaf is attached is not in it: its hosts are
among the successors of its own identifier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress

from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, Sleep, ask_all
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import BITS_MAX, Ring
from roundelay.federation.roster import Roster
from roundelay.store.items import Find, Item
from roundelay.store.read_path import find, latest_items
from roundelay.store.write_path import Record, put_records, record

DIRECTORY = "leaves"  # the name whose key has the records
NAME = re.compile(r"leaf\.([0-9a-f]{40})\.([0-9]{1,19})\.([0-9]{1,5})\.([^/\\]{1,150})")
CONTENT = b"leaf"
LEASE_S = 60.0
RENEW_S = 15.0
RETRY_S = 0.5  # after the ring could not store it
PORT_MAX = 65535
LISTED_MAX = 1024  # leaves that a driver gives work


def list_loop(node: ChordNode, version: Callable[[], int]) -> Procedure[None]:
    """Keep a leaf listed, forever."""
    while True:
        try:
            yield from put_records(node.ref, node.ring, (_record(node, version()),))
        except ChordError:
            yield Sleep(RETRY_S)
        else:
            yield Sleep(RENEW_S)


def withdraw(node: ChordNode, version: int) -> Procedure[None]:
    """Remove a leaf that ends from the list. Raises ChordError."""
    item = _record(node, version).item
    yield from put_records(node.ref, node.ring, (Record(Item(item.entry, version, LEASE_S, deleted=True)),))


def refresh_leaves(roster: Roster) -> Procedure[None]:
    """Read the list, so that leaves get work; the list that is known stays if no node answers."""
    key = roster.ring.key(DIRECTORY)
    nodes = roster.successors_of(key, roster.ring.replicas)
    answers = yield from ask_all([(node, Find(key)) for node in nodes], deadline_s=CALL_TIMEOUT_S)
    known = [answer for answer in answers if isinstance(answer, tuple)]
    if known:
        roster.update_leaves(leaves_in(item for answer in known for item in answer))


def find_leaves(start: NodeRef, ring: Ring) -> Procedure[tuple[NodeRef, ...]]:
    """Read the list. Raises ChordError."""
    items, _ = yield from find(start, ring, ring.key(DIRECTORY))
    return leaves_in(items)


def leaves_in(items: Iterable[Item]) -> tuple[NodeRef, ...]:
    """Return the leaves that are listed, by identifier, each in its latest life. A malformed record is left out."""
    found: dict[int, NodeRef] = {}
    for item in latest_items(list(items)):
        leaf = leaf_in(item.entry.name)
        if leaf is not None and (leaf.id not in found or found[leaf.id].incarnation < leaf.incarnation):
            found[leaf.id] = leaf
    return tuple(sorted(found.values(), key=lambda leaf: leaf.id))[:LISTED_MAX]


def leaf_in(name: str) -> NodeRef | None:
    """Return the leaf that a record's name states; None if it states none."""
    match = NAME.fullmatch(name)
    if match is None or int(match[1], 16) >> BITS_MAX or not 0 < int(match[3]) <= PORT_MAX:
        return None
    with suppress(ValueError):
        return NodeRef(int(match[1], 16), match[4], int(match[3]), int(match[2]))
    return None


def _record(node: ChordNode, version: int) -> Record:
    me = node.ref
    name = f"leaf.{me.id:040x}.{me.incarnation}.{me.port}.{me.host}"
    return record(node.ring.key(DIRECTORY), name, CONTENT, version, LEASE_S)
