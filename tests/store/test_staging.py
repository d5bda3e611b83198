"""The staging area on its own: how long contents stay, and what happens when there is no room."""

from __future__ import annotations

from typing import Any

import pytest

from roundelay.chord.errors import NotFound, StoreFull
from roundelay.store.blobs import Buffer, MemoryBuffer, digest_of
from roundelay.store.staging import LARGE_BYTES_MAX, SMALL_BYTES_MAX, STAGING_TTL_S, UPLOAD_TTL_S, Staging
from tests.store.store_harness import Clock

CONTENT = b"some content"
DIGEST = digest_of(CONTENT)


class Room:
    """How many bytes are free: set by hand."""

    free = 1000

    def __call__(self) -> int:
        return self.free


def staging(clock: Clock, room: Room) -> Staging:
    def buffer(size_bytes: int) -> Buffer:
        return MemoryBuffer()

    return Staging(clock, room, buffer)


def test_an_incomplete_content_waits_for_its_next_piece_until_its_time_is_up() -> None:
    clock = Clock()
    area = staging(clock, Room())
    area.receive(DIGEST, len(CONTENT), 0, CONTENT[:5])

    clock.now += UPLOAD_TTL_S - 1
    area.expire()
    assert area.received_bytes(DIGEST) == area.total_bytes == 5
    assert area.receive(DIGEST, len(CONTENT), 5, CONTENT[5:7]) == 7, "each piece extends the time"
    clock.now += UPLOAD_TTL_S - 1
    area.expire()
    assert area.received_bytes(DIGEST) == 7

    clock.now += 1
    area.expire()
    assert area.received_bytes(DIGEST) == area.total_bytes == 0


def test_a_complete_content_stays_until_it_has_not_been_asked_for_during_its_time() -> None:
    clock = Clock()
    area = staging(clock, Room())
    area.add(DIGEST, CONTENT)

    clock.now += STAGING_TTL_S - 1
    area.expire()
    assert area.content(DIGEST) == CONTENT
    assert area.has(DIGEST), "which extends its time"
    clock.now += STAGING_TTL_S - 1
    area.expire()
    assert area.content(DIGEST) == CONTENT

    clock.now += 1
    area.expire()
    assert not area.has(DIGEST)
    with pytest.raises(NotFound):
        area.content(DIGEST)


def test_an_upload_for_which_there_is_no_room_any_more_is_dropped() -> None:
    room = Room()
    area = staging(Clock(), room)
    area.receive(DIGEST, len(CONTENT), 0, CONTENT[:5])

    room.free = 6  # and 7 bytes are missing
    with pytest.raises(StoreFull, match="7 more bytes: 6 are free"):
        area.receive(DIGEST, len(CONTENT), 5, CONTENT[5:6])

    assert area.received_bytes(DIGEST) == area.total_bytes == 0
    room.free = len(CONTENT)
    assert area.receive(DIGEST, len(CONTENT), 0, CONTENT) == len(CONTENT)


def test_an_upload_whose_buffer_is_full_is_dropped() -> None:
    class FullBuffer(MemoryBuffer):
        def write(self, piece: Any) -> int:
            if self.tell():
                raise StoreFull("no space left on device")
            return super().write(piece)

    area = Staging(Clock(), Room(), lambda size_bytes: FullBuffer())
    area.receive(DIGEST, len(CONTENT), 0, CONTENT[:5])

    with pytest.raises(StoreFull, match="no space left"):
        area.receive(DIGEST, len(CONTENT), 5, CONTENT[5:])

    assert area.received_bytes(DIGEST) == area.total_bytes == 0


def contents(count: int, size_bytes: int) -> dict[str, bytes]:
    """As many different contents of one size, by digest."""
    made = [number.to_bytes(4) + bytes(size_bytes - 4) for number in range(count)]
    return {digest_of(content): content for content in made}


def test_what_was_not_used_for_longest_makes_room_and_what_an_order_names_goes_last() -> None:
    size = SMALL_BYTES_MAX // 8
    room = Room()
    room.free = 1 << 40
    area = staging(Clock(), room)
    first, second, *others = contents(10, size - 1).items()
    area.claims = lambda: {first[0]}
    for digest, content in (first, second, *others[:6]):
        area.add(digest, content)
    assert area.has(others[0][0]), "which is used again"

    for digest, content in others[6:]:
        area.add(digest, content)

    here = [digest for digest, _ in (first, second, *others) if area.has(digest)]
    assert second[0] not in here and first[0] in here and others[0][0] in here
    assert area.total_bytes <= SMALL_BYTES_MAX


def test_announcing_contents_that_never_come_pushes_no_complete_one_out() -> None:
    room = Room()
    room.free = 1 << 40
    area = staging(Clock(), room)
    area.add(DIGEST, CONTENT)

    for number in range(100):
        area.receive(f"{number:064x}", SMALL_BYTES_MAX // 9, 0, b"x")

    assert area.has(DIGEST)
    assert area.total_bytes < 20 + len(CONTENT)


def test_large_contents_have_a_budget_of_their_own() -> None:
    room = Room()
    room.free = 1 << 40
    area = staging(Clock(), room)
    area.add(DIGEST, CONTENT)

    for number in range(LARGE_BYTES_MAX // (200 << 20) + 3):
        area.receive(f"{number:064x}", 200 << 20, 0, b"x")

    assert area.has(DIGEST)
    assert area.received_bytes(f"{0:064x}") == 0
    assert area.total_bytes == len(CONTENT) + LARGE_BYTES_MAX // (200 << 20)
