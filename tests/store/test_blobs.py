"""Contents in memory and in files: each kind has room of its own."""

from __future__ import annotations

import tracemalloc

import pytest

from roundelay.chord.errors import StoreFull
from roundelay.store import blobs
from roundelay.store.blobs import MemoryBlobs, MemoryBuffer


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


@pytest.mark.parametrize("reserved_bytes", [0, 6])
def test_a_buffer_in_memory_takes_pieces_in_any_order(reserved_bytes: int) -> None:
    buffer = MemoryBuffer(reserved_bytes)

    buffer.place(3, b"def")
    buffer.place(0, b"abc")

    assert buffer.getvalue() == b"abcdef"


def test_a_buffer_whose_size_is_known_is_appended_to_from_its_beginning() -> None:
    buffer = MemoryBuffer(6)

    assert buffer.tell() == 0
    buffer.write(b"abc")
    buffer.write(b"def")

    assert buffer.tell() == 6
    assert buffer.getvalue() == b"abcdef"


def test_the_memory_of_a_content_whose_size_is_known_is_reserved_once() -> None:
    piece, pieces = bytes(range(256)) * 4096, 8
    tracemalloc.start()
    try:
        buffer = MemoryBuffer(pieces * len(piece))
        reserved_bytes, _ = tracemalloc.get_traced_memory()
        for number in range(pieces):
            buffer.place(number * len(piece), piece)
        content = buffer.getvalue()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert content == pieces * piece
    assert pieces * len(piece) <= reserved_bytes <= peak_bytes < (pieces + 1) * len(piece)
