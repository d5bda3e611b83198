"""Local training without I/O: the same class runs in a trainer process and in the simulator.

A worker caches parsed files between rounds (file_cache.py), so a round sends only weights. A request for a file that is
not in the cache any more raises FileUnknown, and the caller adds the file again.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from roundelay.ml import counts, exact, exact_moments
from roundelay.ml.checkpoint import Checkpoint, FileDone, Keep, Saver
from roundelay.ml.control_variates import ControlVariates
from roundelay.ml.counts import Counts
from roundelay.ml.data import Array, Floats, Samples, moments_from_bytes
from roundelay.ml.design import CLASSES_DEFAULT
from roundelay.ml.errors import BadTask, FileUnknown, NotFinite
from roundelay.ml.exact_moments import FeatureSums
from roundelay.ml.file_cache import FileCache
from roundelay.ml.flower import Client
from roundelay.ml.losses import loss_of, probabilities
from roundelay.ml.metrics import measure
from roundelay.ml.mlp import Evaluation, blocks_of
from roundelay.ml.models.catalogue import learner
from roundelay.ml.models.learner import Learner, evaluate
from roundelay.ml.partial_update import PartialUpdate, add_change, integers_of, update_of
from roundelay.ml.personal import personal_weights, train_with_heads
from roundelay.ml.readers import content as contents
from roundelay.ml.readers.limits import DEFAULT, OPTION, Limits
from roundelay.ml.running_sum import RunningSum
from roundelay.ml.sliced import Bytes, Sliced
from roundelay.ml.task import TrainerTask
from roundelay.ml.task_inputs import check_rows, network_inputs, read_inputs
from roundelay.ml.train import Shard, check_samples
from roundelay.ml.vectors import StoredVector, Vector

CACHE_BYTES_MAX = 1 << 30

OnProgress = Callable[[int, int, float, float], None]  # index in task.files, epoch (from 1), mean loss, accuracy


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
        self.cache = FileCache(cache_bytes_max or max(CACHE_BYTES_MAX, limits.file_bytes))
        self.limits = limits  # of private data
        self._clients: dict[str, Client] = {}  # by digest: Flower clients that stand for a file

    def has(self, digest: str) -> bool:
        """Return whether this file, or a client in its place, is here."""
        return digest in self.cache or digest in self._clients

    def missing(self, digests: Iterable[str]) -> list[str]:
        """Return those that are not here; the others count as used now, so that adding files does not evict them."""
        digests = list(digests)
        self.cache.touch(digests)
        return [digest for digest in digests if not self.has(digest)]

    def add_client(self, digest: str, client: Client) -> int:
        """Let a client train in place of this file from now on; return its rows."""
        self._clients[digest] = client
        return client.rows

    def add_file(
        self, digest: str, name: str, content: bytes, features: int | None = None, classes: int = CLASSES_DEFAULT
    ) -> int:
        """Parse a file and cache it; return its rows. Raises DataError, CacheFull."""
        return self.cache.add(digest, name, contents.parse(name, content, features, classes), None)

    def add_private(self, digest: str, path: Path, name: str, number: int, reading: str) -> int:
        """Read a file of the node's own as its job's sites have agreed, and cache it; return the rows that train.

        Raises DataError, InputMissing, CannotWrite, BadTask, CacheFull.
        """
        from roundelay.ml.readers import site
        from roundelay.ml.readers.reading import reading_from_json

        part = site.read_part(path, name, number, reading_from_json(reading), self.limits)
        return self.cache.add(digest, name, part.training, part.held_out, f": raise {OPTION}")

    def moments(self, digests: Iterable[str]) -> FeatureSums:
        """Return the exact sums over all rows of these files, of a target too; a digest may be repeated."""
        sums = [exact_moments.feature_sums(_summed(self.cache.samples(digest))) for digest in digests]
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
        saver = Saver(begun or Checkpoint(RunningSum(model.parameters * task.vectors)), keep)
        total, done = saver.checkpoint.total, saver.checkpoint.done
        clip = task.plan.config.update_clip  # then no scores leave: they would tell of the rows without noise
        lasts = [_LastEpoch(index, None if clip else on_progress) for index in range(len(task.files))]
        for index, state in saver.checkpoint.running.items():
            lasts[index].loss, lasts[index].accuracy = state.loss, state.accuracy
        for index, local in self._train_files(model, task, base, variates, lasts, saver):
            integers = integers_of(model, task, task.files[index], base, local, self.cache.samples)
            receipt, vector = add_change(task, integers, total)
            saver.finish(index, FileDone(lasts[index].loss, lasts[index].accuracy, receipt, vector))
            del local  # before the next file of a large model is trained
        saver.save_end()
        return PartialUpdate(task.rows, total.content) if clip else update_of(task, total, done)

    def evaluate(self, task: TrainerTask, weights: Sliced | Bytes, digest: str) -> Evaluation:
        """Evaluate these weights on a file, standardised as the task says; the task's own files are not used."""
        model = learner(task.plan.design)
        samples = network_inputs(task, self.cache.samples(digest))
        check_samples(task.plan.design, samples)
        evaluation = evaluate(model, _weights(model, weights), samples)
        if not math.isfinite(evaluation.loss):
            raise NotFinite("weights too large to evaluate: the training has diverged")
        return evaluation

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
        parts = [read_inputs(task, file, self.cache.samples) for file in task.files]
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
            raw = self.cache.held_out(digest)
            if raw is None:
                continue
            check_samples(task.plan.design, raw)
            samples = network_inputs(task, raw)
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
                check_rows(file, client.rows)
                yield index, client.train(model, base[:], task.plan.config, task.round, file.seed, last)
                continue
            samples = partial(read_inputs, task, file, self.cache.samples)
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

    def _check_presence(self, task: TrainerTask) -> None:
        """Raise FileUnknown before any training starts, if a file of the task is missing."""
        missing = [file.digest for file in task.files if not self.has(file.digest)]
        if missing:
            raise FileUnknown(f"{len(missing)} files are missing, the first is {missing[0]}")


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


def _summed(samples: Samples) -> Floats:
    """Return the columns whose moments a job needs: the features and, in a regression, the target: (n, columns)."""
    return np.column_stack([samples.x, samples.y]) if samples.has_targets else samples.x
