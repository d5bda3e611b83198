"""Reading a content piece by piece: pieces come in any order, and a content with one wrong byte is refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from roundelay.chord.effects import Ask, Effect, Gather, Offload, Procedure, resume, run
from roundelay.chord.errors import Corrupt
from roundelay.chord.refs import NodeRef
from roundelay.node.files import Spool
from roundelay.store.blobs import Buffer, MemoryBuffer, digest_of
from roundelay.store.items import CHUNK_BYTES, PIECE_BYTES, Read
from roundelay.store.running_hash import RunningHash
from roundelay.store.transfer import PIECES_IN_FLIGHT, collect_from, fetch_from

NODE = NodeRef(1, "node", 1)
CONTENT = random.Random(1).randbytes(6 * PIECE_BYTES + 5)
DIGEST = digest_of(CONTENT)
PIECES = 7
SHORT = (1, 31, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, CHUNK_BYTES + PIECE_BYTES)


class Sender:
    """A node that has a content. What it sends of it is damaged by `damage`; answers come in the order of `rng`."""

    def __init__(self, content: bytes, damage: Callable[[int, bytes], bytes] = lambda start, piece: piece) -> None:
        self.content, self.damage = content, damage
        self.rng = random.Random(0)
        self.offloaded = 0

    def perform(self, effect: Effect) -> Any:
        match effect:
            case Ask(request=Read(_, offset, length)):
                return self.damage(offset, self.content[offset : offset + length])
            case Offload():
                self.offloaded += 1
                return effect.function()
            case Gather():
                return self._together(list(effect.procedures), effect.limit)
            case _:
                raise AssertionError(effect)

    def _together(self, waiting: list[Procedure[Any]], limit: int) -> list[Any]:
        """Run procedures step by step, `limit` at a time, each time one of them by chance."""
        places = {id(procedure): place for place, procedure in enumerate(waiting)}
        results: list[Any] = [None] * len(waiting)
        running: list[tuple[Procedure[Any], Any]] = []
        while waiting or running:
            while waiting and len(running) < limit:
                running.append((waiting.pop(0), None))
            procedure, outcome = running.pop(self.rng.randrange(len(running)))
            try:
                running.append((procedure, self.perform(resume(procedure, outcome))))
            except StopIteration as end:
                results[places[id(procedure)]] = end.value
            except Exception as error:
                results[places[id(procedure)]] = error
        return results


@pytest.fixture(params=["memory", "file"])
def buffer(request: pytest.FixtureRequest, tmp_path: Path) -> Buffer:
    return MemoryBuffer(len(CONTENT)) if request.param == "memory" else Spool(tmp_path)


def flipped(at: int) -> Callable[[int, bytes], bytes]:
    """Return a damage that flips a bit of the byte at this place of a content."""

    def damage(start: int, piece: bytes) -> bytes:
        if not start <= at < start + len(piece):
            return piece
        spoilt = bytearray(piece)
        spoilt[at - start] ^= 1
        return bytes(spoilt)

    return damage


@pytest.mark.parametrize("seed", range(20))
def test_pieces_that_come_in_any_order_give_the_content(seed: int, buffer: Buffer) -> None:
    sender = Sender(CONTENT)
    sender.rng.seed(seed)

    run(collect_from(NODE, DIGEST, len(CONTENT), buffer), sender.perform)

    assert buffer.getvalue()[:] == CONTENT


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("piece", range(PIECES))
def test_a_content_with_a_wrong_byte_in_any_piece_is_refused(piece: int, seed: int, buffer: Buffer) -> None:
    start, stop = piece * PIECE_BYTES, min(len(CONTENT), (piece + 1) * PIECE_BYTES)
    sender = Sender(CONTENT, flipped((start, stop - 1, (start + stop) // 2)[seed]))
    sender.rng.seed(seed)

    with pytest.raises(Corrupt, match=f"{len(CONTENT)} bytes that do not have digest {DIGEST[:8]}"):
        run(collect_from(NODE, DIGEST, len(CONTENT), buffer), sender.perform)


def test_pieces_that_are_sent_in_the_place_of_others_are_refused() -> None:
    def swapped(start: int, piece: bytes) -> bytes:
        other = {0: PIECE_BYTES, PIECE_BYTES: 0}.get(start, start)
        return CONTENT[other : other + len(piece)]

    with pytest.raises(Corrupt):
        run(fetch_from(NODE, DIGEST, len(CONTENT)), Sender(CONTENT, swapped).perform)


@pytest.mark.parametrize("last", [1, PIECES - 1])
def test_a_piece_of_another_length_is_refused(last: int) -> None:
    def shorter(start: int, piece: bytes) -> bytes:
        return piece[:-1] if start == last * PIECE_BYTES else piece

    with pytest.raises(Corrupt, match="expected"):
        run(fetch_from(NODE, DIGEST, len(CONTENT)), Sender(CONTENT, shorter).perform)


@pytest.mark.parametrize("size_bytes", SHORT)
def test_a_short_content_is_read_and_a_wrong_byte_in_it_is_refused(size_bytes: int) -> None:
    content = CONTENT[:size_bytes]

    assert run(fetch_from(NODE, digest_of(content), size_bytes), Sender(content).perform) == content
    for at in {0, size_bytes - 1}:
        with pytest.raises(Corrupt):
            run(fetch_from(NODE, digest_of(content), size_bytes), Sender(content, flipped(at)).perform)


def test_an_empty_content_is_not_asked_for_and_needs_the_digest_of_nothing() -> None:
    def perform(effect: Effect) -> Any:
        raise AssertionError(effect)

    assert run(fetch_from(NODE, digest_of(b""), 0), perform) == b""
    with pytest.raises(Corrupt):
        run(fetch_from(NODE, DIGEST, 0), perform)


def test_every_piece_is_hashed_once_and_while_others_use_the_process() -> None:
    sender = Sender(CONTENT)

    assert run(fetch_from(NODE, DIGEST, len(CONTENT)), sender.perform) == CONTENT

    assert sender.offloaded == PIECES


def test_a_piece_is_placed_while_another_is_hashed() -> None:
    buffer = MemoryBuffer(3)
    whole = RunningHash(buffer)
    hashing = whole.place(0, b"a")
    effect = next(hashing)

    run(whole.place(2, b"c"), Sender(b"").perform)
    run(whole.place(1, b"b"), Sender(b"").perform)
    assert buffer.getvalue() == b"abc"
    assert isinstance(effect, Offload)
    effect.function()
    with pytest.raises(StopIteration):
        for _ in range(PIECES):
            effect = hashing.send(None)
            assert isinstance(effect, Offload)
            effect.function()

    assert whole.hexdigest() == digest_of(b"abc")


def test_the_pieces_of_a_content_are_several_at_a_time() -> None:
    def perform(effect: Effect) -> Any:
        assert isinstance(effect, Gather)
        assert (len(effect.procedures), effect.limit) == (PIECES, PIECES_IN_FLIGHT)
        return [run(each, Sender(CONTENT).perform) for each in effect.procedures]

    assert run(fetch_from(NODE, DIGEST, len(CONTENT)), perform) == CONTENT
