"""Replay a job in one process, without a ring: a job on a ring has the same chain of results, whatever happened to it.

All files of a round are trained from the same weights, in lockstep where they can be, as a node does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from roundelay.chord.refs import NodeRef
from roundelay.federation import errors, receipts, result_sums, round_tasks, server_step, trained_round
from roundelay.federation.client_sampling import sampled_files
from roundelay.federation.early_stopping import is_complete
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.records import RoundResult, Taken
from roundelay.federation.requests import Progress, trainer_task
from roundelay.federation.spec import JobSpec
from roundelay.federation.staleness import staleness_of
from roundelay.federation.step_size import StepControl
from roundelay.federation.trained_round import TrainedRound
from roundelay.ml.errors import StepTooLarge
from roundelay.ml.mlp import Evaluation
from roundelay.ml.validate import Validator
from roundelay.ml.worker import Worker

NOBODY = NodeRef(0, "nobody", 1)
NO_ROWS = Evaluation(0, 0.0, 0)

Weights = Mapping[int, bytes]  # by round


@dataclass(frozen=True)
class ReplayedRound:
    """One round: its result as in the chain, its weights, and what its report says."""

    result: RoundResult
    weights: bytes
    validation_loss: float = 0.0
    notices: tuple[str, ...] = ()


def moments(spec: JobSpec, contents: Mapping[str, bytes], worker: Worker) -> bytes:
    """Add a job's files to a worker and return their moments, as round 0 does. contents: by digest."""
    add_files(spec, contents, worker)
    sums = worker.moments([f.digest for f in spec.files]).to_bytes()
    return result_sums.moments_of(spec, [PartialResult(NOBODY, spec.files, Progress("done"), sums)])


def add_files(spec: JobSpec, contents: Mapping[str, bytes], worker: Worker) -> None:
    """Add a job's files to a worker, those that it lacks. contents: by digest."""
    for file in spec.files:
        if not worker.has(file.digest):
            worker.add_file(file.digest, file.name, contents[file.digest], spec.features, spec.classes)


def chain(spec: JobSpec, contents: Mapping[str, bytes], worker: Worker) -> Iterator[ReplayedRound]:
    """Yield every round of a job, from round 0 on. Raises federation.errors.StepTooLarge."""
    held_out = spec.validation_file
    validator = Validator(spec.design, held_out.name, contents[held_out.digest])
    standardised_by = moments(spec, contents, worker)
    if spec.is_raw:
        standardised_by = b""
    results: list[RoundResult] = []
    for trained in _rounds(spec, standardised_by, worker):
        found = validator(trained.weights, standardised_by) if trained.number else NO_ROWS
        previous = results[-1].digest if results else ""
        results.append(trained_round.result_of(spec, trained, previous, standardised_by, found))
        yield ReplayedRound(results[-1], trained.weights, found.loss, trained.notices)
        if is_complete(spec.settings, results):
            return


def rounds(spec: JobSpec, standardised_by: bytes, worker: Worker) -> Iterator[bytes]:
    """Yield the weights before the first round and after every round, without validation: no round is the last."""
    return (trained.weights for trained in _rounds(spec, standardised_by, worker))


def train_round(spec: JobSpec, standardised_by: bytes, before: TrainedRound, worker: Worker) -> TrainedRound:
    """Train the round after `before`, with half the step as often as it diverges. Raises StepTooLarge."""
    number = before.number + 1
    files, control = sampled_files(spec, number), StepControl(spec, number, before.loss, before.halvings)
    while True:  # ends: the number of halvings is bounded
        task = round_tasks.training_task(spec, standardised_by, control.halvings, round_tasks.units_of(spec, before))
        try:
            update = worker.train(trainer_task(task, number, files), trained_round.start_of(spec, before))
            part = PartialResult(NOBODY, files, Progress("done"), update.sum)
            weights, state = server_step.step(
                spec, before.weights, [part], before.state, control.halvings, number=number
            )
        except (StepTooLarge, errors.StepTooLarge) as error:
            control.reject(error)
        else:
            if control.accepts(update.loss):
                break
    proven = receipts.by_file([file.index for file in files], update.receipts) if spec.has_receipts else {}
    return TrainedRound(number, weights, state, update.loss, control.halvings, proven, tuple(control.notices))


def take_round(
    spec: JobSpec, standardised_by: bytes, before: TrainedRound, worker: Worker, taken: Taken, weights: Weights
) -> TrainedRound:
    """Train the round after `before` of a buffered job, which took these updates.

    weights: of the rounds that they started from. Raises StepTooLarge.
    """
    number, parts = before.number + 1, list[PartialResult]()
    task, control = round_tasks.training_task(spec, standardised_by), StepControl(spec, number, before.loss, 0)
    possible = sorted(pair for pair in taken if pair[0] < len(spec.files) and pair[1] in weights)
    try:
        for base in sorted({base for _, base in possible}):
            files = tuple(spec.files[index] for index, each in possible if each == base)
            update = worker.train(trainer_task(task, base + 1, files), weights[base])
            proven = receipts.by_file([file.index for file in files], update.receipts) if spec.has_receipts else {}
            parts.append(PartialResult(NOBODY, files, Progress("done", loss=update.loss), update.sum, receipts=proven))
        staleness = staleness_of(number, possible)
        made, state = server_step.step(spec, before.weights, parts, before.state, staleness=staleness)
    except (StepTooLarge, errors.StepTooLarge) as error:
        control.reject(error)
        raise
    loss, _ = result_sums.mean_of_progress(task, parts)
    control.accepts(loss)
    proven = receipts.merged(part.receipts for part in parts)
    return TrainedRound(number, made, state, loss, 0, proven, tuple(control.notices), taken=taken)


def bases_of(result: RoundResult, files: Iterable[int]) -> dict[int, int]:
    """Return the round whose weights the update of each of these files in a round started from."""
    taken = dict(result.taken)
    return {file: taken.get(file, result.round - 1) for file in files}


def _rounds(spec: JobSpec, standardised_by: bytes, worker: Worker) -> Iterator[TrainedRound]:
    """Yield round 0 and every later round, without validation."""
    trained = TrainedRound(0, trained_round.first_weights(spec))
    yield trained
    for _ in range(spec.settings.rounds):
        trained = train_round(spec, standardised_by, trained, worker)
        yield trained
