"""The procedures on many stores: put writes every copy itself, get asks until somebody has it.

Where a key's copies belong is what the ring says at that moment: nothing here remembers it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO

from chord.blobs import Content, digest_of
from chord.effects import CALL_TIMEOUT_S, Procedure, Sleep, ask, ask_all
from chord.errors import ChordError, Corrupt, NodeUnreachable, NotFound, NotYet, UnderReplicated
from chord.items import CHUNK_BYTES, LEASE_S, RENEWAL_SHARE, Entry, Find, Item, Put, Read, Receipt, Write
from chord.lookup import find_successor
from chord.refs import NodeRef
from chord.requests import GetNeighbours
from chord.ring import Ring, between_right_closed

TRANSFER_TIMEOUT_S = 3.0  # for one piece
BYTES_PER_S_MIN = 16 << 20  # at which a whole content is checked and written to a disk
SENDINGS_MAX = 2  # of one content to one node
AT_ONCE_BYTES_MAX = 64 << 10  # of a content whose copies are written side by side; larger ones share the way out
PIECES_SPARE = 8  # repeated, where the receiver has lost some
FIND_NODES_MIN = 4  # asked for a key's items: up to three nodes that come and go at once do not hide one
FIND_ATTEMPTS_MAX = 20
FIND_RETRY_S = 0.1
GET_ATTEMPTS_MAX = 3  # a copy may be handed on between our hearing of it and our reading it


def put(
    start: NodeRef, ring: Ring, key: int, name: str, content: Content, version: int, lease_s: float = LEASE_S,
    is_new: bool = False,
) -> Procedure[tuple[NodeRef, ...]]:
    """Store a content under a key: in its owner and in the owner's next live successors.

    version: the writer's clock; of two items for one entry the later counts. is_new: nobody has
    this content yet, so that nobody is asked whether to send it. Returns the nodes
    that hold it, the owner first: min(replicas, nodes) of them. Raises UnderReplicated, LookupFailed.
    """
    holders = yield from put_all(start, ring, key, {name: content}, version, lease_s, is_new)
    return holders


def put_all(
    start: NodeRef, ring: Ring, key: int, contents: Mapping[str, Content], version: int, lease_s: float = LEASE_S,
    is_new: bool = False,
) -> Procedure[tuple[NodeRef, ...]]:
    """The same for several contents under one key, by their names: one after the other, in all copies each."""
    nodes = yield from nodes_for(start, ring, key, ring.replicas)
    for name, content in contents.items():
        item = Item(Entry(key, name, digest_of(content), len(content)), version, lease_s)
        try:
            holders = yield from put_copies(item, content, nodes, ring.replicas, is_new)
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
    at_once: dict[NodeRef, Receipt | ChordError] = {}
    if wanted > 1 and item.entry.size_bytes <= AT_ONCE_BYTES_MAX:
        at_once = yield from _put_at_once(nodes[:wanted], item, content, is_new)
    for node in nodes[: 2 * replicas]:
        if len(holders) == wanted:
            break
        said = at_once.get(node)
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


def _put_at_once(
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
    receipts = yield from ask_all([(n, Put(item)) for n in whole], deadline_s=_patience_s(len(content)))
    return said | dict(zip(whole, receipts, strict=True))


Reading = Callable[[int], Procedure[bytes]]  # a content's next piece, from an offset on


def put_one(node: NodeRef, item: Item, content: Content, is_new: bool = False) -> Procedure[None]:
    """Have one node keep an item; bytes travel only if it lacks them, or they are new. Raises ChordError."""
    yield from _put_one(node, item, partial(_own_piece, content), is_new)


def pass_one_on(source: NodeRef, node: NodeRef, item: Item) -> Procedure[None]:
    """The same with another node's copy, which is never whole here. Raises ChordError: NotFound, if it has none."""
    yield from _put_one(node, item, partial(_piece_of, source, item.entry.digest))


def write(node: NodeRef, digest: str, content: Content, offset: int = 0) -> Procedure[Receipt]:
    """Send a content piece by piece, from where the receiver stands. Raises ChordError."""
    receipt = yield from _write(node, digest, len(content), partial(_own_piece, content), offset)
    return receipt


def _put_one(node: NodeRef, item: Item, read: Reading, is_new: bool = False) -> Procedure[None]:
    entry, trouble, receipt = item.entry, None, Receipt(False, 0)
    if not is_new:
        receipt = yield from ask(node, Put(item))
    for _ in range(SENDINGS_MAX):
        if receipt.stored:
            return
        try:
            yield from _write(node, entry.digest, entry.size_bytes, read, receipt.received_bytes)
        except Corrupt as error:
            receipt = Receipt(False, 0)  # another writer had begun with other bytes: from the beginning
            trouble = error
            continue
        receipt = yield from ask(node, Put(item), _patience_s(entry.size_bytes))
    if not receipt.stored:
        raise trouble or NodeUnreachable(f"{node.address} has not kept what it was sent of {entry.name}")


def _write(node: NodeRef, digest: str, size_bytes: int, read: Reading, offset: int) -> Procedure[Receipt]:
    for _ in range(size_bytes // CHUNK_BYTES + PIECES_SPARE):
        piece = yield from read(offset)
        is_last = offset + len(piece) >= size_bytes
        request = Write(digest, size_bytes, offset, piece)
        receipt = yield from ask(node, request, _patience_s(size_bytes) if is_last else TRANSFER_TIMEOUT_S)
        if receipt.stored:
            return receipt
        offset = receipt.received_bytes
    raise NodeUnreachable(f"{node.address} does not take {digest[:8]} in")


def _own_piece(content: Content, offset: int) -> Procedure[bytes]:
    return content[offset : offset + CHUNK_BYTES]
    yield  # a procedure that asks nobody


def _piece_of(source: NodeRef, digest: str, offset: int) -> Procedure[bytes]:
    """Raises NotFound, whatever keeps it from being read."""
    try:
        piece = yield from ask(source, Read(digest, offset, CHUNK_BYTES), TRANSFER_TIMEOUT_S)
    except ChordError as error:
        raise NotFound(f"content {digest[:8]} is not to be had from {source.address}: {error}") from error
    return piece


@dataclass(frozen=True)
class Findings:
    """What was found, the nodes that were asked, whether all who should know could say, and what each has said."""

    items: tuple[Item, ...]
    nodes: tuple[NodeRef, ...]
    complete: bool
    answers: tuple[tuple[Item, ...] | ChordError, ...] = ()


def find(
    start: NodeRef, ring: Ring, key: int, names: tuple[str, ...] = ()
) -> Procedure[tuple[tuple[Item, ...], tuple[NodeRef, ...]]]:
    """What is kept under a key, and the nodes that were asked: the owner and `replicas` more, four at least.

    All of it, or what has one of these names.

    Waits while a hand-over is going on; if it goes on for long, what the others know must do.
    Raises LookupFailed; NotYet, when they know nothing.
    """
    found = yield from _search(start, ring, Find(key, names), lambda items: items, any_will_do=False)
    if not found.items and not found.complete:
        raise NotYet(f"key {ring.show(key)}: the nodes that should know are not ready")
    return found.items, found.nodes


def _search(
    start: NodeRef, ring: Ring, wanted: Find, choose: Callable[[tuple[Item, ...]], tuple[Item, ...]], any_will_do: bool
) -> Procedure[Findings]:
    """Those of the items wanted that are chosen. Who is being handed over to may have a later one, and is waited for.

    That there are none is certain when all who were asked have said so. With few copies more are asked than
    should know: what a leaver no longer took in lies with the next node, and joiners come between the two.
    """
    found, count, key = Findings((), (), False), max(ring.replicas + 1, FIND_NODES_MIN), wanted.key
    for _ in range(FIND_ATTEMPTS_MAX):
        nodes = (yield from nodes_for(start, ring, key, count))[:count]
        answers = yield from ask_all([(node, wanted) for node in nodes])
        items = choose(_latest([item for answer in answers if isinstance(answer, tuple) for item in answer]))
        if items:
            complete = not any(isinstance(answer, NotYet) for answer in answers[: ring.replicas])
        else:
            all_know = all(isinstance(answer, tuple) for answer in answers)
            complete = all_know and (yield from _is_owner(nodes[0], key))
        found = Findings(items, nodes, complete, tuple(answers))
        if complete or (items and any_will_do):
            break
        yield Sleep(FIND_RETRY_S)
    return found


def _is_owner(node: NodeRef, key: int) -> Procedure[bool]:
    """Does it own the key, as it sees the ring itself? The way to it may have passed over a newer node."""
    try:
        theirs = yield from ask(node, GetNeighbours())
    except ChordError:
        return False
    return between_right_closed(theirs.predecessor.id, key, node.id)


def _latest(items: list[Item]) -> tuple[Item, ...]:
    """Each entry once, in its latest version; without those whose latest version is a deletion."""
    latest: dict[Entry, Item] = {}
    for item in sorted(items, key=lambda item: (item.rank, item.lease_s)):
        latest[item.entry] = item
    return tuple(item for item in latest.values() if not item.deleted)


def get(start: NodeRef, ring: Ring, key: int, name: str, digest: str = "") -> Procedure[bytes]:
    """The content of that name: of that digest or, where none is given, the latest.

    Raises NotFound when all who should have it say no; NotYet, LookupFailed when not all could say.
    """

    def of_digest(items: tuple[Item, ...]) -> tuple[Item, ...]:
        return tuple(i for i in items if digest in ("", i.entry.digest))

    missing = NotFound(name)
    for _ in range(GET_ATTEMPTS_MAX):
        found = yield from _search(start, ring, Find(key, (name,)), of_digest, any_will_do=bool(digest))
        if not found.complete and not (digest and found.items):
            raise NotYet(f"{name}: the nodes that should have it are not ready")
        if not found.items:
            raise NotFound(f"{name}: none of the {len(found.nodes)} nodes responsible for it has it")
        latest = max(found.items, key=lambda item: item.rank)
        try:
            content = yield from fetch(found.nodes, latest.entry.digest, latest.entry.size_bytes)
        except NotFound as error:
            missing = error
            continue
        asked = list(zip(found.nodes, found.answers, strict=True))[: ring.replicas]
        yield from _repair([node for node, said in asked if not _has(said, latest)], latest, content)
        return content
    raise missing


def fetch(nodes: tuple[NodeRef, ...], digest: str, size_bytes: int) -> Procedure[bytes]:
    """Read a content from the first of these nodes that has it whole. Raises NotFound."""
    for node in nodes:
        try:
            content = yield from _fetch_from(node, digest, size_bytes)
        except ChordError:
            continue
        return content
    raise NotFound(f"content {digest[:8]} is with none of {', '.join(str(n.address) for n in nodes)}")


def _fetch_from(node: NodeRef, digest: str, size_bytes: int) -> Procedure[bytes]:
    content = BytesIO()  # whose value is no second copy
    while content.tell() < size_bytes:  # ends: every piece but the last brings something
        piece = yield from ask(node, Read(digest, content.tell(), CHUNK_BYTES), TRANSFER_TIMEOUT_S)
        if not piece:
            break
        content.write(piece)
    whole = content.getvalue()
    if digest_of(whole) != digest:
        raise Corrupt(f"{node.address} gave {len(whole)} bytes that are not {digest[:8]}")
    return whole


def _has(said: tuple[Item, ...] | ChordError, item: Item) -> bool:
    """Has it just said that it holds this, for as long?"""
    lease_s = (1 - RENEWAL_SHARE) * item.lease_s
    return isinstance(said, tuple) and any(
        each.entry == item.entry and each.rank == item.rank and each.lease_s >= lease_s for each in said
    )


def _repair(nodes: Sequence[NodeRef], item: Item, content: bytes) -> Procedure[None]:
    """Who should hold it and may not, gets it now."""
    answers = yield from ask_all([(node, Put(item)) for node in nodes])
    lacking = [n for n, a in zip(nodes, answers, strict=True) if isinstance(a, Receipt) and not a.stored]
    for node in lacking:
        try:
            yield from put_one(node, item, content)
        except ChordError:
            continue


def _patience_s(size_bytes: int) -> float:
    """How long a node may take to check a whole content and to write it down."""
    return TRANSFER_TIMEOUT_S + size_bytes / BYTES_PER_S_MIN
