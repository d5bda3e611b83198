"""The procedures on many stores: put writes every copy itself, get asks until somebody has it."""

from __future__ import annotations

from chord.blobs import digest_of
from chord.effects import Procedure, Sleep, ask, ask_all
from chord.errors import ChordError, Corrupt, NodeUnreachable, NotFound, NotYet, UnderReplicated
from chord.lookup import find_successor
from chord.refs import NodeRef
from chord.ring import Ring
from chord.store import CHUNK_BYTES, LEASE_S, Entry, Find, Item, Put, Read, Receipt, Write

TRANSFER_TIMEOUT_S = 3.0  # for one piece
PIECES_MAX = 1 << 16
FIND_ATTEMPTS_MAX = 20
FIND_RETRY_S = 0.1


def put(
    start: NodeRef, ring: Ring, key: int, name: str, content: bytes, version: int, lease_s: float = LEASE_S
) -> Procedure[tuple[NodeRef, ...]]:
    """Store a content under a key: in its owner and in the owner's next live successors.

    version: the writer's clock; of two items for one entry the later counts. Returns the nodes
    that hold it, the owner first: min(replicas, nodes) of them. Raises UnderReplicated, LookupFailed.
    """
    item = Item(Entry(key, name, digest_of(content), len(content)), version, lease_s)
    route = yield from find_successor(start, key)
    holders = yield from put_copies(item, content, route.nodes, ring.replicas)
    return holders


def put_copies(
    item: Item, content: bytes, nodes: tuple[NodeRef, ...], replicas: int
) -> Procedure[tuple[NodeRef, ...]]:
    """Write to the first `replicas` of these nodes, and to the next ones in the place of the dead."""
    wanted = min(replicas, len(nodes))
    holders: list[NodeRef] = []
    refusal: ChordError | None = None
    for node in nodes:
        if len(holders) == wanted:
            break
        try:
            yield from put_one(node, item, content)
            holders.append(node)
        except ChordError as error:
            refusal = error
    if len(holders) < wanted:
        raise UnderReplicated(item.entry.name, len(holders), wanted) from refusal
    return tuple(holders)


def put_one(node: NodeRef, item: Item, content: bytes) -> Procedure[None]:
    """Have one node keep an item; bytes travel only if it lacks them."""
    receipt = yield from ask(node, Put(item))
    if receipt.stored:
        return
    yield from write(node, item.entry.digest, content, receipt.received_bytes)
    receipt = yield from ask(node, Put(item), TRANSFER_TIMEOUT_S)
    if not receipt.stored:
        raise NodeUnreachable(f"{node.address} has lost what it had just received of {item.entry.name}")


def write(node: NodeRef, digest: str, content: bytes, offset: int = 0) -> Procedure[Receipt]:
    """Send a content piece by piece, from where the receiver stands."""
    for _ in range(PIECES_MAX):
        piece = content[offset : offset + CHUNK_BYTES]
        receipt = yield from ask(node, Write(digest, len(content), offset, piece), TRANSFER_TIMEOUT_S)
        if receipt.stored:
            return receipt
        offset = receipt.received_bytes
    raise NodeUnreachable(f"{node.address} does not take {digest[:8]} in")


def find(start: NodeRef, ring: Ring, key: int) -> Procedure[tuple[tuple[Item, ...], tuple[NodeRef, ...]]]:
    """All that is kept under a key, and the nodes that were asked: the owner and `replicas` more.

    Asks again while a hand-over is going on and nobody has anything. Raises LookupFailed, NotYet.
    """
    for _ in range(FIND_ATTEMPTS_MAX):
        route = yield from find_successor(start, key)
        nodes = route.nodes[: ring.replicas + 1]
        answers = yield from ask_all([(node, Find(key)) for node in nodes])
        found = _latest([item for answer in answers if isinstance(answer, tuple) for item in answer])
        if found or all(isinstance(answer, tuple) for answer in answers[: ring.replicas]):
            return found, nodes
        yield Sleep(FIND_RETRY_S)
    raise NotYet(f"key {ring.show(key)}: the nodes that should know are not ready")


def _latest(items: list[Item]) -> tuple[Item, ...]:
    """Each entry once, in its latest version; without those whose latest version is a deletion."""
    latest: dict[Entry, Item] = {}
    for item in items:
        if item.entry not in latest or item.rank > latest[item.entry].rank:
            latest[item.entry] = item
    return tuple(item for item in latest.values() if not item.deleted)


def get(start: NodeRef, ring: Ring, key: int, name: str, digest: str = "") -> Procedure[bytes]:
    """The content of that name: of that digest or, where none is given, the latest. Raises NotFound, LookupFailed."""
    items, nodes = yield from find(start, ring, key)
    wanted = [item for item in items if item.entry.name == name and digest in ("", item.entry.digest)]
    if not wanted:
        raise NotFound(f"{name}: none of the {len(nodes)} nodes responsible for it has it")
    latest = max(wanted, key=lambda item: item.rank)
    content = yield from fetch(nodes, latest.entry.digest, latest.entry.size_bytes)
    yield from _repair(nodes[: ring.replicas], latest, content)
    return content


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
    content = bytearray()
    while len(content) < size_bytes:  # every piece but the last is CHUNK_BYTES
        piece = yield from ask(node, Read(digest, len(content), CHUNK_BYTES), TRANSFER_TIMEOUT_S)
        if not piece:
            break
        content += piece
    whole = bytes(content)
    if digest_of(whole) != digest:
        raise Corrupt(f"{node.address} gave {len(whole)} bytes that are not {digest[:8]}")
    return whole


def _repair(nodes: tuple[NodeRef, ...], item: Item, content: bytes) -> Procedure[None]:
    """Whoever should hold it and does not, gets it now."""
    answers = yield from ask_all([(node, Put(item)) for node in nodes])
    lacking = [n for n, a in zip(nodes, answers, strict=True) if isinstance(a, Receipt) and not a.stored]
    for node in lacking:
        try:
            yield from put_one(node, item, content)
        except ChordError:
            continue
