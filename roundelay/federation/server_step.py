"""The new weights of a round: the mean of its updates, and the job's rule applied to it or to each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from roundelay.federation import compression
from roundelay.federation.errors import StepTooLarge
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.result_sums import sums_of, total_of
from roundelay.federation.round_tasks import plan
from roundelay.federation.rules.aggregation import Aggregation, UpdateFile
from roundelay.federation.rules.each import Round
from roundelay.federation.rules.fednova import effective_steps
from roundelay.federation.rules.steps import MEANS, each_rule_of, step_of
from roundelay.federation.rules.vectors import Floats
from roundelay.federation.spec import JobSpec
from roundelay.federation.step_size import eta_of
from roundelay.ml import exact
from roundelay.ml.models.catalogue import learner
from roundelay.ml.personal import last_layer
from roundelay.ml.privacy import noised
from roundelay.ml.rounding import exponents
from roundelay.ml.sliced import as_bytes
from roundelay.ml.task import vectors_summed
from roundelay.ml.vectors import StoredVector
from roundelay.store.blobs import Buffer, Content, MemoryBuffer
from roundelay.store.packing import WEIGHT_BYTES


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
    added = total_of(sums_of(parts), slice(0, len(before)))  # (parameters,)
    units = compression.next_units(spec, had.units, added, sum(len(part.files) for part in parts))
    made = as_bytes(_finite(spec, base, _blocks_of(weights), MemoryBuffer()))
    return made, compression.RoundedState(units, powers, kept).to_bytes()


def _step_of_each(spec: JobSpec, base: Content, parts: Sequence[PartialResult], halvings: int) -> bytes:
    aggregation = aggregation_of(spec, base, parts, halvings)
    for _ in range(aggregation.passes):
        for start, stop in aggregation.blocks:
            pieces = {index: piece for part in parts for index, piece in part.pieces(start, stop).items()}
            aggregation.add([pieces[file.index] for file in aggregation.files])
    return as_bytes(aggregated(spec, base, aggregation, MemoryBuffer()))


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
    sums, bits = sums_of(parts, staleness), exact.fraction_bits(spec.rows)
    settings, rows = spec.settings, float(sum(f.rows for p in parts for f in p.files))
    if settings.dp_noise:
        rows = settings.fraction * len(spec.files)  # each file counts once, and the divisor tells of none
        if settings.dp_where == "central":
            added = total_of(sums, slice(0, entries)).astype("<i8").tobytes()
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
        yield part, exact.mean(weights, total_of(sums, part), rows, after_point, steps)


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
