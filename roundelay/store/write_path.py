"""The write path: the procedures that store contents on the nodes responsible for their key.

The writer itself writes every copy: to the key's owner and to the owner's next live successors, the preference list
of Dynamo (DeCandia et al., SOSP 2007). If one of them cannot take its copy, the next node does. Which
nodes are responsible is looked up unless the writer remembers them; then the owner says so if it is not.

What is small travels whole, with its item, to all nodes at once; a large content is sent before its item (`transfer`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, ask, ask_all, gather
from roundelay.chord.errors import (
    ChordError,
    Corrupt,
    NodeUnreachable,
    NotAllowed,
    NotOwner,
    PeerFault,
    UnderReplicated,
)
from roundelay.chord.lookup import find_successor
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours
from roundelay.chord.ring import Ring
from roundelay.store.blobs import Content, digest_of
from roundelay.store.items import CHUNK_BYTES, ITEM_LEASE_S, Entry, Item, Parcel, Put, Receipt
from roundelay.store.packing import TEXT, pack
from roundelay.store.transfer import Source, commit_timeout_s, read_piece, send, transfer_timeout_s

TRANSFERS_MAX = 2  # of one content to one node

Outcome = tuple[Receipt, ...] | ChordError


@dataclass(frozen=True)
class Record:
    """An item to be stored, and its content."""

    item: Item
    content: Content = b""  # not used where the item is a deletion

    def parcel(self, is_along: bool, is_far: bool = False) -> Parcel:
        """Return what travels in one message: the item, and its content if that is wanted and fits; packed if far."""
        fits = is_along and not self.item.deleted and len(self.content) <= CHUNK_BYTES
        if not fits:
            return Parcel(self.item)
        return Parcel(self.item, self._packed if is_far else self.content[:])

    @cached_property
    def _packed(self) -> bytes:
        return pack(self.content[:], TEXT)


def record(key: int, name: str, content: Content, version: int, lease_s: float = ITEM_LEASE_S) -> Record:
    """Return a content as a record under a key."""
    return Record(Item(Entry(key, name, digest_of(content), len(content)), version, lease_s), content)


def put(
    start: NodeRef,
    ring: Ring,
    key: int,
    name: str,
    content: Content,
    version: int,
    lease_s: float = ITEM_LEASE_S,
    is_new: bool = False,
) -> Procedure[tuple[NodeRef, ...]]:
    """Store a content under a key: on the key's owner and on the owner's next live successors.

    version: the writer's clock; of two items with the same entry the later one counts. is_new: few nodes can have
    this content already, so a small one is sent without asking first. Returns the nodes that hold it, the owner
    first: min(replicas, nodes) of them. Raises UnderReplicated, LookupFailed.
    """
    return (yield from put_records(start, ring, (record(key, name, content, version, lease_s),), is_new))


def put_records(
    start: NodeRef,
    ring: Ring,
    records: Sequence[Record],
    is_new: bool = True,
    nodes: Sequence[NodeRef] = (),
    have: frozenset[NodeRef] = frozenset(),
) -> Procedure[tuple[NodeRef, ...]]:
    """Store records on each node in their order; return the holders of the last. Raises UnderReplicated, LookupFailed.

    nodes: the owner of the keys of all records and those after it, if the caller knows them. The owner verifies that it
    is; they are looked up, for each key in turn, if it is not, or if copies fail. have: nodes that have the contents.
    """
    if len(nodes) >= ring.replicas:
        try:
            return (yield from put_copies(nodes, records, ring.replicas, is_new, have, to_owner=True))
        except (NotOwner, UnderReplicated):
            pass  # the ring has changed
    holders: tuple[NodeRef, ...] = ()
    for key, own in groupby(records, lambda each: each.item.entry.key):
        holders = yield from _put_looked_up(start, ring, key, tuple(own), is_new)
    return holders


def _put_looked_up(
    start: NodeRef, ring: Ring, key: int, records: Sequence[Record], is_new: bool
) -> Procedure[tuple[NodeRef, ...]]:
    """Store records of one key on the nodes that are responsible for it now."""
    nodes = yield from nodes_for(start, ring, key, ring.replicas)
    try:
        return (yield from put_copies(nodes, records, ring.replicas, is_new))
    except UnderReplicated:  # look up more nodes, which can replace those that failed
        nodes = yield from nodes_for(start, ring, key, 2 * ring.replicas)
        return (yield from put_copies(nodes, records, ring.replicas, is_new))


def nodes_for(start: NodeRef, ring: Ring, key: int, count: int) -> Procedure[tuple[NodeRef, ...]]:
    """Return a key's owner and the nodes after it: at least `count`, or all there are. Raises LookupFailed.

    If the successor list of the key's predecessor is too short or not full yet, the owner's list continues it, and
    then the list of the last node known.
    """
    route = yield from find_successor(start, key)
    nodes, peer = list(route.nodes), route.owner
    while len(nodes) < count:  # ends: no node is asked twice
        known = len(nodes)
        try:
            theirs = yield from ask(peer, GetNeighbours())
            nodes += [n for n in dict.fromkeys(theirs.successors) if n not in nodes and not n.is_vacant]
        except ChordError:
            pass
        nodes.sort(key=lambda n: ring.distance(key, n.id))
        if peer == nodes[-1] or (len(nodes) == known and peer != route.owner):
            break
        peer = nodes[-1]
    return tuple(nodes)


def put_copies(
    nodes: Sequence[NodeRef],
    records: Sequence[Record],
    replicas: int,
    is_new: bool = True,
    have: frozenset[NodeRef] = frozenset(),
    to_owner: bool = False,
) -> Procedure[tuple[NodeRef, ...]]:
    """Store records on the first `replicas` nodes at once, and on the next in place of those that fail.

    is_new: contents travel with their items, except to the nodes that `have` them. to_owner: the first node must own
    the keys. Returns the holders. At most 2 * replicas nodes are tried, because a reader asks only that many. Raises
    NotOwner, UnderReplicated.
    """
    wanted = min(replicas, len(nodes))
    outcomes = yield from _put_at_once(nodes[:wanted], records, is_new, have, to_owner)
    holders = [node for node, outcome in outcomes.items() if not isinstance(outcome, ChordError)]
    errors = [outcome for outcome in outcomes.values() if isinstance(outcome, ChordError)]
    for error in errors:
        if isinstance(error, NotAllowed | NotOwner):  # NotAllowed: by a rule that all nodes have
            raise error
    for node in nodes[wanted : 2 * replicas]:
        if len(holders) == wanted:
            break
        try:
            yield from _put_rest(node, records, ())
            holders.append(node)
        except NotAllowed:
            raise
        except ChordError as error:
            errors.append(error)
    if len(holders) < wanted:
        raise UnderReplicated(records[-1].item.entry.name, len(holders), wanted) from errors[-1]
    return tuple(holders)


def _put_at_once(
    nodes: Sequence[NodeRef], records: Sequence[Record], is_new: bool, have: frozenset[NodeRef], to_owner: bool
) -> Procedure[dict[NodeRef, Outcome]]:
    """Put records to all nodes at once, and complete what some of them lack. Return each node's outcome."""
    asks = []
    for place, node in enumerate(nodes):
        parcels = tuple(each.parcel(is_new and node not in have) for each in records)
        if sum(len(parcel.content) for parcel in parcels) > CHUNK_BYTES:
            parcels = tuple(each.parcel(False) for each in records)
        asks.append((node, Put(parcels, to_owner and place == 0)))
    bytes_sent = sum(len(parcel.content) for _, request in asks for parcel in request.parcels)
    timeout_s = transfer_timeout_s(bytes_sent) if bytes_sent else CALL_TIMEOUT_S
    answers = yield from ask_all(asks, deadline_s=timeout_s)
    outcomes = {node: _checked(node, answer, len(records)) for node, answer in zip(nodes, answers, strict=True)}
    rest = [node for node, outcome in outcomes.items() if not _is_done(outcome)]
    completed = yield from gather([_put_rest(node, records, outcomes[node]) for node in rest])
    for node, result in zip(rest, completed, strict=True):
        if isinstance(result, Exception) and not isinstance(result, ChordError):
            raise result
        outcomes[node] = result if isinstance(result, ChordError) else ()
    return outcomes


def _checked(node: NodeRef, outcome: Outcome, count: int) -> Outcome:
    """Return an outcome, or an error if it does not have a receipt for every item."""
    if isinstance(outcome, ChordError) or len(outcome) == count:
        return outcome
    return PeerFault(f"{node.address} answered {count} items with {len(outcome)} receipts")


def _is_done(outcome: Outcome) -> bool:
    """Return False if a node lacks a content, or got one that is damaged."""
    if isinstance(outcome, ChordError):
        return not isinstance(outcome, Corrupt)
    return all(receipt.stored for receipt in outcome)


def _put_rest(node: NodeRef, records: Sequence[Record], outcome: Outcome) -> Procedure[None]:
    """Put the records that a node has not stored, one after the other. Raises ChordError."""
    stored = [receipt.stored for receipt in outcome] if isinstance(outcome, tuple) else []
    for each, is_stored in zip(records, [*stored, *[False] * (len(records) - len(stored))], strict=True):
        if not is_stored:
            yield from put_one(node, each.item, each.content)


def copy_from(source: NodeRef, node: NodeRef, item: Item) -> Procedure[None]:
    """Store another node's copy of an item on a node, piece by piece. Raises ChordError; NotFound: it has none."""
    yield from put_one(node, item, source)


def put_one(node: NodeRef, item: Item, source: Source) -> Procedure[None]:
    """Store an item on one node; send its bytes if the node lacks them. Raises ChordError."""
    receipt = yield from _put_item(node, Parcel(item), CALL_TIMEOUT_S)
    failure: ChordError = NodeUnreachable(f"{node.address} received {item.entry.name} but did not store it")
    for _ in range(TRANSFERS_MAX):
        if receipt.stored:
            return
        try:
            receipt = yield from _put_with_content(node, item, source, receipt.received_bytes)
        except Corrupt as error:  # another writer had begun with other bytes: send all of it
            receipt, failure = Receipt(False, 0), error
    if not receipt.stored:
        raise failure


def _put_with_content(node: NodeRef, item: Item, source: Source, offset: int) -> Procedure[Receipt]:
    """Put an item with its content, or after its content if that is large."""
    entry = item.entry
    if entry.size_bytes <= CHUNK_BYTES:
        content = yield from read_piece(source, entry.digest, 0, CHUNK_BYTES)
        return (yield from _put_item(node, Parcel(item, content), transfer_timeout_s(len(content))))
    yield from send(node, entry.digest, entry.size_bytes, source, offset)
    return (yield from _put_item(node, Parcel(item), commit_timeout_s(entry.size_bytes)))


def _put_item(node: NodeRef, parcel: Parcel, timeout_s: float) -> Procedure[Receipt]:
    outcome = _checked(node, (yield from ask(node, Put((parcel,)), timeout_s)), 1)
    if isinstance(outcome, ChordError):
        raise outcome
    return outcome[0]
