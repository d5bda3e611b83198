"""The procedures on many stores: put writes every copy itself, fetch reads from whoever has it."""

from __future__ import annotations

from chord.effects import Procedure, ask
from chord.errors import ChordError, Corrupt, NodeUnreachable, NotFound, UnderReplicated
from chord.lookup import find_successor
from chord.refs import NodeRef
from chord.ring import Ring
from chord.store import CHUNK_BYTES, Entry, Put, Read, Receipt, Write, digest_of

TRANSFER_TIMEOUT_S = 10.0  # for one piece
PIECES_MAX = 1 << 16


def put(start: NodeRef, ring: Ring, name: str, content: bytes) -> Procedure[tuple[NodeRef, ...]]:
    """Store a content under the key of its name: in the owner and in its next live successors.

    Returns the nodes that hold it, the owner first: min(replicas, nodes) of them. Raises
    UnderReplicated, LookupFailed, or the definite error of a node that refused.
    """
    entry = Entry(ring.key(name), name, digest_of(content), len(content))
    route = yield from find_successor(start, entry.key)
    holders = yield from put_copies(entry, content, route.nodes, ring.replicas)
    return holders


def put_copies(entry: Entry, content: bytes, nodes: tuple[NodeRef, ...],
               replicas: int) -> Procedure[tuple[NodeRef, ...]]:
    """Write to the first `replicas` of these nodes, and to the next ones in the place of the dead."""
    wanted = min(replicas, len(nodes))
    holders: list[NodeRef] = []
    for node in nodes:
        if len(holders) == wanted:
            break
        try:
            yield from put_one(node, entry, content)
            holders.append(node)
        except ChordError as error:
            refusal = error
    if len(holders) < wanted:
        raise UnderReplicated(entry.name, len(holders), wanted) from refusal
    return tuple(holders)


def put_one(node: NodeRef, entry: Entry, content: bytes) -> Procedure[None]:
    """Have one node keep an entry; bytes travel only if it lacks them."""
    receipt = yield from ask(node, Put(entry))
    if receipt.stored:
        return
    yield from write(node, entry.digest, content, receipt.received_bytes)
    receipt = yield from ask(node, Put(entry))
    if not receipt.stored:
        raise NodeUnreachable(f"{node.address} has lost what it had just received of {entry.name}")


def write(node: NodeRef, digest: str, content: bytes, offset: int = 0) -> Procedure[Receipt]:
    """Send a content piece by piece, from where the receiver stands."""
    for _ in range(PIECES_MAX):
        piece = content[offset : offset + CHUNK_BYTES]
        receipt = yield from ask(node, Write(digest, len(content), offset, piece), TRANSFER_TIMEOUT_S)
        if receipt.stored:
            return receipt
        offset = receipt.received_bytes
    raise NodeUnreachable(f"{node.address} does not take {digest[:8]} in")


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
    if digest_of(bytes(content)) != digest:
        raise Corrupt(f"{node.address} gave {len(content)} bytes that are not {digest[:8]}")
    return bytes(content)


