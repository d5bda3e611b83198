"""Bulk put: records of many keys, each in all its copies, in few round trips.

The writer knows the ring's members, so it knows the nodes of every key. One question a node, items without contents,
finds what is there already; then each node gets only the contents that it lacks, several in a message and several
messages in flight. The owners verify that they are. A record whose copies cannot all be stored so is put by itself,
with a lookup (`write_path`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from roundelay.chord.crawl import successors_among
from roundelay.chord.effects import Procedure, ask, ask_all, gather_or_raise
from roundelay.chord.errors import ChordError, NotAllowed
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.store.items import CHUNK_BYTES, Put, Receipt
from roundelay.store.packing import far_among
from roundelay.store.transfer import transfer_timeout_s
from roundelay.store.write_path import Record, put_one, put_records

QUESTION_ITEMS_MAX = 64  # in one message: a node writes each to its disk before it answers
QUESTIONS_IN_FLIGHT_MAX = 64
BATCH_ITEMS_MAX = 16  # with their contents
BATCH_BYTES_MAX = 256 << 10  # of contents in one message, unless one has more
MESSAGES_IN_FLIGHT_MAX = 16
MESSAGES_IN_FLIGHT_MIN = 2  # of large contents, which have several pieces in flight each
WINDOW_BYTES = 2 << 20  # of contents in flight: they may all share one slow link
LOOKUPS_IN_FLIGHT_MAX = 8

OnStored = Callable[[Record], None]


@dataclass(frozen=True)
class _Batch:
    """Records for one node, by their places among all; as_owner: the node must own their keys."""

    node: NodeRef
    as_owner: bool
    places: tuple[int, ...]


def put_many(
    start: NodeRef,
    ring: Ring,
    members: Sequence[NodeRef],
    records: Sequence[Record],
    on_stored: OnStored,
    beside: Procedure[None] | None = None,
) -> Procedure[list[tuple[NodeRef, ...]]]:
    """Store records of any keys in all copies. Return the holders of each, the owner first.

    members: of the ring, by identifier. on_stored: called with each record that has all its copies. beside: what runs
    while the contents are sent. Raises UnderReplicated, NotAllowed, LookupFailed; what `beside` raises.
    """
    work = _BulkPut(ring, members, records, on_stored)
    yield from work.ask_nodes()
    yield from gather_or_raise([work.send_contents(), *([beside] if beside is not None else [])])
    return (yield from work.put_rest(start))


class _BulkPut:
    """One bulk put: which nodes lack which records."""

    def __init__(self, ring: Ring, members: Sequence[NodeRef], records: Sequence[Record], on_stored: OnStored) -> None:
        self._ring = ring
        self._records = records
        self._on_stored = on_stored
        self._holders = [successors_among(members, each.item.entry.key)[: ring.replicas] for each in records]
        self._left = [set(nodes) for nodes in self._holders]  # that have not stored it yet
        self._far: frozenset[NodeRef] = frozenset()  # nodes that are sent contents packed
        self._failed: set[int] = set()  # places of the records that are put by themselves

    def ask_nodes(self) -> Procedure[None]:
        """Put all items without contents: a node that has a content stores its item."""
        batches = self._batches(QUESTION_ITEMS_MAX, lambda record: 0)
        for start in range(0, len(batches), QUESTIONS_IN_FLIGHT_MAX):
            asked = batches[start : start + QUESTIONS_IN_FLIGHT_MAX]
            asks = [(batch.node, self._request(batch, False)) for batch in asked]
            for batch, receipts in zip(asked, (yield from ask_all(asks)), strict=True):
                self._take(batch, receipts, False)

    def send_contents(self) -> Procedure[None]:
        """Send each node the contents that it lacks."""
        self._far = yield from far_among(sorted(set().union(*self._left), key=lambda node: node.id))
        batches = self._batches(BATCH_ITEMS_MAX, lambda record: len(record.content))
        largest = min(WINDOW_BYTES, max(map(self._content_bytes, batches), default=0))
        in_flight = WINDOW_BYTES // max(1, largest)
        in_flight = max(MESSAGES_IN_FLIGHT_MIN, min(MESSAGES_IN_FLIGHT_MAX, in_flight))
        yield from gather_or_raise([self._put(batch, in_flight * largest) for batch in batches], in_flight)

    def put_rest(self, start: NodeRef) -> Procedure[list[tuple[NodeRef, ...]]]:
        """Put by itself each record that has failed on some node. Return the holders of all records."""

        def put_alone(place: int) -> Procedure[None]:
            record = self._records[place]
            self._holders[place] = yield from put_records(start, self._ring, (record,), is_new=False)
            self._on_stored(record)

        yield from gather_or_raise([put_alone(place) for place in sorted(self._failed)], LOOKUPS_IN_FLIGHT_MAX)
        return self._holders

    # --- helpers

    def _batches(self, items_max: int, size_bytes: Callable[[Record], int]) -> list[_Batch]:
        """Group what is left by node, in messages of at most BATCH_BYTES_MAX, unless one record has more.

        The nodes take turns, so that all of them are busy.
        """
        groups: defaultdict[tuple[NodeRef, bool], list[list[int]]] = defaultdict(list)
        room: dict[tuple[NodeRef, bool], int] = {}
        for place, record in enumerate(self._records):
            for node in self._left[place] if place not in self._failed else ():
                group, size = (node, node == self._holders[place][0]), size_bytes(record)
                if not groups[group] or len(groups[group][-1]) == items_max or size > room[group]:
                    groups[group].append([])
                    room[group] = BATCH_BYTES_MAX
                groups[group][-1].append(place)
                room[group] -= size
        turns = zip_longest(*([_Batch(*group, tuple(places)) for places in lists] for group, lists in groups.items()))
        return [batch for batch in chain.from_iterable(turns) if batch is not None]

    def _content_bytes(self, batch: _Batch) -> int:
        """Return how much of contents a batch sends, packed where that is so."""
        sent = [self._records[place].parcel(True, batch.node in self._far).content for place in batch.places]
        return sum(map(len, sent)) or max(len(self._records[place].content) for place in batch.places)

    def _put(self, batch: _Batch, bytes_in_flight: int) -> Procedure[None]:
        """Put a batch, and note which of its records are stored. Raises NotAllowed: all nodes have the same rules."""
        receipts: Sequence[Receipt] | ChordError
        try:
            receipts = yield from self._send(batch, bytes_in_flight)
        except ChordError as error:
            receipts = error
        self._take(batch, receipts, True)

    def _send(self, batch: _Batch, bytes_in_flight: int) -> Procedure[Sequence[Receipt]]:
        record = self._records[batch.places[0]]
        if len(record.content) > CHUNK_BYTES:  # alone in its batch, sent in pieces
            yield from put_one(batch.node, record.item, record.content)
            return [Receipt(True, len(record.content))]
        return (yield from ask(batch.node, self._request(batch, True), transfer_timeout_s(bytes_in_flight)))

    def _request(self, batch: _Batch, has_contents: bool) -> Put:
        parcels = tuple(self._records[place].parcel(has_contents, batch.node in self._far) for place in batch.places)
        return Put(parcels, batch.as_owner)

    def _take(self, batch: _Batch, receipts: Sequence[Receipt] | ChordError, has_contents: bool) -> None:
        """Note which records of a batch are stored. Raises NotAllowed."""
        if isinstance(receipts, NotAllowed):
            raise receipts
        if isinstance(receipts, ChordError) or len(receipts) != len(batch.places):
            self._failed.update(batch.places)
            return
        for place, receipt in zip(batch.places, receipts, strict=True):
            if receipt.stored:
                self._confirm(place, batch.node)
            elif has_contents:
                self._failed.add(place)

    def _confirm(self, place: int, node: NodeRef) -> None:
        self._left[place].discard(node)
        if not self._left[place] and place not in self._failed:
            self._on_stored(self._records[place])
