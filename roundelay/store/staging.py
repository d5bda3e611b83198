"""Staging area: contents that are still arriving, and contents that no entry names (those of a round).

Nothing here is durable. A content that is not used for a while expires, so that writers and drivers that died leave
nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from roundelay.chord.errors import StoreFull
from roundelay.store.blobs import Buffer, Content, MemoryBlobs, verify_digest

UPLOADS_MAX = 256  # incomplete contents; the oldest is dropped for a new one
UPLOAD_TTL_S = 600.0  # how long an incomplete content waits for its next piece
STAGING_TTL_S = 3600.0  # how long a content waits until it is read, put or written again


@dataclass
class _Upload:
    received: Buffer
    until: float = 0.0

    @property
    def size_bytes(self) -> int:
        return self.received.tell()


class Staging:
    """Incomplete contents, and complete ones that no entry names.

    room_bytes: returns how many more bytes the store may take. buffer: returns a buffer for a content of a size.
    """

    def __init__(
        self, clock: Callable[[], float], room_bytes: Callable[[], int], buffer: Callable[[int], Buffer]
    ) -> None:
        self._clock = clock
        self._room_bytes = room_bytes
        self._buffer = buffer
        self._blobs = MemoryBlobs()
        self._until: dict[str, float] = {}
        self._uploads: dict[str, _Upload] = {}

    @property
    def total_bytes(self) -> int:
        return self._blobs.total_bytes + sum(upload.size_bytes for upload in self._uploads.values())

    def has(self, digest: str) -> bool:
        """Return True if a content is here and complete, and extend its time: it is still wanted."""
        if not self._blobs.has(digest):
            return False
        self._until[digest] = self._clock() + STAGING_TTL_S
        return True

    def received_bytes(self, digest: str) -> int:
        """Return how much of an incomplete content has arrived."""
        upload = self._uploads.get(digest)
        return upload.size_bytes if upload is not None else 0

    def receive(self, digest: str, size_bytes: int, offset: int, piece: bytes) -> int:
        """Accept the next piece; return how many bytes have arrived. Raises Corrupt, StoreFull: send it all again."""
        upload = self._upload(digest, size_bytes)
        if offset == upload.size_bytes:
            try:
                upload.received.write(piece)
            except StoreFull:
                del self._uploads[digest]
                raise
        if upload.size_bytes >= size_bytes:
            self.add(digest, self._uploads.pop(digest).received.getvalue())
            return size_bytes
        return upload.size_bytes

    def add(self, digest: str, content: Content) -> None:
        """Add a complete content. Raises Corrupt, StoreFull."""
        verify_digest(digest, content)
        self._blobs.add(digest, content)
        self._until[digest] = self._clock() + STAGING_TTL_S

    def size_bytes(self, digest: str) -> int:
        """Return the size of a complete content. Raises NotFound."""
        return self._blobs.size_bytes(digest)

    def content(self, digest: str) -> Content:
        """Return a complete content. Raises NotFound."""
        return self._blobs.content(digest)

    def piece(self, digest: str, offset: int, length: int) -> bytes:
        """Return a part of a complete content. Raises NotFound."""
        return self._blobs.piece(digest, offset, length)

    def drop(self, digest: str) -> None:
        self._blobs.drop(digest)
        self._until.pop(digest, None)

    def expire(self) -> None:
        """Remove what has not been used for its time."""
        now = self._clock()
        for digest in [d for d, upload in self._uploads.items() if upload.until <= now]:
            del self._uploads[digest]
        for digest in [d for d, until in self._until.items() if until <= now]:
            self.drop(digest)

    def _upload(self, digest: str, size_bytes: int) -> _Upload:
        """Return the upload of a content, a new one if need be. Raises StoreFull if the rest of it would not fit."""
        missing = size_bytes - self.received_bytes(digest)
        if missing > self._room_bytes():
            self._uploads.pop(digest, None)
            raise StoreFull(f"no room for {missing} more bytes: {max(0, self._room_bytes())} are free")
        if digest not in self._uploads and len(self._uploads) >= UPLOADS_MAX:
            self._uploads.pop(next(iter(self._uploads)))
        upload = self._uploads.get(digest)
        if upload is None:
            upload = self._uploads[digest] = _Upload(self._buffer(size_bytes))
        upload.until = self._clock() + UPLOAD_TTL_S
        return upload
