"""The digest of a content whose pieces come in any order, computed while others are on their way.

SHA-256 takes longer than receiving over a fast network, and needs the bytes in their order. So each piece is hashed as
soon as those before it have been, with the lock free. Of several procedures that place pieces, one hashes; the others
go on to the next pieces.
"""

from __future__ import annotations

import hashlib
from functools import partial

from roundelay.chord.effects import Procedure, offload
from roundelay.store.blobs import Buffer


class RunningHash:
    """The SHA-256 of a content that is being assembled in a buffer."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._whole = hashlib.sha256()
        self._size_bytes = 0  # that have been hashed
        self._ends: dict[int, int] = {}  # of the pieces that have not been hashed, by their starts

    def place(self, start: int, piece: bytes) -> Procedure[None]:
        """Place a piece, and hash it and those after it as soon as those before it are hashed. Raises StoreFull."""
        self._buffer.place(start, piece)
        self._ends[start] = start + len(piece)
        while (end := self._ends.pop(self._size_bytes, None)) is not None:  # none while another procedure hashes it
            following = piece if start == self._size_bytes else self._buffer[self._size_bytes : end]
            yield from offload(partial(self._whole.update, following))
            self._size_bytes = end

    def hexdigest(self) -> str:
        """Return the digest of the pieces that have come without a gap."""
        return self._whole.hexdigest()
