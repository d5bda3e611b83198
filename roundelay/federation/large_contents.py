"""Contents too large for memory: weights and sums of large models, which processes keep in files.

A result of LARGE_BYTES_MIN or more is collected in a file, and its digest is computed apart from the network's calls.
"""

from __future__ import annotations

from roundelay.chord.effects import Procedure, ask
from roundelay.chord.errors import ChordError, NotFound, StoreFull
from roundelay.chord.refs import NodeRef
from roundelay.federation.effects import OpenBuffer, offload
from roundelay.federation.errors import CannotDrive
from roundelay.store.blobs import Buffer, Content, verify_digest
from roundelay.store.own_contents import Open
from roundelay.store.read_path import fetch
from roundelay.store.staging import LARGE_BYTES_MIN
from roundelay.store.transfer import collect_from


def fetch_content(node: NodeRef, digest: str, size_bytes: int) -> Procedure[Content]:
    """Read a content from a node: into memory, or into a file if it is large. Raises NotFound, CannotDrive."""
    if size_bytes < LARGE_BYTES_MIN:
        return (yield from fetch((node,), digest, size_bytes))
    buffer: Buffer = yield OpenBuffer(size_bytes)
    try:
        yield from collect_from(node, digest, size_bytes, buffer)
        content = buffer.getvalue()
        yield from offload(lambda: verify_digest(digest, content))
    except StoreFull as error:  # here, not there
        raise CannotDrive(f"{error}: {size_bytes >> 20} MB are needed, in the folder that TMPDIR names") from error
    except ChordError as error:
        raise NotFound(f"cannot read content {digest[:8]} from {node.address}: {error}") from error
    return content


def own_content(node: NodeRef, digest: str, size_bytes: int) -> Procedure[Content]:
    """Return a content that this node has; a large one is read piece by piece. Raises NotFound, Corrupt."""
    if size_bytes < LARGE_BYTES_MIN:
        return (yield from fetch((node,), digest, size_bytes))
    content = yield from ask(node, Open(digest))
    if len(content) != size_bytes:
        raise NotFound(f"content {digest[:8]} has {len(content)} bytes here, not {size_bytes}")
    yield from offload(lambda: verify_digest(digest, content))
    return content
