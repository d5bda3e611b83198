"""A centralized run of a job: one process trains every file. A job on a ring must have the same chain of results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from roundelay.chord.refs import NodeRef
from roundelay.federation import arithmetic, errors, receipts
from roundelay.federation.client_sampling import sampled_files
from roundelay.federation.early_stopping import is_complete
from roundelay.federation.records import RoundResult
from roundelay.federation.requests import Progress, trainer_task
from roundelay.federation.rounds import PartialResult
from roundelay.federation.spec import JobSpec
from roundelay.federation.step_size import StepControl
from roundelay.ml.errors import StepTooLarge
from roundelay.ml.mlp import Evaluation
from roundelay.ml.validate import Validator
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of

NOBODY = NodeRef(0, "nobody", 1)
NO_ROWS = Evaluation(0, 0.0, 0)


@dataclass(frozen=True)
class ReferenceRound:
    """One round: its result as in the chain, its weights, and what its report says."""

    result: RoundResult
    weights: bytes
    validation_loss: float = 0.0
    notices: tuple[str, ...] = ()


def moments(spec: JobSpec, contents: Mapping[str, bytes], worker: Worker) -> bytes:
    """Add a job's files to a worker and return their moments, as round 0 does. contents: by digest."""
    for file in spec.files:
        if not worker.has(file.digest):
            worker.add_file(file.digest, file.name, contents[file.digest], spec.features, spec.classes)
    sums = worker.moments([f.digest for f in spec.files]).to_bytes()
    return arithmetic.moments_of(spec, [PartialResult(NOBODY, spec.files, Progress("done"), sums)])


def chain(spec: JobSpec, contents: Mapping[str, bytes], worker: Worker) -> Iterator[ReferenceRound]:
    """Yield every round of a job, from round 0 on. Raises federation.errors.StepTooLarge."""
    held_out = spec.validation
    validator = Validator(spec.design, held_out.name, contents[held_out.digest])
    standardised_by = moments(spec, contents, worker)
    if spec.settings.course or spec.raw:
        standardised_by = b""
    results: list[RoundResult] = []
    for weights, state, number, loss, control, proven in _rounds(spec, standardised_by, worker):
        found = validator(weights, standardised_by) if number else NO_ROWS
        result = RoundResult(
            spec.job,
            number,
            results[-1].digest if results else "",
            digest_of(weights),
            len(weights),
            "" if number else standardised_by.hex(),
            found.errors,
            found.rows,
            (),
            digest_of(state) if state else "",
            len(state),
            loss,
            control.halvings,
            receipts.root(proven),
        )
        results.append(result)
        yield ReferenceRound(result, weights, found.loss, tuple(control.notices))
        if is_complete(spec.settings, results):
            return


def rounds(spec: JobSpec, standardised_by: bytes, worker: Worker) -> Iterator[bytes]:
    """Yield the weights before the first round and after every round, without validation: no round is the last."""
    return (weights for weights, *_ in _rounds(spec, standardised_by, worker))


def _rounds(
    spec: JobSpec, standardised_by: bytes, worker: Worker
) -> Iterator[tuple[bytes, bytes, int, float, StepControl, receipts.Receipts]]:
    """Yield weights, rule's state, number, training loss, step control and receipts of round 0 and each later round."""
    weights, state, loss, control = arithmetic.first_weights(spec), b"", 0.0, StepControl(spec, 0, 0.0, 0)
    yield weights, state, 0, loss, control, {}
    for number in range(1, spec.settings.rounds + 1):
        files, control = sampled_files(spec, number), StepControl(spec, number, loss, control.halvings)
        while True:  # ends: the number of halvings is bounded
            task = arithmetic.training_task(spec, standardised_by, control.halvings)
            try:
                update = worker.train(trainer_task(task, number, files), weights)
                part = PartialResult(NOBODY, files, Progress("done"), update.sum)
                stepped = arithmetic.step(spec, weights, [part], state)
            except (StepTooLarge, errors.StepTooLarge) as error:
                control.reject(error)
            else:
                if control.accepts(update.loss):
                    break
        (weights, state), loss = stepped, update.loss
        proven = receipts.by_file([file.index for file in files], update.receipts) if task.receipts else {}
        yield weights, state, number, loss, control, proven
