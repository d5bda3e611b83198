"""Staging area: contents that are still arriving, and contents that no entry names (those of a round).

Nothing here is durable. A content that is not used for a while expires, so that writers and drivers that died leave
nothing behind. Anybody can write here, so that the area has budgets of its own: one for contents that are held in
memory, one for large ones, which a node collects in files. When a budget is used up, what has not been used for longest
makes room; contents that an order of this node names go last.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field

from roundelay.chord.errors import StoreFull
from roundelay.store.blobs import Buffer, Content, MemoryBlobs, require_digest, verify_digest

UPLOADS_MAX = 256  # incomplete contents; the oldest is dropped for a new one
COMPLETE_MAX = 4096  # contents that no entry names
LARGE_BYTES_MIN = 4 << 20  # of a content that a node collects in a file instead of memory
SMALL_BYTES_MAX = 16 << 20  # of all smaller contents, complete or not
LARGE_BYTES_MAX = 6 << 30  # of all large contents
UPLOAD_TTL_S = 600.0  # how long an incomplete content waits for its next piece
AHEAD_BYTES_MAX = 8 << 20  # of all pieces that have overtaken others; more are ignored, and sent again
STAGING_TTL_S = 3600.0  # how long a content waits until it is read, put or written again


@dataclass
class _Upload:
    received: Buffer
    announced_bytes: int
    until: float = 0.0
    whole: hashlib._Hash = field(default_factory=hashlib.sha256)  # of what has arrived without a gap
    ahead: dict[int, bytes] = field(default_factory=dict)  # pieces by offset, beyond the first missing byte

    @property
    def size_bytes(self) -> int:
        """The bytes that have arrived without a gap."""
        return self.received.tell()

    @property
    def total_bytes(self) -> int:
        return self.size_bytes + self.ahead_bytes

    @property
    def ahead_bytes(self) -> int:
        return sum(map(len, self.ahead.values()))

    def accept(self, offset: int, piece: bytes, room_bytes: int) -> None:
        """Append a piece, and those after it that came earlier; or keep it until its turn. Raises StoreFull."""
        if offset > self.size_bytes and len(piece) <= room_bytes:
            self.ahead[offset] = piece
        if offset == self.size_bytes:
            self._append(piece)
        while (following := self.ahead.pop(self.size_bytes, None)) is not None:
            self._append(following)
        self.ahead = {start: later for start, later in self.ahead.items() if start > self.size_bytes}

    def _append(self, piece: bytes) -> None:
        self.received.write(piece)
        self.whole.update(piece)


class Staging:
    """Incomplete contents, and complete ones that no entry names.

    room_bytes: returns how many more bytes the store may take. buffer: returns a buffer for a content of a size.
    claims: returns the digests that orders of this node name.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        room_bytes: Callable[[], int],
        buffer: Callable[[int], Buffer],
        claims: Callable[[], Set[str]] = frozenset,
    ) -> None:
        self._clock = clock
        self._room_bytes = room_bytes
        self._buffer = buffer
        self.claims = claims
        self._blobs = MemoryBlobs()
        self._until: OrderedDict[str, float] = OrderedDict()  # the least recently used first
        self._uploads: OrderedDict[str, _Upload] = OrderedDict()  # the same
        self._taken = {False: 0, True: 0}  # bytes of the small contents, and of the large; announced ones count

    @property
    def total_bytes(self) -> int:
        return self._blobs.total_bytes + sum(upload.total_bytes for upload in self._uploads.values())

    def has(self, digest: str) -> bool:
        """Return True if a content is here and complete, and extend its time: it is still wanted."""
        if not self._blobs.has(digest):
            return False
        self._touch(digest)
        return True

    def received_bytes(self, digest: str) -> int:
        """Return how much of an incomplete content has arrived."""
        upload = self._uploads.get(digest)
        return upload.size_bytes if upload is not None else 0

    def receive(self, digest: str, size_bytes: int, offset: int, piece: bytes) -> int:
        """Accept a piece; return how many bytes have arrived without a gap.

        A piece that is the whole content replaces what has arrived of it. Raises Corrupt, StoreFull: send it all again.
        """
        upload = self._upload(digest, size_bytes)
        if len(piece) == size_bytes:
            self._abandon(digest)
            self.add(digest, piece)
            return size_bytes
        try:
            upload.accept(offset, piece, AHEAD_BYTES_MAX - self._ahead_bytes)
        except StoreFull:
            self._abandon(digest)
            raise
        if upload.size_bytes >= size_bytes:
            self._abandon(digest)
            require_digest(digest, upload.whole.hexdigest(), size_bytes)
            self.take(digest, upload.received.getvalue())
            return size_bytes
        return upload.size_bytes

    def add(self, digest: str, content: Content) -> None:
        """Add a complete content. Raises Corrupt, StoreFull."""
        verify_digest(digest, content)
        self.take(digest, content)

    def take(self, digest: str, content: Content) -> None:
        """Add a complete content that has this digest for certain. Raises StoreFull."""
        if not self._blobs.has(digest):
            self._make_room(len(content))
            self._blobs.add(digest, content)
            self._taken[_is_large(len(content))] += len(content)
        self._touch(digest)

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
        if self._until.pop(digest, None) is not None:
            size_bytes = self._blobs.size_bytes(digest)
            self._taken[_is_large(size_bytes)] -= size_bytes
            self._blobs.drop(digest)

    def expire(self) -> None:
        """Remove what has not been used for its time."""
        now = self._clock()
        for digest in [d for d, upload in self._uploads.items() if upload.until <= now]:
            self._abandon(digest)
        for digest in [d for d, until in self._until.items() if until <= now]:
            self.drop(digest)

    def _upload(self, digest: str, size_bytes: int) -> _Upload:
        """Return the upload of a content, a new one if need be. Raises StoreFull if the rest of it would not fit."""
        missing = size_bytes - self.received_bytes(digest)
        if missing > self._room_bytes():
            self._abandon(digest)
            raise StoreFull(f"no room for {missing} more bytes: {max(0, self._room_bytes())} are free")
        upload = self._uploads.get(digest)
        if upload is None:
            if len(self._uploads) >= UPLOADS_MAX:
                self._abandon(next(iter(self._uploads)))
            self._make_room(size_bytes)
            upload = self._uploads[digest] = _Upload(self._buffer(size_bytes), size_bytes)
            self._taken[_is_large(size_bytes)] += size_bytes
        upload.until = self._clock() + UPLOAD_TTL_S
        self._uploads.move_to_end(digest)
        return upload

    @property
    def _ahead_bytes(self) -> int:
        return sum(upload.ahead_bytes for upload in self._uploads.values())

    def _touch(self, digest: str) -> None:
        self._until[digest] = self._clock() + STAGING_TTL_S
        self._until.move_to_end(digest)

    def _abandon(self, digest: str) -> None:
        """Drop an incomplete content, if it is here."""
        upload = self._uploads.pop(digest, None)
        if upload is not None:
            self._taken[_is_large(upload.announced_bytes)] -= upload.announced_bytes

    def _make_room(self, size_bytes: int) -> None:
        """Drop what has not been used for longest until another content of this size is within its budget."""
        is_large = _is_large(size_bytes)
        most = (LARGE_BYTES_MAX if is_large else SMALL_BYTES_MAX) - size_bytes
        for digest in self._by_use(is_large) if self._taken[is_large] > most else ():
            if self._taken[is_large] <= most:
                break
            self._abandon(digest)
            self.drop(digest)
        while len(self._until) >= COMPLETE_MAX:
            self.drop(next(iter(self._until)))

    def _by_use(self, is_large: bool) -> Iterator[str]:
        """Yield the contents of one class: incomplete ones, then those that no order names, then the others."""
        yield from [d for d, upload in self._uploads.items() if _is_large(upload.announced_bytes) == is_large]
        complete = [digest for digest in self._until if _is_large(self._blobs.size_bytes(digest)) == is_large]
        claimed = self.claims()
        yield from (digest for digest in complete if digest not in claimed)
        yield from (digest for digest in complete if digest in claimed)


def _is_large(size_bytes: int) -> bool:
    return size_bytes >= LARGE_BYTES_MIN
