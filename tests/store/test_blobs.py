"""Contents in memory and in files: each kind has room of its own."""

from __future__ import annotations

import pytest

from roundelay.chord.errors import StoreFull
from roundelay.store import blobs
from roundelay.store.blobs import MemoryBlobs, MemoryBuffer, digest_of


class InAFile:
    """A content that takes no memory."""

    def __len__(self) -> int:
        return 80

    def __getitem__(self, part: slice, /) -> bytes:
        return bytes(80)[part]


def test_what_lies_in_files_leaves_room_in_memory_and_the_other_way_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "MEMORY_BYTES_MAX", 50)
    kept = MemoryBlobs(bytes_max=200)

    kept.add("a" * 64, InAFile())
    kept.add("b" * 64, bytes(50))
    with pytest.raises(StoreFull, match="no room for 1 bytes: 50 of 50 are in use"):
        kept.add("c" * 64, b"x")
    with pytest.raises(StoreFull, match="no room for 80 bytes: 130 of 200 are in use"):
        kept.add("c" * 64, InAFile())
    kept.drop("b" * 64)
    kept.add("c" * 64, b"x")

    assert kept.total_bytes == 81


def test_a_buffer_in_memory_takes_pieces_in_any_order() -> None:
    buffer = MemoryBuffer()

    buffer.place(3, b"def")
    buffer.place(0, b"abc")

    assert digest_of(buffer.getvalue()) == digest_of(b"abcdef")
