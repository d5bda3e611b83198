"""The procedures that read many stores: find asks who should know, get asks until somebody has the content.

Where a key's copies belong is what the ring says at that moment: nothing here remembers it. Writing is in storing.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO

from roundelay.chord.effects import Procedure, Sleep, ask, ask_all
from roundelay.chord.errors import ChordError, Corrupt, NotFound, NotYet
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours
from roundelay.chord.ring import Ring, between_right_closed
from roundelay.store.blobs import digest_of
from roundelay.store.items import CHUNK_BYTES, RENEWAL_SHARE, Entry, Find, Item, Put, Read, Receipt
from roundelay.store.write_path import TRANSFER_TIMEOUT_S, nodes_for, put_one

FIND_NODES_MIN = 4  # asked for a key's items: up to three nodes that come and go at once do not hide one
FIND_ATTEMPTS_MAX = 20
FIND_RETRY_S = 0.1
GET_ATTEMPTS_MAX = 3  # a copy may be handed on between our hearing of it and our reading it


@dataclass(frozen=True)
class FoundItems:
    """What was found, the nodes that were asked, whether all who should know could say, and what each has said."""

    items: tuple[Item, ...]
    nodes: tuple[NodeRef, ...]
    complete: bool
    answers: tuple[tuple[Item, ...] | ChordError, ...] = ()


def find(
    start: NodeRef, ring: Ring, key: int, names: tuple[str, ...] = ()
) -> Procedure[tuple[tuple[Item, ...], tuple[NodeRef, ...]]]:
    """What is kept under a key, and the nodes that were asked: the owner and `replicas` more, four at least.

    All of it, or what has one of these names.

    Waits while a hand-over is going on; if it goes on for long, what the others know must do.
    Raises LookupFailed; NotYet, when they know nothing.
    """
    found = yield from _search(start, ring, Find(key, names), lambda items: items, any_will_do=False)
    if not found.items and not found.complete:
        raise NotYet(f"key {ring.show(key)}: the nodes that should know are not ready")
    return found.items, found.nodes


def _search(
    start: NodeRef, ring: Ring, wanted: Find, choose: Callable[[tuple[Item, ...]], tuple[Item, ...]], any_will_do: bool
) -> Procedure[FoundItems]:
    """Those of the items wanted that are chosen. Who is being handed over to may have a later one, and is waited for.

    That there are none is certain when all who were asked have said so. With few copies more are asked than
    should know: what a leaver no longer took in lies with the next node, and joiners come between the two.
    """
    found, count, key = FoundItems((), (), False), max(ring.replicas + 1, FIND_NODES_MIN), wanted.key
    for _ in range(FIND_ATTEMPTS_MAX):
        nodes = (yield from nodes_for(start, ring, key, count))[:count]
        answers = yield from ask_all([(node, wanted) for node in nodes])
        items = choose(_latest([item for answer in answers if isinstance(answer, tuple) for item in answer]))
        if items:
            complete = not any(isinstance(answer, NotYet) for answer in answers[: ring.replicas])
        else:
            all_know = all(isinstance(answer, tuple) for answer in answers)
            complete = all_know and (yield from _is_owner(nodes[0], key))
        found = FoundItems(items, nodes, complete, tuple(answers))
        if complete or (items and any_will_do):
            break
        yield Sleep(FIND_RETRY_S)
    return found


def _is_owner(node: NodeRef, key: int) -> Procedure[bool]:
    """Does it own the key, as it sees the ring itself? The way to it may have passed over a newer node."""
    try:
        theirs = yield from ask(node, GetNeighbours())
    except ChordError:
        return False
    return between_right_closed(theirs.predecessor.id, key, node.id)


def _latest(items: list[Item]) -> tuple[Item, ...]:
    """Each entry once, in its latest version; without those whose latest version is a deletion."""
    latest: dict[Entry, Item] = {}
    for item in sorted(items, key=lambda item: (item.rank, item.lease_s)):
        latest[item.entry] = item
    return tuple(item for item in latest.values() if not item.deleted)


def get(start: NodeRef, ring: Ring, key: int, name: str, digest: str = "") -> Procedure[bytes]:
    """The content of that name: of that digest or, where none is given, the latest.

    Raises NotFound when all who should have it say no; NotYet, LookupFailed when not all could say.
    """

    def of_digest(items: tuple[Item, ...]) -> tuple[Item, ...]:
        return tuple(i for i in items if digest in ("", i.entry.digest))

    missing = NotFound(name)
    for _ in range(GET_ATTEMPTS_MAX):
        found = yield from _search(start, ring, Find(key, (name,)), of_digest, any_will_do=bool(digest))
        if not found.complete and not (digest and found.items):
            raise NotYet(f"{name}: the nodes that should have it are not ready")
        if not found.items:
            raise NotFound(f"{name}: none of the {len(found.nodes)} nodes responsible for it has it")
        latest = max(found.items, key=lambda item: item.rank)
        try:
            content = yield from fetch(found.nodes, latest.entry.digest, latest.entry.size_bytes)
        except NotFound as error:
            missing = error
            continue
        asked = list(zip(found.nodes, found.answers, strict=True))[: ring.replicas]
        yield from _read_repair([node for node, said in asked if not _has(said, latest)], latest, content)
        return content
    raise missing


def fetch(nodes: tuple[NodeRef, ...], digest: str, size_bytes: int) -> Procedure[bytes]:
    """Read a content from the first of these nodes that has it whole. Raises NotFound."""
    for node in nodes:
        try:
            content = yield from _fetch_from(node, digest, size_bytes)
        except ChordError:
            continue
        return content
    raise NotFound(f"content {digest[:8]} is with none of {', '.join(str(n.address) for n in nodes)}")


def _fetch_from(node: NodeRef, digest: str, size_bytes: int) -> Procedure[bytes]:
    content = BytesIO()  # whose value is no second copy
    while content.tell() < size_bytes:  # ends: every piece but the last brings something
        piece = yield from ask(node, Read(digest, content.tell(), CHUNK_BYTES), TRANSFER_TIMEOUT_S)
        if not piece:
            break
        content.write(piece)
    whole = content.getvalue()
    if digest_of(whole) != digest:
        raise Corrupt(f"{node.address} gave {len(whole)} bytes that are not {digest[:8]}")
    return whole


def _has(said: tuple[Item, ...] | ChordError, item: Item) -> bool:
    """Has it just said that it holds this, for as long?"""
    lease_s = (1 - RENEWAL_SHARE) * item.lease_s
    return isinstance(said, tuple) and any(
        each.entry == item.entry and each.rank == item.rank and each.lease_s >= lease_s for each in said
    )


def _read_repair(nodes: Sequence[NodeRef], item: Item, content: bytes) -> Procedure[None]:
    """Who should hold it and may not, gets it now."""
    answers = yield from ask_all([(node, Put(item)) for node in nodes])
    lacking = [n for n, a in zip(nodes, answers, strict=True) if isinstance(a, Receipt) and not a.stored]
    for node in lacking:
        try:
            yield from put_one(node, item, content)
        except ChordError:
            continue
