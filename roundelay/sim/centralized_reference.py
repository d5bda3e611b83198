"""A centralized run of a job: one process trains every file. A job on a ring must have the same result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from roundelay.chord.refs import NodeRef
from roundelay.federation import arithmetic
from roundelay.federation.client_sampling import sampled_files
from roundelay.federation.requests import Progress, trainer_task
from roundelay.federation.rounds import PartialResult
from roundelay.federation.spec import JobSpec
from roundelay.ml.worker import Worker

NOBODY = NodeRef(0, "nobody", 1)


def moments(spec: JobSpec, contents: Mapping[str, bytes], worker: Worker) -> bytes:
    """Add a job's files to a worker and return their moments, as round 0 does. contents: by digest."""
    for file in spec.files:
        if not worker.has(file.digest):
            worker.add_file(file.digest, file.name, contents[file.digest], spec.features, spec.classes)
    sums = worker.moments([f.digest for f in spec.files]).to_bytes()
    return arithmetic.moments_of(spec, [PartialResult(NOBODY, spec.files, Progress("done"), sums)])


def rounds(spec: JobSpec, standardised_by: bytes, worker: Worker) -> Iterator[bytes]:
    """Return the weights before the first round and after every round."""
    weights, state = arithmetic.first_weights(spec), b""
    yield weights
    for number in range(1, spec.settings.rounds + 1):
        files = sampled_files(spec, number)
        task = trainer_task(arithmetic.training_task(spec, standardised_by), number, files)
        part = PartialResult(NOBODY, files, Progress("done"), worker.train(task, weights).sum)
        weights, state = arithmetic.step(spec, weights, [part], state)
        yield weights
