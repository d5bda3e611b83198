"""The procedures that write to many stores: put writes every copy itself.

Where a key's copies belong is what the ring says at that moment: nothing here remembers it. Reading is in finding.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, ask, ask_all
from roundelay.chord.errors import ChordError, Corrupt, NodeUnreachable, NotFound, UnderReplicated
from roundelay.chord.lookup import find_successor
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours
from roundelay.chord.ring import Ring
from roundelay.store.blobs import Content, digest_of
from roundelay.store.items import CHUNK_BYTES, ITEM_LEASE_S, Entry, Item, Put, Read, Receipt, Write

TRANSFER_TIMEOUT_S = 3.0  # for one piece
BYTES_PER_S_MIN = 16 << 20  # at which a whole content is checked and written to a disk
TRANSFERS_MAX = 2  # of one content to one node
PARALLEL_BYTES_MAX = 64 << 10  # of a content whose copies are written side by side; larger ones share the way out
UNCONDITIONAL_BYTES_MAX = 4 << 10  # of a new content: to send it costs no more than to ask
PIECES_SPARE = 8  # repeated, where the receiver has lost some


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
    """Store a content under a key: in its owner and in the owner's next live successors.

    version: the writer's clock; of two items for one entry the later counts. is_new: hardly anybody
    has this content yet, so that, if it is small, nobody is asked whether to send it. Returns the nodes
    that hold it, the owner first: min(replicas, nodes) of them. Raises UnderReplicated, LookupFailed.
    """
    holders = yield from put_many(start, ring, key, {name: content}, version, lease_s, is_new)
    return holders


def put_many(
    start: NodeRef,
    ring: Ring,
    key: int,
    contents: Mapping[str, Content],
    version: int,
    lease_s: float = ITEM_LEASE_S,
    is_new: bool = False,
) -> Procedure[tuple[NodeRef, ...]]:
    """The same for several contents under one key, by their names: one after the other, in all copies each."""
    nodes = yield from nodes_for(start, ring, key, ring.replicas)
    for name, content in contents.items():
        item = Item(Entry(key, name, digest_of(content), len(content)), version, lease_s)
        try:
            unasked = is_new and len(content) <= UNCONDITIONAL_BYTES_MAX
            holders = yield from put_copies(item, content, nodes, ring.replicas, unasked)
        except UnderReplicated:  # a list that is just long enough has nobody in the place of those that cannot
            nodes = yield from nodes_for(start, ring, key, 2 * ring.replicas)
            holders = yield from put_copies(item, content, nodes, ring.replicas)
    return holders


def nodes_for(start: NodeRef, ring: Ring, key: int, count: int) -> Procedure[tuple[NodeRef, ...]]:
    """A key's owner and the nodes after it: at least `count`, or all there are. Raises LookupFailed.

    Where the list of the node before the key is too short, or has not filled yet, the owner's goes
    on, and then that of the last node known.
    """
    route = yield from find_successor(start, key)
    nodes, peer = list(route.nodes), route.owner
    while len(nodes) < count:  # ends: nobody is asked twice
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
    item: Item, content: Content, nodes: tuple[NodeRef, ...], replicas: int, is_new: bool = False
) -> Procedure[tuple[NodeRef, ...]]:
    """Write to the first `replicas` of these nodes, and to the next ones in the place of those that cannot.

    To `replicas` more at most: who reads asks so many nodes, and must meet a copy among them.
    """
    wanted = min(replicas, len(nodes))
    holders: list[NodeRef] = []
    refusal: ChordError | None = None
    limit: dict[NodeRef, Receipt | ChordError] = {}
    if wanted > 1 and item.entry.size_bytes <= PARALLEL_BYTES_MAX:
        limit = yield from _put_parallel(nodes[:wanted], item, content, is_new)
    for node in nodes[: 2 * replicas]:
        if len(holders) == wanted:
            break
        said = limit.get(node)
        if isinstance(said, ChordError):
            refusal = said
            continue
        try:
            if said is None:
                yield from put_one(node, item, content, is_new)
            elif not said.stored:
                yield from put_one(node, item, content)
            holders.append(node)
        except ChordError as error:
            refusal = error
    if len(holders) < wanted:
        raise UnderReplicated(item.entry.name, len(holders), wanted) from refusal
    return tuple(holders)


def _put_parallel(
    nodes: Sequence[NodeRef], item: Item, content: Content, is_new: bool
) -> Procedure[dict[NodeRef, Receipt | ChordError]]:
    """Put a small content to all of these side by side; where it is not stored then, put_one has the last word."""
    said: dict[NodeRef, Receipt | ChordError] = dict.fromkeys(nodes, Receipt(False, 0))
    if not is_new:
        answers = yield from ask_all([(n, Put(item)) for n in nodes], deadline_s=CALL_TIMEOUT_S)
        said = dict(zip(nodes, answers, strict=True))
    lacking = [n for n, receipt in said.items() if isinstance(receipt, Receipt) and not receipt.stored]
    piece = Write(item.entry.digest, len(content), 0, content[:])
    written = yield from ask_all([(n, piece) for n in lacking], deadline_s=TRANSFER_TIMEOUT_S)
    whole: list[NodeRef] = []
    for node, receipt in zip(lacking, written, strict=True):
        if isinstance(receipt, ChordError) and not isinstance(receipt, Corrupt):
            said[node] = receipt
        elif isinstance(receipt, Receipt) and receipt.stored:
            whole.append(node)
    receipts = yield from ask_all([(n, Put(item)) for n in whole], deadline_s=_commit_timeout_s(len(content)))
    return said | dict(zip(whole, receipts, strict=True))


Reading = Callable[[int], Procedure[bytes]]  # a content's next piece, from an offset on


def put_one(node: NodeRef, item: Item, content: Content, is_new: bool = False) -> Procedure[None]:
    """Have one node keep an item; bytes travel only if it lacks them, or they are new. Raises ChordError."""
    yield from _put_one(node, item, partial(_local_piece, content), is_new)


def copy_from(source: NodeRef, node: NodeRef, item: Item) -> Procedure[None]:
    """The same with another node's copy, which is never whole here. Raises ChordError: NotFound, if it has none."""
    yield from _put_one(node, item, partial(_remote_piece, source, item.entry.digest))


def write(node: NodeRef, digest: str, content: Content, offset: int = 0) -> Procedure[Receipt]:
    """Send a content piece by piece, from where the receiver stands. Raises ChordError."""
    receipt = yield from _write(node, digest, len(content), partial(_local_piece, content), offset)
    return receipt


def _put_one(node: NodeRef, item: Item, read: Reading, is_new: bool = False) -> Procedure[None]:
    entry, trouble, receipt = item.entry, None, Receipt(False, 0)
    if not is_new:
        receipt = yield from ask(node, Put(item))
    for _ in range(TRANSFERS_MAX):
        if receipt.stored:
            return
        try:
            yield from _write(node, entry.digest, entry.size_bytes, read, receipt.received_bytes)
        except Corrupt as error:
            receipt = Receipt(False, 0)  # another writer had begun with other bytes: from the beginning
            trouble = error
            continue
        receipt = yield from ask(node, Put(item), _commit_timeout_s(entry.size_bytes))
    if not receipt.stored:
        raise trouble or NodeUnreachable(f"{node.address} has not kept what it was sent of {entry.name}")


def _write(node: NodeRef, digest: str, size_bytes: int, read: Reading, offset: int) -> Procedure[Receipt]:
    for _ in range(size_bytes // CHUNK_BYTES + PIECES_SPARE):
        piece = yield from read(offset)
        is_last = offset + len(piece) >= size_bytes
        request = Write(digest, size_bytes, offset, piece)
        receipt = yield from ask(node, request, _commit_timeout_s(size_bytes) if is_last else TRANSFER_TIMEOUT_S)
        if receipt.stored:
            return receipt
        offset = receipt.received_bytes
    raise NodeUnreachable(f"{node.address} does not take {digest[:8]} in")


def _local_piece(content: Content, offset: int) -> Procedure[bytes]:
    return content[offset : offset + CHUNK_BYTES]
    yield  # a procedure that asks nobody


def _remote_piece(source: NodeRef, digest: str, offset: int) -> Procedure[bytes]:
    """Raises NotFound, whatever keeps it from being read."""
    try:
        piece = yield from ask(source, Read(digest, offset, CHUNK_BYTES), TRANSFER_TIMEOUT_S)
    except ChordError as error:
        raise NotFound(f"content {digest[:8]} is not to be had from {source.address}: {error}") from error
    return piece


def _commit_timeout_s(size_bytes: int) -> float:
    """How long a node may take to check a whole content and to write it down."""
    return TRANSFER_TIMEOUT_S + size_bytes / BYTES_PER_S_MIN
