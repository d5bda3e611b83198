"""What a driver that is itself a site of a secure sum stores before any other site reveals: its own part of the sum.

Its process may be killed when other sites have revealed their shares, and are bound to that set of sites. It would come
back with another masking key, and could send neither its masked vector nor its shares again. With this record another
driver completes the sum. The record says nothing that the driver does not know: the vector is masked, and the sealed
shares behind it and those that the site has revealed are of this one set.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import NodeRef
from roundelay.federation import jobs, records, strict_json
from roundelay.federation.errors import BadRecord
from roundelay.federation.retry import with_entry_failover
from roundelay.federation.roster import Roster
from roundelay.federation.secure_sum import ANSWER_BYTES_MAX, RevealedSet, check_masking, parse_shares
from roundelay.federation.strict_json import ADDRESS_CHARACTERS_MAX, require
from roundelay.store.items import Item
from roundelay.store.read_path import get

READ_MAX = 16  # records of one round, the latest; each driver of a round writes at most one for each set
READ_TRIES_MAX = 8
HEAD_BYTES_MAX = 2 * ANSWER_BYTES_MAX  # before the vector


@dataclass(frozen=True)
class _Head:
    """The first line of a record."""

    sum_id: str
    chosen: RevealedSet
    site: str  # address
    seconds: float  # that its training took
    shares: str  # hexadecimal, as in RevealedShares; empty if the site has revealed none


@dataclass(frozen=True)
class MaskedRecord:
    """A site's part of the sum over a set: its masked vector with the boxes, if it is in it, and its shares."""

    head: _Head
    content: bytes = field(
        repr=False
    )  # as the site has sent it (secure_sum.split_masked); empty if it is not in the sum

    @classmethod
    def of(
        cls, sum_id: str, chosen: RevealedSet, site: str, content: bytes, seconds: float, shares: list[bytes]
    ) -> MaskedRecord:
        """Return the record of a site. shares: in the order of RevealedShares; empty if it has revealed none."""
        return cls(_Head(sum_id, chosen, site, seconds, b"".join(shares).hex()), content)

    @property
    def place(self) -> int:
        """The site's place in the masking."""
        return self.head.chosen.masking.places[self.head.site]

    @property
    def shares(self) -> list[bytes]:
        """The shares that the site has revealed, in the order of RevealedShares; empty if it has revealed none."""
        return parse_shares(self.head.shares, self.head.chosen) if self.head.shares else []

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self.head), sort_keys=True).encode() + b"\n" + self.content


def masked_record_from_bytes(content: bytes) -> MaskedRecord:
    """Parse a record. The size of the vector is not checked. Raises BadRecord."""
    line, _, vector = content.partition(b"\n")
    head = strict_json.decode(_Head, line, "masked record", HEAD_BYTES_MAX)
    try:
        strict_json.digest("sum_id", head.sum_id)
        strict_json.text("site", head.site, ADDRESS_CHARACTERS_MAX)
        check_masking(head.chosen.masking)
        require(head.site in head.chosen.masking.places, "its site is not in the masking")
        require(head.seconds >= 0.0, "negative seconds")
        found = MaskedRecord(head, vector)
        require(bool(vector) == (found.place in head.chosen.included), "a vector of a site that is not in the sum")
        require(bool(found.shares) or not head.shares, "shares")
    except ValueError as error:
        raise strict_json.malformed("masked record", str(error)) from error
    return found


def write_masked(roster: Roster, job: str, number: int, record: MaskedRecord, version: int) -> Procedure[None]:
    """Store a record in all copies. Raises ChordError."""
    what, content = f"masked-{number}", record.to_bytes()
    yield from with_entry_failover(
        roster, lambda entry: jobs.put_record(entry, roster.ring, job, what, content, version, roster.nodes)
    )


def read_masked(roster: Roster, job: str, number: int) -> Procedure[list[MaskedRecord]]:
    """Return the records of a round that can be read. Raises ChordError."""
    name = records.masked_name(job, number)
    items = yield from with_entry_failover(
        roster, lambda entry: jobs.find_records(entry, roster.ring, job, name, members=roster.nodes)
    )
    named = sorted((item for item in items if item.entry.name == name), key=lambda item: item.rank)
    found = []
    for item in named[-READ_MAX:]:
        try:
            found.append(masked_record_from_bytes((yield from _content_of(roster, item))))
        except (BadRecord, ChordError):
            continue
    return found


def _content_of(roster: Roster, item: Item) -> Procedure[bytes]:
    entry = item.entry

    def read(start: NodeRef) -> Procedure[bytes]:
        return get(start, roster.ring, entry.key, entry.name, entry.digest)

    return with_entry_failover(roster, read, READ_TRIES_MAX)
