"""The write path: the procedures that store a content on the nodes responsible for its key.

The writer itself writes every copy: to the key's owner and to the owner's next live successors, the preference list
of Dynamo (DeCandia et al., SOSP 2007). If one of them cannot take its copy, the next node does. Which nodes are
responsible is looked up for every call and never cached. Reading is in `read_path`.

From the outside in: `put` and `put_many` find the nodes; `_put_copies` writes to enough of them, small contents to
all at once (`_put_small`), others to one after the other (`put_one`); `_send` transfers the bytes of a content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, ask, ask_all
from roundelay.chord.errors import ChordError, Corrupt, NodeUnreachable, NotAllowed, NotFound, UnderReplicated
from roundelay.chord.lookup import find_successor
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours
from roundelay.chord.ring import Ring
from roundelay.store.blobs import Content, digest_of
from roundelay.store.items import CHUNK_BYTES, ITEM_LEASE_S, Entry, Item, Put, Read, Receipt, Write

TRANSFER_TIMEOUT_S = 3.0  # for one piece
COMMIT_BYTES_PER_S_MIN = 16 << 20  # at which a node checks a whole content and writes it to its disk
TRANSFERS_MAX = 2  # of one content to one node
PARALLEL_BYTES_MAX = 64 << 10  # of a content that is sent to all nodes at once; larger ones would share the uplink
UNCONDITIONAL_BYTES_MAX = 4 << 10  # of a new content: sending it costs no more than asking whether it is needed
EXTRA_PIECES_MAX = 8  # sent again because the receiver has lost them

Outcome = Receipt | ChordError
Source = Content | NodeRef  # of a content's bytes: the bytes themselves, or a node that has them


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
    return (yield from put_many(start, ring, key, {name: content}, version, lease_s, is_new))


def put_many(
    start: NodeRef,
    ring: Ring,
    key: int,
    contents: Mapping[str, Content],
    version: int,
    lease_s: float = ITEM_LEASE_S,
    is_new: bool = False,
) -> Procedure[tuple[NodeRef, ...]]:
    """Store several contents, given by name, under one key: each in all its copies before the next."""
    nodes = yield from nodes_for(start, ring, key, ring.replicas)
    for name, content in contents.items():
        item = Item(Entry(key, name, digest_of(content), len(content)), version, lease_s)
        try:
            unconditional = is_new and len(content) <= UNCONDITIONAL_BYTES_MAX
            holders = yield from _put_copies(item, content, nodes, ring.replicas, unconditional)
        except UnderReplicated:  # look up more nodes, which can replace those that failed
            nodes = yield from nodes_for(start, ring, key, 2 * ring.replicas)
            holders = yield from _put_copies(item, content, nodes, ring.replicas)
    return holders


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


def _put_copies(
    item: Item, content: Content, nodes: tuple[NodeRef, ...], replicas: int, unconditional: bool = False
) -> Procedure[tuple[NodeRef, ...]]:
    """Write to the first `replicas` nodes, and to the next ones in place of those that fail. Return the holders.

    At most 2 * replicas nodes are tried, because a reader asks only that many. Raises UnderReplicated.
    """
    wanted = min(replicas, len(nodes))
    outcomes: dict[NodeRef, Outcome] = {}
    if wanted > 1 and item.entry.size_bytes <= PARALLEL_BYTES_MAX:
        outcomes = yield from _put_small(nodes[:wanted], item, content, unconditional)
    holders: list[NodeRef] = []
    last_error: ChordError | None = None
    for node in nodes[: 2 * replicas]:
        if len(holders) == wanted:
            break
        outcome = outcomes.get(node)
        try:
            if isinstance(outcome, ChordError):
                raise outcome
            if outcome is None or not outcome.stored:
                yield from put_one(node, item, content, unconditional and outcome is None)
            holders.append(node)
        except NotAllowed:  # by a rule that all nodes have
            raise
        except ChordError as error:
            last_error = error
    if len(holders) < wanted:
        raise UnderReplicated(item.entry.name, len(holders), wanted) from last_error
    return tuple(holders)


def _put_small(
    nodes: Sequence[NodeRef], item: Item, content: Content, unconditional: bool
) -> Procedure[dict[NodeRef, Outcome]]:
    """Put a content of one piece to all nodes at once. A node that has not stored it afterwards needs `put_one`."""
    outcomes: dict[NodeRef, Outcome] = dict.fromkeys(nodes, Receipt(False, 0))
    if not unconditional:
        answers = yield from ask_all([(n, Put(item)) for n in nodes], deadline_s=CALL_TIMEOUT_S)
        outcomes = dict(zip(nodes, answers, strict=True))
    missing = [n for n, outcome in outcomes.items() if isinstance(outcome, Receipt) and not outcome.stored]
    piece = Write(item.entry.digest, len(content), 0, content[:])
    answers = yield from ask_all([(n, piece) for n in missing], deadline_s=TRANSFER_TIMEOUT_S)
    written = dict(zip(missing, answers, strict=True))
    outcomes |= {n: a for n, a in written.items() if isinstance(a, ChordError) and not isinstance(a, Corrupt)}
    complete = [n for n, a in written.items() if isinstance(a, Receipt) and a.stored]
    answers = yield from ask_all([(n, Put(item)) for n in complete], deadline_s=_commit_timeout_s(len(content)))
    return outcomes | dict(zip(complete, answers, strict=True))


def copy_from(source: NodeRef, node: NodeRef, item: Item) -> Procedure[None]:
    """Store another node's copy of an item on a node, piece by piece. Raises ChordError; NotFound: it has none."""
    yield from put_one(node, item, source)


def put_one(node: NodeRef, item: Item, source: Source, unconditional: bool = False) -> Procedure[None]:
    """Store an item on one node; send its bytes if the node lacks them, or if `unconditional`. Raises ChordError."""
    entry = item.entry
    receipt = Receipt(False, 0) if unconditional else (yield from ask(node, Put(item)))
    failure: ChordError = NodeUnreachable(f"{node.address} received {entry.name} but did not store it")
    for _ in range(TRANSFERS_MAX):
        if receipt.stored:
            return
        try:
            yield from _send(node, entry.digest, entry.size_bytes, source, receipt.received_bytes)
        except Corrupt as error:
            receipt, failure = Receipt(False, 0), error  # another writer had begun with other bytes: send all of it
            continue
        receipt = yield from ask(node, Put(item), _commit_timeout_s(entry.size_bytes))
    if not receipt.stored:
        raise failure


def write(node: NodeRef, digest: str, content: Content) -> Procedure[Receipt]:
    """Send a content to a node's staging area. Raises ChordError."""
    return (yield from _send(node, digest, len(content), content, offset=0))


def _send(node: NodeRef, digest: str, size_bytes: int, source: Source, offset: int) -> Procedure[Receipt]:
    """Send a content piece by piece, from `offset` on and then from where the receiver stands."""
    for _ in range(size_bytes // CHUNK_BYTES + EXTRA_PIECES_MAX):
        piece = yield from _read_piece(source, digest, offset)
        is_last = offset + len(piece) >= size_bytes
        timeout_s = _commit_timeout_s(size_bytes) if is_last else TRANSFER_TIMEOUT_S
        receipt = yield from ask(node, Write(digest, size_bytes, offset, piece), timeout_s)
        if receipt.stored:
            return receipt
        offset = receipt.received_bytes
    raise NodeUnreachable(f"{node.address} makes no progress receiving content {digest[:8]}")


def _read_piece(source: Source, digest: str, offset: int) -> Procedure[bytes]:
    """Return a content's piece at `offset`. Raises NotFound if another node's copy cannot be read."""
    if not isinstance(source, NodeRef):
        return source[offset : offset + CHUNK_BYTES]
    try:
        return (yield from ask(source, Read(digest, offset, CHUNK_BYTES), TRANSFER_TIMEOUT_S))
    except ChordError as error:
        raise NotFound(f"cannot read content {digest[:8]} from {source.address}: {error}") from error


def _commit_timeout_s(size_bytes: int) -> float:
    """Return how long a node may take to check a whole content and to write it to its disk."""
    return TRANSFER_TIMEOUT_S + size_bytes / COMMIT_BYTES_PER_S_MIN
