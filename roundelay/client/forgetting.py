"""Submit the job that never had some files of another: the files that are left are on the ring already."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from roundelay.chord.errors import ChordError
from roundelay.chord.refs import NodeRef
from roundelay.client.connection import Connection
from roundelay.client.error_translation import translated_errors
from roundelay.client.errors import RequestRefused
from roundelay.client.job_input import JobInput
from roundelay.client.publication import publish
from roundelay.client.report import model_from
from roundelay.federation import jobs, records
from roundelay.federation.forgetting import without_files
from roundelay.federation.requests import TrainingFile
from roundelay.federation.snapshot import JobSnapshot
from roundelay.federation.spec import JobSpec
from roundelay.ml.readers import content as contents
from roundelay.ml.readers.encoding import encoding_from_json
from roundelay.store.blobs import Content
from roundelay.store.read_path import get

ASK_TRIES = 3  # of a request that a user waits for


class ContentsOnRing(Mapping[str, Content]):
    """Contents by digest, read from the ring on demand."""

    def __init__(self, connection: Connection, files: Sequence[TrainingFile]) -> None:
        self._connection = connection
        self._files = {file.digest: file for file in files}

    def __getitem__(self, digest: str) -> Content:
        file = self._files[digest]
        return self._connection.ask(
            lambda entry: get(entry.node, entry.ring, entry.ring.key(file.name), file.name, file.digest), ASK_TRIES
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def publish_without(
    connection: Connection, job: JobSnapshot, names: Sequence[str], detached: bool
) -> tuple[JobSpec, JobInput, tuple[NodeRef, ...]]:
    """Publish the job that never had these files, and link both. Return it, its files and the ring's members.

    Raises InvalidRequest, RequestRefused, FederationError, ChordError.
    """
    old, initial = job.spec, None
    if old.initial:  # the first weights stay as long as the job
        name = records.weights_name(old.job, 0)
        weights = connection.ask(
            lambda entry: get(entry.node, entry.ring, entry.ring.key(old.job), name, old.initial), ASK_TRIES
        )
        initial = model_from(old, weights, b"")
    spec, data = _job_without(connection, old, names, detached)
    members = publish(connection, spec, data, initial)
    version, content = time.time_ns(), spec.job.encode()
    connection.ask(lambda entry: jobs.put_record(entry.node, entry.ring, old.job, records.FORGOTTEN, content, version))
    return spec, data, members


def _job_without(
    connection: Connection, old: JobSpec, names: Sequence[str], detached: bool
) -> tuple[JobSpec, JobInput]:
    """Return the job that never had these files, and its files. Raises InvalidRequest, RequestRefused."""
    if old.encoding and not encoding_from_json(old.encoding).is_plain:
        raise RequestRefused(
            f"job {old.job}: its columns of words, or its missing values, were encoded with the rows of all files; "
            "prepare the table again without them"
        )
    held = ContentsOnRing(connection, old.all_files)
    rows = _class_rows(old, names, held)
    with translated_errors():
        spec = without_files(old, list(names), rows, secrets.token_hex(16), detached)
    data = JobInput(
        ContentsOnRing(connection, spec.all_files),
        spec.files,
        spec.validation,
        spec.features,
        spec.classes,
        spec.labels,
        spec.shape,
        spec.class_rows,
        encoding=spec.encoding,
    )
    return spec, data


def _class_rows(old: JobSpec, names: Sequence[str], held: Mapping[str, Content]) -> tuple[int, ...]:
    """Return the rows of each class in these files; nothing if the job does not count them, and need not."""
    if not old.class_rows:
        return ()
    counted = Counter[int]()
    for file in (file for file in old.files if file.name in names):
        try:
            samples = contents.parse(file.name, held[file.digest][:], old.features, old.classes)
        except ChordError:
            if old.settings.weighting == "none":
                return ()
            raise RequestRefused(
                f"{file.name} is no longer on the ring, and the job weighs classes by the rows in it"
            ) from None
        counted.update(samples.y.tolist())
    return tuple(counted[number] for number in range(old.classes))
