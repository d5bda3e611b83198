"""Contents too large for memory: weights and sums of large models, which processes keep in files.

A result of LARGE_BYTES_MIN or more is collected in a file, and its digest is computed apart from the network's calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from roundelay.chord.effects import Procedure, ask, offload
from roundelay.chord.errors import ChordError, NotFound, StoreFull
from roundelay.chord.refs import NodeRef
from roundelay.federation.effects import OpenBuffer
from roundelay.federation.errors import CannotDrive
from roundelay.store.blobs import Buffer, Content, MemoryBuffer, pieces_of, verify_digest
from roundelay.store.own_contents import Open
from roundelay.store.read_path import fetch
from roundelay.store.staging import LARGE_BYTES_MIN
from roundelay.store.transfer import collect_from

R = TypeVar("R")


def fetch_content(node: NodeRef, digest: str, size_bytes: int) -> Procedure[Content]:
    """Read a content from a node: into memory, or into a file if it is large. Raises NotFound, CannotDrive."""
    if size_bytes < LARGE_BYTES_MIN:
        return (yield from fetch((node,), digest, size_bytes))
    buffer = yield from open_buffer(size_bytes)
    try:
        yield from collect_from(node, digest, size_bytes, buffer)
    except StoreFull as error:  # here, not there
        raise _no_room(error, size_bytes) from error
    except ChordError as error:
        raise NotFound(f"cannot read content {digest[:8]} from {node.address}: {error}") from error
    return buffer.getvalue()


def kept_content(content: bytes) -> Procedure[Content]:
    """Return the same content, in a file if it is large. Raises CannotDrive."""
    if len(content) < LARGE_BYTES_MIN:
        return content
    buffer = yield from open_buffer(len(content))

    def write() -> Content:
        for piece in pieces_of(content):
            buffer.write(piece)
        return buffer.getvalue()

    return (yield from written(write, len(content)))


def open_buffer(size_bytes: int) -> Procedure[Buffer]:
    """Return a buffer for a content of this size, in a file if it is large."""
    if size_bytes < LARGE_BYTES_MIN:
        return MemoryBuffer()
    buffer: Buffer = yield OpenBuffer(size_bytes)
    return buffer


def written(write: Callable[[], R], size_bytes: int) -> Procedure[R]:
    """Return what a function returns that writes to a buffer of this size. Raises CannotDrive if there is no room."""
    try:
        return (yield from offload(write))
    except StoreFull as error:
        raise _no_room(error, size_bytes) from error


def _no_room(error: StoreFull, size_bytes: int) -> CannotDrive:
    return CannotDrive(f"{error}: {size_bytes >> 20} MB are needed, in the folder that TMPDIR names")


def own_content(node: NodeRef, digest: str, size_bytes: int) -> Procedure[Content]:
    """Return a content that this node has; a large one is read piece by piece. Raises NotFound, Corrupt."""
    if size_bytes < LARGE_BYTES_MIN:
        return (yield from fetch((node,), digest, size_bytes))
    content = yield from ask(node, Open(digest))
    if len(content) != size_bytes:
        raise NotFound(f"content {digest[:8]} has {len(content)} bytes here, not {size_bytes}")
    yield from offload(lambda: verify_digest(digest, content))
    return content
