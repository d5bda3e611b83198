"""Transfers: a content between this process and a node, whole if it is small, else in pieces.

Several pieces are in flight at a time, so that a long link is filled: one piece of 512 KiB a round trip of 200 ms is
20 Mbit/s, four are 80. Pieces may overtake one another. The first that fails ends the transfer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from roundelay.chord.effects import Procedure, ask, gather_or_raise
from roundelay.chord.errors import ChordError, Corrupt, NodeUnreachable, NotFound, PeerFault, StoreFull
from roundelay.chord.refs import NodeRef
from roundelay.store.blobs import Buffer, Content, MemoryBuffer, digest_of
from roundelay.store.items import CHUNK_BYTES, CONTENT_BYTES_MAX, PIECE_BYTES, Read, Receipt, Write
from roundelay.store.running_hash import RunningHash

PIECES_IN_FLIGHT = 4  # of one content between two processes: as many as there are connections that are kept
TRANSFER_TIMEOUT_S = 3.0  # for a message that carries contents, besides the time that its bytes take
LINK_BYTES_PER_S_MIN = 128 << 10  # of the slowest link that is worth waiting for
COMMIT_BYTES_PER_S_MIN = 16 << 20  # at which a node checks a whole content and writes it to its disk
EXTRA_PIECES_MAX = 8  # sent again because the receiver has lost them

R = TypeVar("R")
Source = Content | NodeRef  # of a content's bytes: the bytes themselves, or a node that has them


def fetch_from(node: NodeRef, digest: str, size_bytes: int) -> Procedure[bytes]:
    """Read a whole content from a node. Raises ChordError; Corrupt, if it does not have that digest."""
    if size_bytes > CONTENT_BYTES_MAX:
        raise Corrupt(f"content {digest[:8]} is announced with {size_bytes} bytes, at most {CONTENT_BYTES_MAX}")
    if not size_bytes:
        whole = b""  # need not be read
    elif size_bytes <= CHUNK_BYTES:
        whole = yield from ask(node, Read(digest, 0, size_bytes), transfer_timeout_s(size_bytes))
    else:
        buffer = MemoryBuffer(size_bytes)  # of pieces that are joined there would be two copies
        yield from collect_from(node, digest, size_bytes, buffer)
        return buffer.getvalue()
    _require(node, digest, digest_of(whole), len(whole))
    return whole


def collect_from(node: NodeRef, digest: str, size_bytes: int, buffer: Buffer) -> Procedure[None]:
    """Read a whole content from a node into a buffer, and hash it as it comes.

    Raises ChordError; Corrupt, if it does not have that digest; StoreFull only if the buffer has no room.
    """
    timeout_s, whole = transfer_timeout_s(_in_flight_bytes(size_bytes)), RunningHash(buffer)

    def read(start: int) -> Procedure[None]:
        length = min(PIECE_BYTES, size_bytes - start)
        try:
            piece = yield from ask(node, Read(digest, start, length), timeout_s)
        except StoreFull as error:  # a read needs no room there
            raise PeerFault(f"{node.address} answers a read with: {error}") from error
        if len(piece) != length:
            raise Corrupt(f"{node.address} sent {len(piece)} bytes of content {digest[:8]}, expected {length}")
        yield from whole.place(start, piece)

    yield from _in_pieces(read, range(0, size_bytes, PIECE_BYTES))
    _require(node, digest, whole.hexdigest(), size_bytes)


def read_range(node: NodeRef, digest: str, start: int, stop: int) -> Procedure[bytes]:
    """Read the bytes `start` to `stop` of a content from a node; their digest is not checked. Raises ChordError."""
    pieces = []
    for at in range(start, stop, PIECE_BYTES):
        length = min(PIECE_BYTES, stop - at)
        pieces.append((yield from ask(node, Read(digest, at, length), transfer_timeout_s(length))))
        if len(pieces[-1]) != length:
            raise Corrupt(f"{node.address} sent {len(pieces[-1])} bytes of content {digest[:8]}, expected {length}")
    return b"".join(pieces)


def write(node: NodeRef, digest: str, content: Content) -> Procedure[Receipt]:
    """Send a content to a node's staging area. Raises ChordError."""
    return (yield from send(node, digest, len(content), content))


def send(node: NodeRef, digest: str, size_bytes: int, source: Source, offset: int = 0) -> Procedure[Receipt]:
    """Send a content from `offset` on, and then from where the receiver stands. Raises ChordError."""
    if size_bytes > CONTENT_BYTES_MAX:
        raise Corrupt(f"content {digest[:8]} is announced with {size_bytes} bytes, at most {CONTENT_BYTES_MAX}")
    starts = range(offset, size_bytes, PIECE_BYTES)
    if size_bytes - offset > CHUNK_BYTES:
        receipts = yield from _in_pieces(
            lambda start: _send_piece(node, digest, size_bytes, source, start, PIECE_BYTES), starts
        )
        done = next((receipt for receipt in receipts if receipt.stored), None)
        if done is not None:
            return done
        offset = max(receipt.received_bytes for receipt in receipts)
    for _ in range(size_bytes // CHUNK_BYTES + EXTRA_PIECES_MAX):
        receipt = yield from _send_piece(node, digest, size_bytes, source, offset, CHUNK_BYTES)
        if receipt.stored:
            return receipt
        offset = receipt.received_bytes
    raise NodeUnreachable(f"{node.address} makes no progress receiving content {digest[:8]}")


def read_piece(source: Source, digest: str, offset: int, length: int) -> Procedure[bytes]:
    """Return a content's piece at `offset`. Raises NotFound if another node's copy cannot be read."""
    if not isinstance(source, NodeRef):
        return source[offset : offset + length]
    try:
        return (yield from ask(source, Read(digest, offset, length), transfer_timeout_s(length)))
    except ChordError as error:
        raise NotFound(f"cannot read content {digest[:8]} from {source.address}: {error}") from error


def transfer_timeout_s(size_bytes: int) -> float:
    """Return how long a message, or several that share a link, may take with this many bytes of contents."""
    return TRANSFER_TIMEOUT_S + size_bytes / LINK_BYTES_PER_S_MIN


def commit_timeout_s(size_bytes: int) -> float:
    """Return how long a node may take to check a whole content and to write it to its disk."""
    return TRANSFER_TIMEOUT_S + size_bytes / COMMIT_BYTES_PER_S_MIN


# --- helpers


def _require(node: NodeRef, digest: str, actual: str, size_bytes: int) -> None:
    """Check the digest of what a node has sent. Raises Corrupt."""
    if actual != digest:
        raise Corrupt(f"{node.address} sent {size_bytes} bytes that do not have digest {digest[:8]}")


def _send_piece(
    node: NodeRef, digest: str, size_bytes: int, source: Source, offset: int, length: int
) -> Procedure[Receipt]:
    piece = yield from read_piece(source, digest, offset, length)
    timeout_s = transfer_timeout_s(_in_flight_bytes(size_bytes)) + commit_timeout_s(size_bytes)
    return (yield from ask(node, Write(digest, size_bytes, offset, piece), timeout_s))


def _in_flight_bytes(size_bytes: int) -> int:
    return min(size_bytes, PIECES_IN_FLIGHT * PIECE_BYTES)


def _in_pieces(transfer: Callable[[int], Procedure[R]], starts: range) -> Procedure[list[R]]:
    """Transfer pieces, PIECES_IN_FLIGHT at a time; none is begun after one has failed. Raises its error."""
    failures: list[ChordError] = []

    def one(start: int) -> Procedure[R]:
        if failures:
            raise failures[0]
        try:
            return (yield from transfer(start))
        except ChordError as error:
            failures.append(error)
            raise

    return (yield from gather_or_raise([one(start) for start in starts], PIECES_IN_FLIGHT))
