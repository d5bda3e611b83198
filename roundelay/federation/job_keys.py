"""The keys of a job's records: the first is the hash of the job's id, and every ROUNDS_PER_KEY rounds begin the next.

All items of a key travel in one message, so that a key has room for some hundred rounds. A job's keys follow one
another in the ring, so close together that the same nodes hold them all: a round is stored by the same messages
wherever its records lie, and the node that takes a job over has all of them.

The records that are not of a round lie under the first key. Each key has a copy of the spec, signed for that key: by it
the nodes and readers of a secured ring judge the other records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from roundelay.chord.effects import Procedure, gather_or_raise
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import records
from roundelay.federation.errors import BadSpec
from roundelay.federation.spec import JobSpec
from roundelay.store.items import Item
from roundelay.store.read_path import find

ROUNDS_PER_KEY = 256
KEYS_MAX = 40  # of a job with the most rounds that settings allow
KEYS_AT_ONCE = 4  # that one procedure reads or renews: an answer of a signed job has up to 1.9 MiB
ROUND_DIGITS_MAX = 9  # of a round, in the name of a record
KINDS = ("result", "report", "receipts", "weights", "state", "masked")  # of the records of a round

Found = tuple[tuple[Item, ...], tuple[NodeRef, ...]]  # items, and the nodes that have been asked


def key_of(ring: Ring, job: str, what: str) -> int:
    """Return the key of a job's record by its name after the job's id."""
    return _key(ring, job, round_in(what) // ROUNDS_PER_KEY)


def keys_of(ring: Ring, job: str, rounds: int) -> tuple[int, ...]:
    """Return all keys of a job with this many rounds."""
    return tuple(dict.fromkeys(_key(ring, job, place) for place in range(rounds // ROUNDS_PER_KEY + 1)))


def all_keys(ring: Ring, job: str) -> tuple[int, ...]:
    """Return all keys that a job may have, however many rounds it has."""
    return tuple(dict.fromkeys(_key(ring, job, place) for place in range(KEYS_MAX)))


def require_keys(ring: Ring, rounds: int) -> None:
    """Raise BadSpec if a job of this many rounds needs more keys than its ring has."""
    needed, most = rounds // ROUNDS_PER_KEY + 1, ring.size * ROUNDS_PER_KEY - 1
    if needed > ring.size:
        has = f"a ring of {ring.bits} bits has {ring.size}"
        raise BadSpec(f"the records of {rounds} rounds have {needed} keys, and {has}: ask for at most {most} rounds")


def by_key(ring: Ring, job: str, names: Iterable[str]) -> dict[int, list[str]]:
    """Return names of a job's records by their keys."""
    found = defaultdict[int, list[str]](list)
    for name in names:
        found[key_of(ring, job, name.removeprefix(records.record_name(job, "")))].append(name)
    return dict(found)


def is_key_of(ring: Ring, job: str, key: int) -> bool:
    """Return whether a key is one of a job's, however many rounds it has."""
    return ring.distance(ring.key(job), key) < KEYS_MAX


def round_in(what: str) -> int:
    """Return the round that a record is of by its name after the job's id; 0 if it is of no round that a job has."""
    kind, _, number = what.partition("-")
    is_number = number.isdecimal() and number.isascii() and len(number) <= ROUND_DIGITS_MAX
    found = int(number) if is_number and kind in KINDS else 0
    return found if found < KEYS_MAX * ROUNDS_PER_KEY else 0


def find_all(start: NodeRef, ring: Ring, spec: JobSpec) -> Procedure[Found]:
    """Return all items of a job, as `find` does those of a key. Raises NotYet, LookupFailed."""
    return (yield from _find(start, ring, keys_of(ring, spec.job, spec.settings.rounds), ()))


def find_first(start: NodeRef, ring: Ring, job: str, known: int, nodes: tuple[NodeRef, ...] = ()) -> Procedure[Found]:
    """Return the items under a job's first key.

    known: the number of rounds that the caller knows. If the chain cannot fork under the first key any more, the
    records of rounds are left out. nodes: those responsible for the key, if they are known.
    Raises NotYet, LookupFailed.
    """
    names = tuple(records.record_name(job, what) for what in records.OF_THE_JOB) if _first(known) > 0 else ()
    return (yield from find(start, ring, ring.key(job), names, nodes))


def find_later(start: NodeRef, ring: Ring, spec: JobSpec, first: Found, known: int) -> Procedure[Found]:
    """Return the items of a job so far: the `first`, under its first key, and those under later keys.

    known: rounds of which nothing new is wanted, except of the last key before them, where a chain may fork. Later keys
    are read while the last round of the key before them has a RESULT: first one or two, then more at a time.
    """
    items, nodes = first
    if known < ROUNDS_PER_KEY and last_result(spec.job, 0) not in {item.entry.name for item in items}:
        return first
    keys = keys_of(ring, spec.job, spec.settings.rounds)
    at = max(1, _first(known))
    stop = max(at, known // ROUNDS_PER_KEY) + 1
    while keys[at:stop]:
        more, asked = yield from _find(start, ring, keys[at:stop], first[1])
        items, nodes = (*items, *more), tuple(dict.fromkeys((*nodes, *asked)))
        if last_result(spec.job, stop - 1) not in {item.entry.name for item in more}:
            break
        at, stop = stop, stop + min(2 * (stop - at), KEYS_AT_ONCE)
    return tuple({item.entry: item for item in items}.values()), nodes


def rounds_under(place: int) -> range:
    """Return the rounds whose records lie under a job's key, counted from 0."""
    return range(place * ROUNDS_PER_KEY, (place + 1) * ROUNDS_PER_KEY)


def last_result(job: str, place: int) -> str:
    """Return the name of the last RESULT under a job's key, counted from 0: with it, the next key is begun."""
    return records.result_name(job, rounds_under(place)[-1])


# --- helpers


def _first(known: int) -> int:
    """Return the place of the first key that is read again when rounds are known."""
    return max(0, known // ROUNDS_PER_KEY - 1)


def _key(ring: Ring, job: str, place: int) -> int:
    return (ring.key(job) + place) % ring.size


def _owned(ring: Ring, nodes: tuple[NodeRef, ...], key: int) -> tuple[NodeRef, ...]:
    """Return the nodes responsible for a job's first key if no node lies between it and this one; else none."""
    owner = min(nodes, key=lambda node: ring.distance(key, node.id), default=None)
    return nodes if nodes[:1] == (owner,) else ()


def _find(start: NodeRef, ring: Ring, keys: Sequence[int], nodes: tuple[NodeRef, ...]) -> Procedure[Found]:
    """Find the items of keys. nodes: those of the job's first key, if they are known."""
    reads = [find(start, ring, key, (), _owned(ring, nodes, key)) for key in keys]
    found = yield from gather_or_raise(reads, KEYS_AT_ONCE)
    items = {item.entry: item for each, _ in found for item in each}
    return tuple(items.values()), tuple(dict.fromkeys(node for _, asked in found for node in asked))
