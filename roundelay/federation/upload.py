"""Upload: store a job's files on the ring, in all copies, before its first round; then publish the job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from roundelay.chord.crawl import list_members
from roundelay.chord.effects import Procedure
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import jobs
from roundelay.federation.job_keys import require_keys
from roundelay.federation.requests import TrainingFile
from roundelay.federation.spec import JobSpec
from roundelay.store.blobs import Content
from roundelay.store.bulk_put import put_many
from roundelay.store.write_path import Record, record

OnStored = Callable[[TrainingFile], None]


def store_and_publish(
    start: NodeRef,
    ring: Ring,
    spec: JobSpec,
    contents: Mapping[str, Content],
    version: int,
    on_stored: OnStored = lambda file: None,
    initial: bytes = b"",
    members: Sequence[NodeRef] = (),
) -> Procedure[tuple[NodeRef, ...]]:
    """Store the job's files in all copies, then the job itself. Return the ring's members.

    contents: by digest; files that are not among them, private ones, stay where they are. initial: the weights to
    start from, if they are not made from the job's seed. members: of the ring by identifier; without them it is
    crawled. Raises BadSpec, TooManyJobs, ChordError.
    """
    require_keys(ring, spec.settings.rounds)
    members = tuple(members) or (yield from list_members(start))
    files = [file for file in spec.all_files if file.digest in contents]
    room = jobs.require_room(start, ring, spec.job, members)
    yield from upload_files(start, ring, files, contents, version, on_stored, members, room)
    if initial:
        yield from jobs.put_record(start, ring, spec.job, "weights-0", initial, version, members)
    yield from jobs.publish(start, ring, spec, version, members)
    return members


def upload_files(
    start: NodeRef,
    ring: Ring,
    files: Sequence[TrainingFile],
    contents: Mapping[str, Content],
    version: int,
    on_stored: OnStored,
    members: Sequence[NodeRef] = (),
    beside: Procedure[None] | None = None,
) -> Procedure[dict[int, tuple[NodeRef, ...]]]:
    """Store files by the hash of their names. Return the holders of each file by its index, the owner first.

    version: the writer's clock. on_stored: called with each file that has all its copies. members: of the ring by
    identifier, if they are known. beside: what runs while the files are sent. Raises UnderReplicated, LookupFailed;
    what `beside` raises.
    """
    files_by_name = {file.name: file for file in files}
    written = [record(ring.key(file.name), file.name, contents[file.digest], version) for file in files]

    def stored(each: Record) -> None:
        on_stored(files_by_name[each.item.entry.name])

    members = members or (yield from list_members(start))
    holders = yield from put_many(start, ring, members, written, stored, beside)
    return {file.index: nodes for file, nodes in zip(files, holders, strict=True)}
