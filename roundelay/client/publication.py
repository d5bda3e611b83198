"""Store a job's files, and publish the job."""

from __future__ import annotations

import time

from roundelay.chord.refs import NodeRef
from roundelay.client.connection import Connection
from roundelay.client.job_input import JobInput
from roundelay.federation.requests import TrainingFile
from roundelay.federation.spec import JobSpec
from roundelay.federation.upload import store_and_publish
from roundelay.ml.readers.saved_model import SavedModel


def publish(connection: Connection, spec: JobSpec, data: JobInput, initial: SavedModel | None) -> tuple[NodeRef, ...]:
    """Store the files in all copies, then the job. Return the ring's members.

    Raises ChordError, BadSpec, TooManyJobs.
    """
    stored: set[str] = set()
    digests = {file.digest for file in spec.all_files} & data.contents.keys()
    show = connection.progress.bar("storing")

    def on_stored(file: TrainingFile) -> None:
        stored.add(file.digest)
        show(len(stored), len(digests))

    version, weights = time.time_ns(), initial.weights.astype("<f4").tobytes() if initial is not None else b""
    return connection.ask(
        lambda entry: store_and_publish(
            entry.node, entry.ring, spec, data.contents, version, on_stored, weights, connection.members()
        )
    )
