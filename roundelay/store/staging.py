"""Contents on their way in, and contents that only a round needs: where the store has them put, and for a while.

Nothing here is promised to anybody. What nobody has touched for long goes by itself, so that
writers that died half-way, and rounds whose driver did, leave nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from roundelay.chord.errors import StoreFull
from roundelay.store.blobs import Buffer, Content, MemoryBlobs, verify_digest

UPLOADS_MAX = 256  # contents half received; the oldest gives way
UPLOAD_TTL_S = 600.0  # how long half a content waits for its next piece
STAGING_TTL_S = 3600.0  # how long a content waits to be read, put or written again


@dataclass
class _Upload:
    received: Buffer
    until: float = 0.0

    @property
    def size_bytes(self) -> int:
        return self.received.tell()


class Staging:
    """Half contents, and whole ones that no entry names. `room_bytes` says what there is place for besides.

    `buffer`: where a content of so many bytes is put together, and stays.
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
        """Is it here whole? Whoever asks still wants it."""
        if not self._blobs.has(digest):
            return False
        self._until[digest] = self._clock() + STAGING_TTL_S
        return True

    def received_bytes(self, digest: str) -> int:
        """Of a content that is on its way."""
        upload = self._uploads.get(digest)
        return upload.size_bytes if upload is not None else 0

    def receive(self, digest: str, size_bytes: int, offset: int, piece: bytes) -> int:
        """Take the next piece in; returns how many bytes have arrived. Raises Corrupt, StoreFull: it starts anew."""
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
        """Raises Corrupt, StoreFull."""
        verify_digest(digest, content)
        self._blobs.add(digest, content)
        self._until[digest] = self._clock() + STAGING_TTL_S

    def size_bytes(self, digest: str) -> int:
        """Of a content that is here whole. Raises NotFound."""
        return self._blobs.size_bytes(digest)

    def content(self, digest: str) -> Content:
        """As it was when it came in. Raises NotFound."""
        return self._blobs.content(digest)

    def piece(self, digest: str, offset: int, length: int) -> bytes:
        """Raises NotFound."""
        return self._blobs.piece(digest, offset, length)

    def drop(self, digest: str) -> None:
        self._blobs.drop(digest)
        self._until.pop(digest, None)

    def expire(self) -> None:
        """Let go of what nobody has touched for long."""
        now = self._clock()
        for digest in [d for d, upload in self._uploads.items() if upload.until <= now]:
            del self._uploads[digest]
        for digest in [d for d, until in self._until.items() if until <= now]:
            self.drop(digest)

    def _upload(self, digest: str, size_bytes: int) -> _Upload:
        """Raises StoreFull when what is still to come would not fit."""
        missing = size_bytes - self.received_bytes(digest)
        if missing > self._room_bytes():
            self._uploads.pop(digest, None)
            raise StoreFull(f"no room for {missing} bytes more: there are {max(0, self._room_bytes())}")
        if digest not in self._uploads and len(self._uploads) >= UPLOADS_MAX:
            self._uploads.pop(next(iter(self._uploads)))
        upload = self._uploads.get(digest)
        if upload is None:
            upload = self._uploads[digest] = _Upload(self._buffer(size_bytes))
        upload.until = self._clock() + UPLOAD_TTL_S
        return upload
