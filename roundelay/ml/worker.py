"""Local training without I/O: the same class runs in a trainer process and in the simulator.

A worker caches parsed files between rounds, so a round sends only weights. It treats digests as names and does not
verify them. The cache evicts the file used least recently; a request for an evicted file raises FileUnknown, and the
caller adds the file again.
"""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from roundelay.ml import counts, exact
from roundelay.ml.checkpoint import Checkpoint, FileDone, Keep, Saver
from roundelay.ml.control_variates import ControlVariates
from roundelay.ml.counts import Counts
from roundelay.ml.data import Array, Floats, Ints, Samples, moments_from_bytes, standardise_samples
from roundelay.ml.design import CLASSES_DEFAULT
from roundelay.ml.errors import BadTask, CacheFull, FileUnknown, NotFinite
from roundelay.ml.exact import FeatureSums
from roundelay.ml.flower import Client
from roundelay.ml.local_steps import accumulated_steps
from roundelay.ml.losses import loss_of, probabilities
from roundelay.ml.metrics import measure
from roundelay.ml.mlp import Evaluation, blocks_of
from roundelay.ml.models.catalogue import learner
from roundelay.ml.models.learner import Learner, evaluate
from roundelay.ml.personal import personal_weights, train_with_heads
from roundelay.ml.privacy import clipped
from roundelay.ml.readers import content as contents
from roundelay.ml.readers.limits import DEFAULT, OPTION, Limits
from roundelay.ml.rounding import exponents, rounded
from roundelay.ml.running_sum import RunningSum
from roundelay.ml.sliced import Bytes, Sliced, as_bytes
from roundelay.ml.task import FileTask, TrainerTask
from roundelay.ml.train import Shard, check_samples
from roundelay.ml.vectors import StoredVector, Vector

CACHE_BYTES_MAX = 1 << 30

OnProgress = Callable[[int, int, float, float], None]  # index in task.files, epoch (from 1), mean loss, accuracy


@dataclass(frozen=True)
class PartialUpdate:
    """The changes to the weights by training on some files, each weighted by its rows: their exact sum, or each.

    sum: int64, little-endian, one for each parameter, with as many of the gradients behind them if the task asks for
    that; or one vector for each file, in their order.
    """

    rows: int
    sum: Sliced
    loss: float = 0.0  # exact mean over all rows, in each file's last epoch
    accuracy: float = 0.0
    receipts: bytes = b""  # SHA-256 of each file's change, in the order of the files, if the task asks for them


class _LastEpoch:
    """A callback that forwards a file's epochs and remembers the last."""

    def __init__(self, index: int, on_progress: OnProgress | None) -> None:
        self.index, self.on_progress = index, on_progress
        self.loss, self.accuracy = 0.0, 0.0

    def __call__(self, epoch: int, loss: float, accuracy: float) -> None:
        self.loss, self.accuracy = loss, accuracy
        if self.on_progress:
            self.on_progress(self.index, epoch, loss, accuracy)


class Worker:
    """Parsed files by digest, and what can be computed from them."""

    def __init__(self, cache_bytes_max: int | None = None, limits: Limits = DEFAULT) -> None:
        """Cache files; by default there is room for CACHE_BYTES_MAX, and for one file of private data."""
        self._files: OrderedDict[str, Samples] = OrderedDict()  # least recently used first
        self._held_out: dict[str, Samples | None] = {}  # of private files: the rows that train nothing
        self._cache_bytes = 0
        self._cache_bytes_max = cache_bytes_max or max(CACHE_BYTES_MAX, limits.file_bytes)
        self.limits = limits  # of private data
        self._clients: dict[str, Client] = {}  # by digest: Flower clients that stand for a file

    def has(self, digest: str) -> bool:
        """Return whether this file, or a client in its place, is here."""
        return digest in self._files or digest in self._clients

    def missing(self, digests: Iterable[str]) -> list[str]:
        """Return those that are not here; the others count as used now, so that adding files does not evict them."""
        digests = list(digests)
        for digest in digests:
            if digest in self._files:
                self._files.move_to_end(digest)
        return [digest for digest in digests if not self.has(digest)]

    def add_client(self, digest: str, client: Client) -> int:
        """Let a client train in place of this file from now on; return its rows."""
        self._clients[digest] = client
        return client.rows

    def add_file(
        self, digest: str, name: str, content: bytes, features: int | None = None, classes: int = CLASSES_DEFAULT
    ) -> int:
        """Parse a file and cache it; return its rows. Raises DataError, CacheFull."""
        return self._keep(digest, name, contents.parse(name, content, features, classes), None)

    def add_private(self, digest: str, path: Path, name: str, number: int, reading: str) -> int:
        """Read a file of the node's own as its job's sites have agreed, and cache it; return the rows that train.

        Raises DataError, InputMissing, CannotWrite, BadTask, CacheFull.
        """
        from roundelay.ml.readers import site
        from roundelay.ml.readers.reading import reading_from_json

        part = site.read_part(path, name, number, reading_from_json(reading), self.limits)
        return self._keep(digest, name, part.training, part.held_out, f": raise {OPTION}")

    def _keep(self, digest: str, name: str, samples: Samples, held_out: Samples | None, advice: str = "") -> int:
        size_bytes = samples.size_bytes + (held_out.size_bytes if held_out is not None else 0)
        if size_bytes > self._cache_bytes_max:
            told = f"{name} takes {size_bytes} bytes of memory, the cache holds {self._cache_bytes_max}"
            raise CacheFull(f"{told}{advice}")
        self._forget(digest)
        while self._cache_bytes + size_bytes > self._cache_bytes_max:
            self._forget(next(iter(self._files)))
        self._files[digest], self._held_out[digest] = samples, held_out
        self._cache_bytes += size_bytes
        return samples.rows

    def moments(self, digests: Iterable[str]) -> FeatureSums:
        """Return the exact sums over all rows of these files, of a target too; a digest may be repeated."""
        sums = [exact.feature_sums(_summed(self._samples(digest))) for digest in digests]
        if not sums:
            raise BadTask("moments need at least one file")
        total = sums[0]
        for part in sums[1:]:
            total = total + part
        return total

    def train(
        self,
        task: TrainerTask,
        weights: Sliced | Bytes,
        on_progress: OnProgress | None = None,
        keep: Keep | None = None,
        begun: Checkpoint | None = None,
    ) -> PartialUpdate:
        """Train on each file of the task, starting from these weights (little-endian float32).

        Behind the weights stands what corrections are computed from, where the task asks for gradients (vectors_sent).
        Return the exact sum of the changes, or each of them, as the task says. keep: is given checkpoints. begun: one
        of an earlier training of this task, to go on from.
        """
        model = learner(task.plan.design)
        base, *rest = _vectors(model, weights, task.start_vectors)
        variates = ControlVariates(*(each[:] for each in rest)) if rest else None
        self._check_presence(task)
        task.check_memory()
        exact.check_rows(task.rows, task.plan.fraction_bits)
        is_sum = not task.is_single
        saver = Saver(begun or Checkpoint(RunningSum(model.parameters * task.vectors)), keep)
        total, done = saver.checkpoint.total, saver.checkpoint.done
        clip = task.plan.config.update_clip  # then no scores leave: they would tell of the rows without noise
        lasts = [_LastEpoch(index, None if clip else on_progress) for index in range(len(task.files))]
        for index, state in saver.checkpoint.running.items():
            lasts[index].loss, lasts[index].accuracy = state.loss, state.accuracy
        for index, local in self._train_files(model, task, base, variates, lasts, saver):
            digest, vector = hashlib.sha256(), list[bytes]()
            for part, change in self._change(model, task, task.files[index], base, local):
                data = change.astype("<i8", copy=False)
                if is_sum:
                    total.add(part, change)
                else:
                    vector.append(data.tobytes())
                if task.receipts:
                    digest.update(data.data)
            last, receipt = lasts[index], digest.digest() if task.receipts else b""
            saver.finish(index, FileDone(last.loss, last.accuracy, receipt, b"".join(vector)))
            del local  # before the next file of a large model is trained
        saver.save_end()
        if clip:
            return PartialUpdate(task.rows, total.content)
        bits, trained = task.plan.fraction_bits, [(file, done[index]) for index, file in enumerate(task.files)]
        units = sum(exact.loss_units(each.loss, file.rows, bits) for file, each in trained)
        accuracy = sum(each.accuracy * file.rows / task.rows for file, each in trained)
        loss = exact.mean_loss(units, task.rows, bits) if task.files else 0.0
        changes = total.content if is_sum else b"".join(each.vector for _, each in trained)
        return PartialUpdate(task.rows, changes, loss, accuracy, b"".join(each.receipt for _, each in trained))

    def evaluate(self, task: TrainerTask, weights: Sliced | Bytes, digest: str) -> Evaluation:
        """Evaluate these weights on a file, standardised as the task says; the task's own files are not used."""
        model = learner(task.plan.design)
        samples = _inputs(task, self._samples(digest))
        check_samples(task.plan.design, samples)
        evaluation = evaluate(model, _weights(model, weights), samples)
        if not math.isfinite(evaluation.loss):
            raise NotFinite("weights too large to evaluate: the training has diverged")
        return evaluation

    def _change(
        self, model: Learner, task: TrainerTask, file: FileTask, base: Vector, local: Array
    ) -> Iterator[tuple[slice, Ints]]:
        """Yield the integers of one file's update, in the form that the task asks for, and the place of each block."""
        plan, size = task.plan, model.parameters
        if clip := plan.config.update_clip:
            change = local.astype(np.float64) - base[:].astype(np.float64)  # (parameters,)
            yield slice(0, size), clipped(change, clip, plan.fraction_bits)
        elif task.units:
            change = exact.weighted_change(local, base[:], file.rows)  # (parameters,)
            yield slice(0, size), rounded(change, exponents(task.units, size), file.seed)
        else:
            steps = accumulated_steps(plan.config, file.rows) if task.updates == "normalised-sum" else 1.0
            yield from exact.quantised(local, base, file.rows, plan.fraction_bits, steps)
        if task.updates == "sum-with-gradient":
            gradient = model.gradient(base[:], self._read(task, file), plan.config)
            for part, integers in exact.quantised_gradient(gradient, file.rows, plan.fraction_bits):
                yield slice(size + part.start, size + part.stop), integers
        if task.updates == "each-with-loss":
            loss = evaluate(model, base[:], self._read(task, file)).loss
            yield slice(size, size + 1), np.array([exact.units_of_loss(loss)])

    def count_held_out(
        self, task: TrainerTask, weights: Sliced | Bytes, digests: Iterable[str]
    ) -> tuple[Counts, float | None]:
        """Count what these weights predict for the rows that files hold out; return the AUC on all of them, too."""
        model = learner(task.plan.design)
        return self._count(model, task, _weights(model, weights), digests)

    def personal_model(self, task: TrainerTask, weights: Sliced | Bytes) -> Floats:
        """Return the weights of a model of this site's own, made from shared weights and all files of the task."""
        model = learner(task.plan.design)
        self._check_presence(task)
        task.check_memory()
        parts = [self._read(task, file) for file in task.files]
        if not parts:
            raise BadTask("a site's own model needs at least one file")
        samples = Samples(np.concatenate([each.x for each in parts]), np.concatenate([each.y for each in parts]))
        return personal_weights(model, task.plan, _weights(model, weights), samples, task.files[0].seed)

    def count_personal(self, task: TrainerTask, weights: Sliced | Bytes) -> tuple[Counts, float | None]:
        """Count what this site's own model predicts for the rows that the task's files hold out; return the AUC."""
        own = self.personal_model(task, weights)
        return self._count(learner(task.plan.design), task, own, [file.digest for file in task.files])

    def _count(
        self, model: Learner, task: TrainerTask, flat: Floats, digests: Iterable[str]
    ) -> tuple[Counts, float | None]:
        """Count what a model predicts for the rows that files hold out.

        A file's blocks of rows are its own, so that counts do not depend on which files lie together.
        """
        counted, scores, classes = [Counts()], [], []
        for digest in digests:
            self._samples(digest)  # raises FileUnknown
            raw = self._held_out[digest]
            if raw is None:
                continue
            check_samples(task.plan.design, raw)
            samples = _inputs(task, raw)
            found = np.concatenate([model.scores(flat, samples.x[rows]) for rows in blocks_of(samples.rows)])
            by = loss_of(model.design.task, model.design.loss)
            losses = by.of_rows(found, samples.y, model.arithmetic)
            if raw.has_targets:
                predicted = found[:, 0].astype(np.float64)  # (n,)
                told = moments_from_bytes(task.moments).of_target(predicted) if task.moments else predicted
                counted.append(counts.of_targets(told, losses, raw.y))
                continue
            counted.append(counts.of_classes(found, losses, raw.y))
            scores.append(probabilities(found, model.arithmetic))
            classes.append(raw.y)
        auc = measure(np.concatenate(scores), np.concatenate(classes)).auc if scores else None
        return counts.total(counted), auc

    def _train_files(
        self,
        model: Learner,
        task: TrainerTask,
        base: Vector,
        variates: ControlVariates | None,
        lasts: list[_LastEpoch],
        saver: Saver,
    ) -> Iterator[tuple[int, Array]]:
        """Yield (index in the task, new weights) of each file that is not done, when its training is."""
        begun, fresh = list[Shard](), list[Shard]()
        running, done = dict(saver.checkpoint.running), frozenset(saver.checkpoint.done)
        for index, (file, last) in enumerate(zip(task.files, lasts, strict=True)):
            client = self._clients.get(file.digest)
            if index in done:
                continue
            if client is not None:
                if task.updates == "sum-with-gradient":
                    raise BadTask("updates: a Flower client does not report gradients")
                _check_rows(file, client.rows)
                yield index, client.train(model, base[:], task.plan.config, task.round, file.seed, last)
                continue
            samples = partial(self._read, task, file)
            correction = variates.correction(model, task.plan.config, samples) if variates is not None else None
            shard = Shard(file.rows, samples, file.seed, last, index, saver, running.get(index), correction)
            (fresh if shard.start is None else begun).append(shard)
        for shards in (begun, fresh):  # those that were begun are of one stack, and so at the same epoch
            if task.plan.personal.keeps_head:
                trained = train_with_heads(model, task.plan, base[:], shards)
            else:
                trained = model.train_all(base, shards, task.plan.config)
            for position, local in trained:
                yield shards[position].place, local
                del local

    def _read(self, task: TrainerTask, file: FileTask) -> Samples:
        """Return the inputs of the network for a file of the task."""
        samples = self._samples(file.digest)
        _check_rows(file, samples.rows)
        return _inputs(task, samples)

    def _check_presence(self, task: TrainerTask) -> None:
        """Raise FileUnknown before any training starts, if a file of the task is missing."""
        missing = [file.digest for file in task.files if not self.has(file.digest)]
        if missing:
            raise FileUnknown(f"{len(missing)} files are missing, the first is {missing[0]}")

    def _samples(self, digest: str) -> Samples:
        if digest not in self._files:
            raise FileUnknown(f"file {digest} is missing")
        self._files.move_to_end(digest)
        return self._files[digest]

    def _forget(self, digest: str) -> None:
        for samples in (self._files.pop(digest, None), self._held_out.pop(digest, None)):
            self._cache_bytes -= samples.size_bytes if samples is not None else 0


def sum_from_bytes(update: PartialUpdate) -> Ints:
    """Return the integers of a partial update: (parameters,)."""
    return np.frombuffer(as_bytes(update.sum), "<i8").astype(np.int64)  # (parameters,)


def _check_rows(file: FileTask, rows: int) -> None:
    if rows != file.rows:
        raise BadTask(f"file {file.digest} has {rows} rows, but the task says {file.rows}")


def _weights(model: Learner, data: Sliced | Bytes) -> Floats:
    return _vectors(model, data, 1)[0][:]


def _vectors(model: Learner, data: Sliced | Bytes, count: int) -> Sequence[Vector]:
    """Return the weights and what follows them, `count` vectors in all, where they are: in memory or in a file.

    Raises BadTask, NotFinite.
    """
    size = model.parameters
    if len(data) != 4 * size * count:
        raise BadTask(f"weights have {len(data)} bytes, expected 4 for each of {size * count} parameters")
    if isinstance(data, bytes | bytearray | memoryview):
        vectors: Sequence[Vector] = np.split(np.frombuffer(data, "<f4").astype(np.float32, copy=False), count)
    else:
        vectors = [StoredVector(data, at * size, (at + 1) * size) for at in range(count)]
    if not all(np.isfinite(vector[part]).all() for vector in vectors for part in exact.blocks_of_weights(size)):
        raise NotFinite("the weights are not finite")
    return vectors


def _inputs(task: TrainerTask, samples: Samples) -> Samples:
    """Return the inputs of the network: standardised, or raw if the task has no moments."""
    if not task.moments:
        return samples
    return standardise_samples(samples, moments_from_bytes(task.moments))


def _summed(samples: Samples) -> Floats:
    """Return the columns whose moments a job needs: the features and, in a regression, the target: (n, columns)."""
    return np.column_stack([samples.x, samples.y]) if samples.has_targets else samples.x
