"""The read path: the procedures that read an item from the nodes responsible for its key.

All replicas are asked and the latest version counts; a replica that lacks it gets it (read repair, as in Dynamo:
DeCandia et al., SOSP 2007). Which nodes are responsible is looked up for every call and never cached. Writing is in
`write_path`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from roundelay.chord.crawl import successors_among
from roundelay.chord.effects import Procedure, Sleep, ask, ask_all, gather_or_raise
from roundelay.chord.errors import ChordError, NotFound, NotYet
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours
from roundelay.chord.ring import Ring, between_right_closed
from roundelay.store.blobs import digest_of
from roundelay.store.items import IN_LINE_BYTES_MAX, RENEWAL_SHARE, Entry, Find, Item, Put, Read
from roundelay.store.transfer import fetch_from, transfer_timeout_s
from roundelay.store.write_path import nodes_for, put_one

FIND_NODES_MIN = 4  # to ask for a key's items: three nodes that join or leave at once cannot hide one
FIND_ATTEMPTS_MAX = 20
FIND_RETRY_S = 0.1
GET_ATTEMPTS_MAX = 3  # a copy may be handed off between the answer that names it and the read


@dataclass(frozen=True)
class FoundItems:
    """The items found, the nodes that were asked, and the answer of each; complete if no node can know more."""

    items: tuple[Item, ...]
    nodes: tuple[NodeRef, ...]
    complete: bool
    answers: tuple[tuple[Item, ...] | ChordError, ...] = ()


def find(
    start: NodeRef, ring: Ring, key: int, names: tuple[str, ...] = (), nodes: tuple[NodeRef, ...] = ()
) -> Procedure[tuple[tuple[Item, ...], tuple[NodeRef, ...]]]:
    """Return a key's items (only those with one of `names`, if given) and the nodes asked: the owner and replicas more.

    nodes: those responsible for the key, if the caller knows them; they are looked up only if they do not suffice.
    Retries while a replica is receiving a hand-off. After FIND_ATTEMPTS_MAX attempts, returns what the other replicas
    know. Raises LookupFailed; NotYet, if they know nothing.
    """
    found = yield from _search(start, ring, Find(key, names), lambda items: items, False, nodes)
    if not found.items and not found.complete:
        raise NotYet(f"key {ring.show(key)}: the nodes responsible for it are not ready")
    return found.items, found.nodes


def holders_among(members: Sequence[NodeRef], ring: Ring, key: int) -> tuple[NodeRef, ...]:
    """Return the members, by identifier, that are asked for a key's items: its owner and the nodes after it."""
    return successors_among(members, key)[: max(ring.replicas + 1, FIND_NODES_MIN)]


def _search(
    start: NodeRef,
    ring: Ring,
    request: Find,
    choose: Callable[[tuple[Item, ...]], tuple[Item, ...]],
    any_will_do: bool,
    known: tuple[NodeRef, ...] = (),
) -> Procedure[FoundItems]:
    """Return the matching items. Retries while a replica is receiving a hand-off, since it may hold a later version.

    That there are none is certain only if all nodes asked have said so. At least FIND_NODES_MIN nodes are asked, even
    if there are fewer replicas: an item that a leaving node has refused is on the next one, and nodes that join come
    in between. `any_will_do` ends the search with the first match. The `known` nodes are asked first.
    """
    found, count, key = FoundItems((), (), False), max(ring.replicas + 1, FIND_NODES_MIN), request.key
    for _ in range(FIND_ATTEMPTS_MAX):
        nodes = known or (yield from nodes_for(start, ring, key, count))[:count]
        known = ()
        answers = yield from ask_all([(node, request) for node in nodes])
        items = choose(latest_items([item for answer in answers if isinstance(answer, tuple) for item in answer]))
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
    """Ask a node whether it owns the key: the lookup may have passed over a node that joined lately."""
    try:
        theirs = yield from ask(node, GetNeighbours())
    except ChordError:
        return False
    return between_right_closed(theirs.predecessor.id, key, node.id)


def latest_items(items: list[Item]) -> tuple[Item, ...]:
    """Return each entry once in its latest version, without those whose latest version is a deletion."""
    latest: dict[Entry, Item] = {}
    for item in sorted(items, key=lambda item: (item.rank, item.lease_s)):
        latest[item.entry] = item
    return tuple(item for item in latest.values() if not item.deleted)


def get(
    start: NodeRef, ring: Ring, key: int, name: str, digest: str = "", nodes: tuple[NodeRef, ...] = ()
) -> Procedure[bytes]:
    """Return the content with a name: the one with `digest` if it is given, otherwise the latest.

    nodes: those responsible for the key, if the caller knows them; they are looked up only if they do not suffice.
    Raises NotFound if all responsible nodes lack it; NotYet, LookupFailed if not all could say.
    """

    def of_digest(items: tuple[Item, ...]) -> tuple[Item, ...]:
        return tuple(i for i in items if digest in ("", i.entry.digest))

    missing = NotFound(name)
    for _ in range(GET_ATTEMPTS_MAX):
        found = yield from _search(start, ring, Find(key, (name,)), of_digest, bool(digest), nodes)
        nodes = ()
        if not found.complete and not (digest and found.items):
            raise NotYet(f"{name}: the nodes responsible for it are not ready")
        if not found.items:
            raise NotFound(f"{name}: none of the {len(found.nodes)} nodes responsible for it has it")
        latest = max(found.items, key=lambda item: item.rank)
        try:
            content = yield from fetch(found.nodes, latest.entry.digest, latest.entry.size_bytes)
        except NotFound as error:
            missing = error
            continue
        replicas = list(zip(found.nodes, found.answers, strict=True))[: ring.replicas]
        yield from _read_repair([node for node, answer in replicas if not _has(answer, latest)], latest, content)
        return content
    raise missing


def fetch(nodes: tuple[NodeRef, ...], digest: str, size_bytes: int) -> Procedure[bytes]:
    """Read a content from the first of the nodes that has an intact copy. Raises NotFound."""
    for node in nodes:
        try:
            content = yield from fetch_from(node, digest, size_bytes)
        except ChordError:
            continue
        return content
    raise NotFound(f"content {digest[:8]} is on none of {', '.join(str(n.address) for n in nodes)}")


def fetch_many(nodes: tuple[NodeRef, ...], entries: Sequence[Entry]) -> Procedure[list[bytes]]:
    """Read contents, the small ones in one message exchange with the first node. Raises the first error."""
    small = [entry for entry in entries if 0 < entry.size_bytes <= IN_LINE_BYTES_MAX]
    asks = [(nodes[0], Read(entry.digest, 0, entry.size_bytes)) for entry in small]
    answers = yield from ask_all(asks, deadline_s=transfer_timeout_s(sum(entry.size_bytes for entry in small)))
    found = {
        entry.digest: answer
        for entry, answer in zip(small, answers, strict=True)
        if isinstance(answer, bytes) and digest_of(answer) == entry.digest
    }
    rest = list({entry.digest: entry for entry in entries if entry.digest not in found}.values())
    contents = yield from gather_or_raise([fetch(nodes, entry.digest, entry.size_bytes) for entry in rest])
    found |= {entry.digest: content for entry, content in zip(rest, contents, strict=True)}
    return [found[entry.digest] for entry in entries]


def _has(answer: tuple[Item, ...] | ChordError, item: Item) -> bool:
    """Return True if an answer contains an item, with about the same lease."""
    lease_s = (1 - RENEWAL_SHARE) * item.lease_s
    return isinstance(answer, tuple) and any(
        each.entry == item.entry and each.rank == item.rank and each.lease_s >= lease_s for each in answer
    )


def _read_repair(nodes: Sequence[NodeRef], item: Item, content: bytes) -> Procedure[None]:
    """Read repair: store an item on the replicas that lack it."""
    answers = yield from ask_all([(node, Put.of(item)) for node in nodes])
    missing = [n for n, a in zip(nodes, answers, strict=True) if isinstance(a, tuple) and not a[0].stored]
    for node in missing:
        try:
            yield from put_one(node, item, content)
        except ChordError:
            continue
