"""Boundaries of the store: room that is just enough, reads of nothing, and how long each piece may take."""

from __future__ import annotations

from typing import Any

import pytest

from roundelay.chord.effects import Ask, Effect, Gather, run
from roundelay.chord.errors import StoreFull
from roundelay.chord.refs import NodeRef
from roundelay.store.blobs import MemoryBlobs, digest_of
from roundelay.store.items import CHUNK_BYTES, PIECE_BYTES, Receipt, Write
from roundelay.store.store import Store
from roundelay.store.transfer import (
    COMMIT_BYTES_PER_S_MIN,
    LINK_BYTES_PER_S_MIN,
    PIECES_IN_FLIGHT,
    TRANSFER_TIMEOUT_S,
    write,
)
from tests.store.store_harness import Clock, keep

NODE = NodeRef(1, "node", 1)


def test_blobs_take_contents_up_to_their_room_and_no_more() -> None:
    blobs = MemoryBlobs(bytes_max=10)
    blobs.add("six", b"6" * 6)

    with pytest.raises(StoreFull):
        blobs.add("five", b"5" * 5)
    blobs.add("four", b"4" * 4)

    assert not blobs.has("five")
    assert blobs.total_bytes == 10


def test_a_read_of_no_bytes_is_answered() -> None:
    store = Store(Clock(), MemoryBlobs())
    keep(store, b"content")

    assert store.read(digest_of(b"content"), 0, 0) == b""


def test_each_piece_has_the_time_to_check_and_write_the_whole_because_each_may_arrive_last() -> None:
    content = bytes(3 * CHUNK_BYTES)
    timeouts = []

    def answer(effect: Effect) -> Any:
        if isinstance(effect, Gather):
            return [run(procedure, answer) for procedure in effect.procedures]
        assert isinstance(effect, Ask) and isinstance(effect.request, Write)
        timeouts.append(effect.timeout_s)
        received = effect.request.offset + len(effect.request.piece)
        return Receipt(received == len(content), received)

    run(write(NODE, digest_of(content), content), answer)

    in_flight_s = PIECES_IN_FLIGHT * PIECE_BYTES / LINK_BYTES_PER_S_MIN
    assert len(timeouts) == len(content) // PIECE_BYTES
    assert min(timeouts) >= TRANSFER_TIMEOUT_S + in_flight_s + len(content) / COMMIT_BYTES_PER_S_MIN
