"""Jobs on the ring: publish and list them, write their records, read their ends and weights.

members: those of the ring by identifier, if the caller knows them; without them each key's nodes are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from roundelay.chord.crawl import successors_among
from roundelay.chord.effects import Procedure, Sleep, gather_or_raise
from roundelay.chord.errors import NotFound
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import job_keys, records
from roundelay.federation.errors import NoSuchJob, TooManyJobs
from roundelay.federation.origin import with_signature_of
from roundelay.federation.records import RoundResult
from roundelay.federation.spec import JobSpec
from roundelay.store.blobs import Content, digest_of
from roundelay.store.items import Item
from roundelay.store.read_path import fetch, fetch_many, find, holders_among
from roundelay.store.store import LEASE_MAX_S
from roundelay.store.write_path import Record, put_records, record

JOB_LEASE_S = 7 * 24 * 3600.0  # of a job's records; its driver renews it
RUNNING_MAX = 16  # jobs that share the ring: each takes a connection and a held poll of every node
UNENDED_MAX = 32  # jobs that run or wait
LISTED_MAX = 64
SUCCESSORS_MAX = 64  # of one job that are followed: each excludes another node
TURN_INTERVAL_S = 0.5  # how often a waiting job looks at those ahead of it

Members = Sequence[NodeRef]


def require_room(start: NodeRef, ring: Ring, job: str, members: Members = ()) -> Procedure[None]:
    """Raise TooManyJobs if no more jobs may be published now."""
    ahead = yield from jobs_ahead(start, ring, job, members)
    if len(ahead) >= UNENDED_MAX:
        raise TooManyJobs(f"{len(ahead)} jobs are running or waiting, the limit; try again when one has ended")


def publish(start: NodeRef, ring: Ring, spec: JobSpec, version: int, members: Members = ()) -> Procedure[None]:
    """Write the spec to all copies, then list the job. Raises ChordError."""
    yield from _put_spec(start, ring, spec, version, members)
    listed = record(ring.key(records.DIRECTORY), spec.job, records.LISTED, version, JOB_LEASE_S)
    yield from put_records(start, ring, (listed,), nodes=successors_among(members, listed.item.entry.key))


def publish_successor(start: NodeRef, ring: Ring, successor: JobSpec, version: int) -> Procedure[None]:
    """Publish a job that replaces another. It is not listed: whoever finds the other one follows it.

    In a secured ring, the signature of the job that was submitted stands for it: the other's spec has it. Raises
    NoSuchJob, ChordError.
    """
    found = yield from find_records(start, ring, successor.replaces)
    replaced = next((item for item in found if item.entry.digest == successor.replaces), None)
    if replaced is None:
        raise NoSuchJob(f"no job {successor.replaces} on this ring, so that job {successor.job} cannot replace it")
    yield from _put_spec(start, ring, successor, version, replaced=replaced)


def _put_spec(
    start: NodeRef, ring: Ring, spec: JobSpec, version: int, members: Members = (), replaced: Item | None = None
) -> Procedure[None]:
    """Write the spec under each of the job's keys, under the first one last: with that the job exists."""
    name, content = records.record_name(spec.job, records.SPEC), spec.to_bytes()
    keys = job_keys.keys_of(ring, spec.job, spec.settings.rounds)

    def put(key: int, is_new: bool) -> Procedure[object]:
        written = record(key, name, content, version, JOB_LEASE_S)
        if replaced is not None:
            written = replace(written, item=with_signature_of(replaced, written.item))
        return put_records(start, ring, (written,), is_new, successors_among(members, key))

    yield from put(keys[-1], is_new=True)
    others = [put(key, is_new=False) for key in keys[1:-1]]  # the nodes have the content by now
    yield from gather_or_raise(others, job_keys.KEYS_MAX)
    if len(keys) > 1:
        yield from put(keys[0], is_new=False)


def put_record(
    start: NodeRef, ring: Ring, job: str, what: str, content: bytes, version: int, members: Members = ()
) -> Procedure[None]:
    """Write one of a job's records to all copies. Raises ChordError."""
    written = job_record(ring, job, what, content, version)
    yield from put_records(start, ring, (written,), nodes=successors_among(members, written.item.entry.key))


def job_record(ring: Ring, job: str, what: str, content: Content, version: int) -> Record:
    """Return one of a job's records, to be written."""
    key = job_keys.key_of(ring, job, what)
    return record(key, records.record_name(job, what), content, version, JOB_LEASE_S)


def set_paused(
    start: NodeRef, ring: Ring, job: str, paused: bool, version: int, members: Members = ()
) -> Procedure[None]:
    """Have a job's driver wait before the next round, or go on. Raises ChordError."""
    content, key = records.PAUSE if paused else records.RESUME, ring.key(job)
    written = record(key, records.record_name(job, records.PAUSED), content, version, LEASE_MAX_S)
    yield from put_records(start, ring, (written,), nodes=successors_among(members, key))


def list_jobs(start: NodeRef, ring: Ring, members: Members = ()) -> Procedure[list[str]]:
    """Return the ids of all listed jobs, in the order in which they were published; without those that replace them."""
    key = ring.key(records.DIRECTORY)
    items, _ = yield from find(start, ring, key, nodes=holders_among(members, ring, key))
    return ids_among(items)


def ids_among(lines: Sequence[Item]) -> list[str]:
    """Return the ids in the lines of the list of jobs, in the order in which the jobs were published."""
    lines = sorted(lines, key=lambda line: (line.version, line.entry.name))
    return [line.entry.name for line in lines if len(line.entry.name) == records.JOB_ID_BYTES]


def jobs_ahead(start: NodeRef, ring: Ring, job: str, members: Members = ()) -> Procedure[list[str]]:
    """Return the jobs published before this one that have not ended; all, if it is not listed.

    A listed job without a spec cannot run, and counts as ended. One that is replaced ends with the last that replaces
    it.
    """
    jobs = yield from list_jobs(start, ring, members)
    earlier = (jobs[: jobs.index(job)] if job in jobs else jobs)[-LISTED_MAX:]
    found = yield from gather_or_raise([_is_unended(start, ring, other, members) for other in earlier])
    return [other for other, is_unended in zip(earlier, found, strict=True) if is_unended]


def _is_unended(start: NodeRef, ring: Ring, job: str, members: Members) -> Procedure[bool]:
    """Return whether a job, or the last of those that replace it, is published and has not ended."""
    is_published, end = yield from look_up(start, ring, job, members)
    if end == records.REPLACED:
        lineage = yield from follow(start, ring, job, members)
        is_published, end = yield from look_up(start, ring, lineage[-1], members)
    return is_published and not end


def follow(start: NodeRef, ring: Ring, job: str, members: Members = ()) -> Procedure[tuple[str, ...]]:
    """Return a job, the one that replaces it, the one that replaces that one, and so on. Raises ChordError."""
    found = [job]
    while len(found) <= SUCCESSORS_MAX:
        successor = yield from read_successor(start, ring, found[-1], members)
        if not successor or successor in found:
            break
        found.append(successor)
    return tuple(found)


def read_successor(start: NodeRef, ring: Ring, job: str, members: Members = ()) -> Procedure[str]:
    """Return the id of the job that replaces a job; an empty string if none does, or the record cannot be read."""
    key, names = ring.key(job), tuple(records.record_name(job, what) for what in (records.SPEC, records.REPLACED))
    items, nodes = yield from find(start, ring, key, names, holders_among(members, ring, key))
    try:
        return (yield from successor_among(job, items, nodes))
    except NotFound:
        return ""


def successor_among(job: str, items: Sequence[Item], nodes: tuple[NodeRef, ...]) -> Procedure[str]:
    """Return the id of the job that replaces this one, by its records; empty if none does. Raises ChordError."""
    contents = yield from fetch_many(nodes, [item.entry for item in replacements(job, items)])
    return "".join(map(records.successor_from_bytes, contents))


def await_turn(
    start: NodeRef,
    ring: Ring,
    job: str,
    members: Callable[[], Members],
    on_wait: Callable[[list[str]], None],
    meanwhile: Callable[[], Procedure[None]],
) -> Procedure[bool]:
    """Wait while RUNNING_MAX jobs that were published before this one run. Return whether it had to wait.

    job: the one that was submitted, which stands for those that replace it.
    members: returns those known now. on_wait: called with the jobs ahead, whenever their number has changed. meanwhile:
    run each time that these are looked at, so that the job's leases do not end.
    """
    seen = 0
    while len(ahead := (yield from jobs_ahead(start, ring, job, members()))) >= RUNNING_MAX:
        if len(ahead) != seen:
            on_wait(ahead)
            seen = len(ahead)
        yield from meanwhile()
        yield Sleep(TURN_INTERVAL_S)
    return seen > 0


def read_end(start: NodeRef, ring: Ring, job: str, members: Members = ()) -> Procedure[str]:
    """Return how a job ended, one of records.ENDS, or an empty string. Only names of records are read."""
    _, end = yield from look_up(start, ring, job, members)
    return end


def look_up(start: NodeRef, ring: Ring, job: str, members: Members = ()) -> Procedure[tuple[bool, str]]:
    """Return whether a job is published, and how it has ended if it has. Raises ChordError."""
    ends = [records.record_name(job, end) for end in records.ENDS]
    items = yield from find_records(start, ring, job, *ends, members=members)
    return any(item.entry.name == records.record_name(job, records.SPEC) for item in items), end_among(job, items)


def find_records(
    start: NodeRef, ring: Ring, job: str, *names: str, members: Members = ()
) -> Procedure[tuple[Item, ...]]:
    """Find a job's records of these names, and its spec. Raises NotYet, LookupFailed.

    Every holder has the spec, so finding it shows that a holder has answered.
    """
    spec = records.record_name(job, records.SPEC)
    found: tuple[Item, ...] = ()
    for key, own in (job_keys.by_key(ring, job, names) or {ring.key(job): []}).items():  # seldom more than one
        items, _ = yield from find(start, ring, key, (spec, *own), holders_among(members, ring, key))
        found += items
    return found


def read_weights(start: NodeRef, ring: Ring, result: RoundResult) -> Procedure[bytes]:
    """Read the weights that a result names. Raises NotFound."""
    nodes = yield from _holders(start, ring, result)
    content = yield from fetch(nodes, result.weights, result.weights_bytes)
    return content


def read_rule_state(start: NodeRef, ring: Ring, result: RoundResult) -> Procedure[bytes]:
    """Read the rule's state after this round; empty if it keeps none. Raises NotFound."""
    if not result.state:
        return b""
    nodes = yield from _holders(start, ring, result)
    content = yield from fetch(nodes, result.state, result.state_bytes)
    return content


def _holders(start: NodeRef, ring: Ring, result: RoundResult) -> Procedure[tuple[NodeRef, ...]]:
    """Return the nodes that are asked for the weights and the state of a round."""
    name = records.weights_name(result.job, result.round)
    key = job_keys.key_of(ring, result.job, f"weights-{result.round}")
    _, nodes = yield from find(start, ring, key, (records.record_name(result.job, records.SPEC), name))
    return nodes


def pause_among(job: str, items: Iterable[Item]) -> Item | None:
    """Return the record that says whether a job is paused: the latest; None if it never was."""
    named = [item for item in items if item.entry.name == records.record_name(job, records.PAUSED)]
    return max(named, key=lambda item: item.rank, default=None)


def is_pause(item: Item | None) -> bool:
    """Return whether a record pauses its job."""
    return item is not None and item.entry.digest == digest_of(records.PAUSE)


def replacements(job: str, items: Sequence[Item]) -> list[Item]:
    """Return the record that names the job's successor; an empty list if there is none."""
    name, size_bytes = records.record_name(job, records.REPLACED), records.JOB_ID_BYTES
    named = [item for item in items if item.entry.name == name and item.entry.size_bytes == size_bytes]
    return sorted(named, key=lambda item: item.rank)[:1]


def end_among(job: str, items: tuple[Item, ...]) -> str:
    """Return how a job ended by the names of its records: one of records.ENDS, or an empty string."""
    names = {i.entry.name for i in items}
    return next((end for end in records.ENDS if records.record_name(job, end) in names), "")
