"""What a round computes, as pure functions: the tasks of its orders, and the sum, mean and step of their results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isqrt
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from roundelay.federation import compression, receipts
from roundelay.federation.errors import StepTooLarge
from roundelay.federation.records import RoundResult, Taken
from roundelay.federation.rounds import PartialResult, WeightsDelta
from roundelay.federation.rules.aggregation import Aggregation, UpdateFile
from roundelay.federation.rules.each import Round
from roundelay.federation.rules.fednova import effective_steps
from roundelay.federation.rules.steps import MEANS, each_rule_of, step_of
from roundelay.federation.rules.vectors import Floats
from roundelay.federation.spec import JobSpec
from roundelay.federation.step_size import eta_of
from roundelay.federation.tasks import (
    EvaluateTask,
    HeldOutTask,
    HistogramTask,
    MomentsTask,
    PersonalTask,
    SiteTask,
    Task,
    TrainTask,
)
from roundelay.ml import cells, exact
from roundelay.ml.fingerprint import fingerprint
from roundelay.ml.mlp import Evaluation
from roundelay.ml.models.catalogue import learner
from roundelay.ml.personal import last_layer
from roundelay.ml.privacy import noised
from roundelay.ml.rounding import exponents
from roundelay.ml.sliced import Joined, Sliced, as_bytes
from roundelay.ml.task import PersonalPlan, TrainConfig, TrainingPlan, vectors_summed
from roundelay.ml.vectors import StoredVector
from roundelay.store.blobs import Buffer, Content, MemoryBuffer, digest_of
from roundelay.store.items import CHUNK_BYTES
from roundelay.store.packing import SUM_BYTES, WEIGHT_BYTES, pack

STALE_BITS = 16  # of the weight of a stale update; one that is not stale has 2^16
LOW_BITS = 32  # of a sum, which are multiplied apart from the others, so that no product overflows


@dataclass(frozen=True)
class TrainedRound:
    """What a round's training leads to, which the next round starts from."""

    number: int
    content: Content  # the weights; of a large model they are in a file
    state: bytes = b""  # of the rule
    loss: float = 0.0  # of training
    halvings: int = 0  # of the step, so far
    receipts: receipts.Receipts = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    left_out: tuple[int, ...] = ()  # files of nodes that were away
    taken: Taken = ()  # updates that a round of a buffered job took

    @property
    def weights(self) -> bytes:
        """The weights in memory."""
        return as_bytes(self.content)


def first_weights(spec: JobSpec) -> bytes:
    """Return the initial weights that follow from the job's seed: little-endian float32."""
    return learner(spec.design).init_weights(spec.settings.seed).astype("<f4", copy=False).tobytes()


def weights_bytes(spec: JobSpec) -> int:
    """Return the size of a job's weights."""
    return WEIGHT_BYTES * learner(spec.design).parameters


def moments_task(spec: JobSpec) -> MomentsTask:
    """Return the task of round 0: sum the features, and their squares."""
    return MomentsTask(plan(spec))


def histogram_task(spec: JobSpec) -> HistogramTask:
    """Return the task of counting the values of private files, before any training."""
    return HistogramTask(plan(spec))


def training_task(spec: JobSpec, moments: bytes, halvings: int = 0, units: bytes = b"") -> TrainTask:
    """Return the task of every later round: train the order's files, with the step halved this often.

    units: that the round's updates are rounded to (units_of).
    """
    receipts = spec.has_receipts or spec.needs == "each"  # a block of an update is checked by the update's receipt
    return TrainTask(plan(spec, halvings), moments, spec.settings.seed, receipts, spec.updates, units)


def start_of(spec: JobSpec, before: TrainedRound) -> Content:
    """Return what training starts from in the round after this one: the weights, and the state that trainers need."""
    return Joined([before.content, before.state]) if needs_state(spec, before) else before.content


def needs_state(spec: JobSpec, before: TrainedRound) -> bool:
    """Return whether trainers need the rule's state in the round after this one."""
    return spec.updates == "sum-with-gradient" and bool(before.state)


def units_of(spec: JobSpec, before: TrainedRound) -> bytes:
    """Return the units that updates of the round after this one are rounded to; empty if they are not."""
    return compression.state_of(spec, before.weights, before.state).units if spec.settings.rounds_updates else b""


def evaluation_task(spec: JobSpec, moments: bytes) -> EvaluateTask:
    """Return the task of evaluating a model on the order's file."""
    return EvaluateTask(plan(spec), moments)


def site_task(spec: JobSpec, moments: bytes, halvings: int) -> SiteTask:
    """Return the task of evaluating a round's model at the sites; with last layers of their own, if they keep them."""
    if spec.settings.personal == "head":
        return personal_task(spec, moments, halvings)
    return HeldOutTask(plan(spec), moments)


def personal_task(spec: JobSpec, moments: bytes, halvings: int) -> PersonalTask:
    """Return the task of making the sites' own models, with the step halved this often, and evaluating them."""
    return PersonalTask(plan(spec, halvings), moments, spec.settings.seed)


def fingerprint_here(spec: JobSpec) -> str:
    """Return the fingerprint of this machine's arithmetic at the job's shapes."""
    return fingerprint(plan(spec))


def moments_of(spec: JobSpec, parts: Sequence[PartialResult]) -> bytes:
    """Return mean and deviation of every feature, and of a target, over all files; of images, of every channel."""
    return exact.moments_of(feature_sums_of(parts), spec.design)


def feature_sums_of(parts: Sequence[PartialResult]) -> exact.FeatureSums:
    """Return the exact sums of the features of all files."""
    first, *others = [exact.feature_sums_from_bytes(as_bytes(p.result)) for p in parts]
    return sum(others, first)


def cells_of(parts: Sequence[PartialResult]) -> list[list[cells.Cells]]:
    """Return the cells of each column of numbers, of each file."""
    return [columns for p in parts for columns in cells.from_bytes(as_bytes(p.result), [file.rows for file in p.files])]


def result_of(
    spec: JobSpec, trained: TrainedRound, previous: str, standardised_by: bytes, found: Evaluation
) -> RoundResult:
    """Return the RESULT of a round. previous: digest of the RESULT before it. standardised_by: the job's moments."""
    return RoundResult(
        spec.job,
        trained.number,
        previous,
        digest_of(trained.content),
        len(trained.content),
        "" if trained.number else standardised_by.hex(),
        found.errors,
        found.rows,
        trained.left_out,
        digest_of(trained.state) if trained.state else "",
        len(trained.state),
        trained.loss,
        trained.halvings,
        receipts.root(trained.receipts),
        found.fit,
        trained.taken,
    )


def added(task: Task, sums: Sequence[Sliced], buffer: Buffer | None = None) -> Sliced:
    """Return the exact sum of results on disjoint files, in the buffer if there is one; b"" if there are none."""
    buffer = MemoryBuffer() if buffer is None else buffer  # an empty one may count as False
    for piece in pieces_of_sum(task, sums):
        buffer.write(piece)
    return buffer.getvalue()


def pieces_of_sum(task: Task, sums: Sequence[Sliced]) -> Iterator[bytes]:
    """Yield the same sum piece by piece, so that it is never whole in memory."""
    if sums and isinstance(task, MomentsTask):
        yield _added_moments(sums)
    elif sums:
        for part in exact.blocks_of_weights(len(sums[0]) // SUM_BYTES):
            yield _total(sums, part).astype("<i8", copy=False).tobytes()


def _added_moments(sums: Sequence[Sliced]) -> bytes:
    first, *others = [exact.feature_sums_from_bytes(as_bytes(raw)) for raw in sums]
    return sum(others, first).to_bytes()


def _added_updates(sums: Sequence[Sliced]) -> bytes:
    return _total(sums, slice(0, len(sums[0]) // SUM_BYTES)).astype("<i8", copy=False).tobytes()


def _total(sums: Sequence[Sliced], part: slice) -> npt.NDArray[np.int64]:
    """Return the sum of some of the integers of each sum."""
    total = np.zeros(part.stop - part.start, np.int64)  # (part,)
    for each in sums:
        exact.add(total, exact.ints_at(each, part))
    return total


def discounted(total: npt.NDArray[np.int64], staleness: int) -> npt.NDArray[np.int64]:
    """Return an exact sum of updates divided by sqrt(1 + staleness), rounded down: in integers, so that bits agree.

    staleness: the rounds between the weights that the updates started from and those that they are added to.
    """
    weight = isqrt((1 << 2 * STALE_BITS) // (1 + staleness))
    high, low = total >> LOW_BITS, total & ((1 << LOW_BITS) - 1)  # (parameters,)
    made: npt.NDArray[np.int64] = (high * weight << (LOW_BITS - STALE_BITS)) + (low * weight >> STALE_BITS)
    return made


def _discounted(parts: Sequence[PartialResult], staleness: Mapping[int, int]) -> list[Sliced]:
    """Return the sum of the updates of each staleness, weighted by it; these sums are then added.

    Equally stale updates are added before they are weighted, so that the result does not depend on their grouping.
    """
    by_staleness: defaultdict[int, list[Sliced]] = defaultdict(list)
    for part in parts:
        by_staleness[staleness.get(part.files[0].index, 0)].append(part.result)
    fresh = by_staleness.pop(0, [])
    totals = {late: np.frombuffer(_added_updates(sums), "<i8").astype(np.int64) for late, sums in by_staleness.items()}
    return [*fresh, *(discounted(total, late).astype("<i8").tobytes() for late, total in totals.items())]


def mean_of(
    spec: JobSpec,
    base: Content,
    parts: Sequence[PartialResult],
    staleness: Mapping[int, int] = MappingProxyType({}),
    units: bytes = b"",
) -> Floats:
    """Return the mean of all files' weights by rows; from exact sums, so that it does not depend on their grouping.

    Where updates come with gradients, the mean of these is behind it.
    staleness: of each file's update, where it may have started from earlier weights. units: of rounded updates.
    """
    made = np.empty(vectors_summed(spec.updates) * (len(base) // WEIGHT_BYTES), np.float32)  # (parameters,)
    for part, block in _mean_blocks(spec, base, parts, staleness, units):
        made[part] = block
    return made


def _mean_blocks(
    spec: JobSpec, base: Content, parts: Sequence[PartialResult], staleness: Mapping[int, int], units: bytes = b""
) -> Iterator[tuple[slice, Floats]]:
    """Yield the mean block by block, each with its place, so that nothing else of a large model is in memory."""
    size, entries = len(base) // WEIGHT_BYTES, vectors_summed(spec.updates) * (len(base) // WEIGHT_BYTES)
    sums, bits = _sums_of(parts, staleness), exact.fraction_bits(spec.rows)
    settings, rows = spec.settings, float(sum(f.rows for p in parts for f in p.files))
    if settings.dp_noise:
        rows = settings.fraction * len(spec.files)  # each file counts once, and the divisor tells of none
        if settings.dp_where == "central":
            added = _total(sums, slice(0, entries)).astype("<i8").tobytes()
            sums = [noised(added, settings.dp_clip, settings.dp_noise, bits)]
    steps = 1.0
    if spec.updates == "normalised-sum":
        trained = sorted((f for p in parts for f in p.files), key=lambda file: file.index)
        steps = effective_steps(plan(spec).config, [file.rows for file in trained])
    powers, before = -exponents(units, entries) if units else None, StoredVector(base, 0, size)
    for part in exact.blocks_of_weights(entries):
        weights = np.zeros(part.stop - part.start, np.float32)  # (part,) gradients are no changes
        known = before[part]
        weights[: len(known)] = known
        after_point = bits if powers is None else powers[part]
        yield part, exact.mean(weights, _total(sums, part), rows, after_point, steps)


def _sums_of(parts: Sequence[PartialResult], staleness: Mapping[int, int] = MappingProxyType({})) -> list[Sliced]:
    """Return exact sums of disjoint files, which are still to be added."""
    indices = [f.index for p in parts for f in p.files]
    assert len(indices) == len(set(indices)), "every file enters a sum once"
    return _discounted(parts, staleness)


def aggregation_of(spec: JobSpec, base: Content, parts: Sequence[PartialResult], halvings: int) -> Aggregation:
    """Return the aggregation of a round's single updates, which its blocks are to be given to."""
    name, receipts = spec.settings.rule, {index: each for p in parts for index, each in p.receipts.items()}
    trained = sorted((f for p in parts for f in p.files), key=lambda file: file.index)
    files = [UpdateFile(f.index, f.rows, receipts.get(f.index, b"")) for f in trained]
    trusted = next((at for at, file in enumerate(trained) if file.name == spec.settings.trusted), -1)
    rows = np.array([file.rows for file in trained], np.float64)  # (n,)
    given = Round(rows, spec.settings.tuning, np.zeros(0), eta_of(spec, halvings), trusted)
    before = np.frombuffer(as_bytes(base), "<f4").astype(np.float32)  # (parameters,)
    has_losses, bits = spec.updates == "each-with-loss", exact.fraction_bits(spec.rows)
    return Aggregation(each_rule_of(name), name, before, files, given, bits, has_losses)


def aggregated(spec: JobSpec, base: Content, aggregation: Aggregation, buffer: Buffer) -> Content:
    """Return the weights after a round whose blocks have all been added, in a buffer. Raises StepTooLarge."""
    return _finite(spec, base, _blocks_of(aggregation.weights()), buffer)


def step(
    spec: JobSpec,
    base: Content,
    parts: Sequence[PartialResult],
    state: bytes,
    halvings: int = 0,
    staleness: Mapping[int, int] = MappingProxyType({}),
    number: int = 0,
) -> tuple[bytes, bytes]:
    """Apply the job's rule to a round whose results are in memory. Return the new weights and the round's state.

    Raises StepTooLarge.
    """
    if spec.needs == "each":
        return _step_of_each(spec, base, parts, halvings), b""
    weights, kept = step_of_sums(spec, base, parts, state, MemoryBuffer(), staleness, number)
    return as_bytes(weights), kept


def step_of_sums(
    spec: JobSpec,
    base: Content,
    parts: Sequence[PartialResult],
    state: bytes,
    buffer: Buffer,
    staleness: Mapping[int, int] = MappingProxyType({}),
    number: int = 0,
) -> tuple[Content, bytes]:
    """Apply a rule of sums, and write the new weights to a buffer. Return them and the round's state.

    Raises StepTooLarge.
    """
    if spec.settings.rounds_updates:
        return _rounded_step(spec, base, parts, state, number)
    if spec.settings.rule in MEANS:
        return _finite(spec, base, _mean_blocks(spec, base, parts, staleness), buffer), b""
    before = np.frombuffer(as_bytes(base), "<f4").astype(np.float32, copy=False)  # (parameters,)
    mean = mean_of(spec, base, parts, staleness)
    weights, kept = step_of(spec.settings.rule)(before, mean, state, spec.settings.tuning)
    return _finite(spec, base, _blocks_of(weights), buffer), kept


def _rounded_step(
    spec: JobSpec, base: Content, parts: Sequence[PartialResult], state: bytes, number: int
) -> tuple[bytes, bytes]:
    """Apply the job's rule to rounded updates, and round its step."""
    had = compression.state_of(spec, as_bytes(base), state)
    before = np.frombuffer(as_bytes(base), "<f4").astype(np.float32, copy=False)  # (parameters,)
    mean = mean_of(spec, base, parts, units=had.units)
    stepped, kept = step_of(spec.settings.rule)(before, mean, had.rule, spec.settings.tuning)
    finite = _finite(spec, base, _blocks_of(stepped), MemoryBuffer())
    towards = np.frombuffer(as_bytes(finite), "<f4").astype(np.float32, copy=False)  # (parameters,)
    weights, powers = compression.rounded_step(spec, number, before, towards)
    added = _total(_sums_of(parts), slice(0, len(before)))  # (parameters,)
    units = compression.next_units(spec, had.units, added, sum(len(part.files) for part in parts))
    made = as_bytes(_finite(spec, base, _blocks_of(weights), MemoryBuffer()))
    return made, compression.RoundedState(units, powers, kept).to_bytes()


def delta_between(spec: JobSpec, base: Content, trained: TrainedRound) -> WeightsDelta | None:
    """Return the delta of a round's weights to those before it; None if it is too large for a message."""
    before = as_bytes(base)
    state = compression.state_of(spec, before, trained.state)
    packed = pack(compression.delta_of(before, trained.weights, state), SUM_BYTES)
    return WeightsDelta(digest_of(base), packed) if 0 < len(packed) <= CHUNK_BYTES else None


def _step_of_each(spec: JobSpec, base: Content, parts: Sequence[PartialResult], halvings: int) -> bytes:
    aggregation = aggregation_of(spec, base, parts, halvings)
    for _ in range(aggregation.passes):
        for start, stop in aggregation.blocks:
            pieces = {index: piece for part in parts for index, piece in part.pieces(start, stop).items()}
            aggregation.add([pieces[file.index] for file in aggregation.files])
    return as_bytes(aggregated(spec, base, aggregation, MemoryBuffer()))


def _finite(spec: JobSpec, base: Content, blocks: Iterable[tuple[slice, Floats]], buffer: Buffer) -> Content:
    """Write the weights after a round to a buffer, block by block. A last layer that stays at the sites is as before.

    Raises StepTooLarge.
    """
    for _, block in blocks:
        if not np.isfinite(block).all():
            raise StepTooLarge("the rule's step gave weights that are not finite (a smaller --server-eta may help)")
        buffer.write(block.astype("<f4", copy=False).tobytes())
    if spec.settings.personal == "head":
        place = last_layer(learner(spec.design))
        start, stop = WEIGHT_BYTES * place.start, WEIGHT_BYTES * place.stop
        buffer.place(start, base[start:stop])
    return buffer.getvalue()


def _blocks_of(vector: Floats) -> Iterator[tuple[slice, Floats]]:
    return ((part, vector[part]) for part in exact.blocks_of_weights(len(vector)))


def mean_of_progress(task: Task, parts: Sequence[PartialResult]) -> tuple[float, float]:
    """Return training loss and accuracy, weighted by rows. The loss does not depend on the grouping of the files."""
    rows = [sum(f.rows for f in p.files) for p in parts]
    if not rows:
        return 0.0, 0.0
    accuracies = [p.progress.accuracy for p in parts]
    loss = mean_loss(task, [(count, p.progress.loss) for count, p in zip(rows, parts, strict=True)])
    return loss, float(np.average(accuracies, weights=rows))


def mean_loss(task: Task, losses: Sequence[tuple[int, float]]) -> float:
    """Return the exact mean of these parts' losses by rows; 0 if the task does not train."""
    if not isinstance(task, TrainTask):
        return 0.0
    bits = task.plan.fraction_bits
    units = sum(exact.units_of_mean(loss, rows, bits) for rows, loss in losses)
    return exact.mean_loss(units, sum(rows for rows, _ in losses), bits)


def plan(spec: JobSpec, halvings: int = 0) -> TrainingPlan:
    """Return what every trainer of the job computes."""
    settings = spec.settings
    config = TrainConfig(
        settings.optimizer,
        settings.epochs,
        eta_of(spec, halvings),
        settings.batch,
        settings.momentum,
        settings.dropout,
        spec.class_weights,
        settings.proximal_mu,
        settings.clip,
        settings.dp_clip,
        settings.dp_noise if settings.dp_where == "local" else 0.0,
    )
    own = settings.personal
    personal = PersonalPlan(own, settings.personal_epochs, settings.ditto_lambda if own == "ditto" else 0.0)
    bits = exact.fraction_bits(spec.rows)
    return TrainingPlan(
        spec.design, config, bits, spec.bits, spec.reading, personal if own != "none" else PersonalPlan()
    )
