"""Store a job's files, and publish the job."""

from __future__ import annotations

import time

from roundelay.client.connection import Connection
from roundelay.client.job_input import JobInput
from roundelay.federation import jobs
from roundelay.federation.requests import TrainingFile
from roundelay.federation.spec import JobSpec
from roundelay.federation.upload import upload_files
from roundelay.ml.readers.saved_model import SavedModel


def publish(connection: Connection, spec: JobSpec, data: JobInput, initial: SavedModel | None) -> None:
    """Store every file in all copies, then the job itself. Raises ChordError, TooManyJobs."""
    stored: set[str] = set()
    files = [f for f in (*data.files, data.validation) if f.digest in data.contents]  # private ones stay at home
    show = connection.progress.bar("storing")

    def on_stored(file: TrainingFile) -> None:
        stored.add(file.digest)
        show(len(stored), len({each.digest for each in files}))

    version = time.time_ns()
    connection.ask(lambda entry: upload_files(entry.node, entry.ring, files, data.contents, version, on_stored))
    if initial is not None:
        weights = initial.weights.astype("<f4").tobytes()
        connection.ask(lambda entry: jobs.put_record(entry.node, entry.ring, spec.job, "weights-0", weights, version))
    connection.ask(lambda entry: jobs.publish(entry.node, entry.ring, spec, version))
