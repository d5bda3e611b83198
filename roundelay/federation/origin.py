"""The origin of a successor: the job that its submitter has published, and whose signature stands for the successor.

In a secured ring only a submitter may publish a job. A successor follows from the submitter's job, so any driver can
publish it: its spec carries the signature of the first job's spec instead of one of its own, with the version that was
signed. A replica that stores the spec, and each process that reads it, checks that it does follow. A successor is not
listed among the jobs: the job that it replaces leads to it.
"""

from __future__ import annotations

from dataclasses import replace

from roundelay.chord.ring import Ring
from roundelay.federation import records
from roundelay.federation.errors import BadRecord, JobEnded
from roundelay.federation.spec import JobSpec, spec_from_bytes
from roundelay.store.items import Entry, Item

MARK = b"origin: "  # begins such a signature; then the job's digest, the size of its spec, the signature of its spec
DIGEST_BYTES, SIZE_BYTES = 32, 8
HEAD_BYTES = len(MARK) + DIGEST_BYTES + SIZE_BYTES


def original(spec: JobSpec) -> JobSpec:
    """Return the job from which a job follows that nodes' lies have replaced; itself if it replaces none."""
    return replace(spec, replaces="", inherited=0, excluded=()) if spec.replaces else spec


def with_signature_of(replaced: Item, item: Item) -> Item:
    """Return an item of a successor with the signature that stands for the spec of the job before it.

    The item is unchanged where nothing is signed.
    """
    if not replaced.signature:
        return item
    signature = replaced.signature
    if not origin_of(replaced):
        head = MARK + bytes.fromhex(replaced.entry.digest) + replaced.entry.size_bytes.to_bytes(SIZE_BYTES)
        signature = head + signature
    return replace(item, version=replaced.version, signature=signature)


def origin_of(item: Item) -> str:
    """Return the id of the job whose signature stands for an item; empty if it has a signature of its own."""
    signature = item.signature
    if not signature.startswith(MARK) or len(signature) <= HEAD_BYTES:
        return ""
    return signature[len(MARK) :][:DIGEST_BYTES].hex()


def signed_item(ring: Ring, item: Item) -> Item:
    """Return the item whose signature stands for this one: itself, or the spec of its origin."""
    job, signature = origin_of(item), item.signature
    if not job:
        return item
    size_bytes = int.from_bytes(signature[HEAD_BYTES - SIZE_BYTES : HEAD_BYTES])
    entry = Entry(ring.key(job), records.record_name(job, records.SPEC), job, size_bytes)
    return Item(entry, item.version, deleted=item.deleted, signature=signature[HEAD_BYTES:])


def spec_of(item: Item, content: bytes) -> JobSpec:
    """Parse the spec that is an item's content. Raises BadRecord; also if it does not follow from the item's origin."""
    spec, origin = spec_from_bytes(content), origin_of(item)
    if origin and not (spec.replaces and original(spec).job == origin):
        raise BadRecord(f"job {spec.job[:8]} does not follow from job {origin[:8]}, whose signature it has")
    return spec


def require_follows(successor: JobSpec, replaced: JobSpec) -> None:
    """Raise JobEnded if a job that is said to replace another has not its settings and files."""
    if original(successor) != original(replaced):
        raise JobEnded(f"job {replaced.job} is replaced by job {successor.job}, which does not follow from it")
