"""One job, from its first order to its last round.

A round is a pure function of the spec and the weights before it: the driver sends every owner
one order, adds the exact sums that come back, divides, and validates. Which node trained what,
and in which order the answers came, cannot be seen in the result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from chord.effects import Procedure, ask, together
from chord.errors import ChordError
from chord.refs import NodeRef
from chord.store import digest_of
from chord.storing import fetch, write
from federation.effects import aside
from federation.errors import WorkFailed
from federation.placement import Holders, by_hash
from federation.spec import JobSpec
from federation.work import WAIT_MAX_S, Collect, Order, Progress, TrainingFile
from ml import exact
from ml.mlp import Evaluation
from ml.task import FileTask, Task, TrainConfig, local_seed

COLLECTS_MAX = 100_000  # of one order, each up to WAIT_MAX_S long
GRACE_S = 1.0  # for an answer beyond the time that it was asked to wait


MakeTask = Callable[[tuple[TrainingFile, ...]], dict[str, object]]  # some files -> what is to be done with them


@dataclass(frozen=True)
class Round:
    """What one round came to."""

    number: int
    validation_error: float
    validation_loss: float
    training_loss: float
    training_accuracy: float
    seconds: float  # the whole round, by the driver's clock
    slowest_s: float  # the slowest node's training alone
    placement: dict[str, NodeRef] = field(default_factory=dict)  # file name -> who trained it


@dataclass(frozen=True)
class _Part:
    """What one node answered to one order."""

    node: NodeRef
    files: tuple[TrainingFile, ...]
    progress: Progress
    result: bytes


class Driver:
    """Drives a job whose files are placed. `evaluate` validates, `tell` hears of every round."""

    def __init__(
        self, spec: JobSpec, holders: Holders, evaluate: Callable[[bytes, bytes], Evaluation],
        clock: Callable[[], float], tell: Callable[[Round], None],
    ) -> None:
        self._spec = spec
        self._holders = holders
        self._evaluate = evaluate
        self._clock = clock
        self._tell = tell
        self._gone: set[NodeRef] = set()
        self._fraction_bits = exact.fraction_bits(spec.rows)

    def drive(self, weights: bytes, first_round: int = 1) -> Procedure[tuple[bytes, bytes]]:
        """Run the rounds from these weights (float32, little-endian). Returns the last weights, and the moments.

        Raises FileUnavailable, WorkFailed, ChordError.
        """
        moments = yield from self._moments()
        for number in range(first_round, self._spec.settings.rounds + 1):
            began = self._clock()
            parts = yield from self._order_all(number, self._spec.files, self._training(moments, number), weights)
            weights = yield from aside(lambda parts=parts, base=weights: self._mean(base, parts))  # type: ignore[misc]
            evaluation = yield from aside(lambda now=weights: self._evaluate(now, moments))  # type: ignore[misc]
            self._tell(self._round(number, parts, evaluation, self._clock() - began))
        return weights, moments

    def _moments(self) -> Procedure[bytes]:
        """Round 0: mean and deviation of every feature, from exact sums over all files."""
        if self._spec.settings.course:
            return b""
        parts = yield from self._order_all(0, self._spec.files, lambda _: self._work("moments"), b"")
        first, *others = [exact.feature_sums_from_bytes(p.result) for p in parts]
        return sum(others, first).moments().to_bytes()

    # --- one round

    def _order_all(
        self, number: int, files: Sequence[TrainingFile],
        task: MakeTask, weights: bytes,
    ) -> Procedure[list[_Part]]:
        """Have all these files worked on: where a node is lost, its files go to the next holders of copies."""
        groups = by_hash(files, self._holders, self._gone)
        outcomes = yield from together(
            [self._order_or_pass_on(number, node, group, task, weights) for node, group in groups.items()],
            at_once=len(groups),
        )
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        return [part for parts in outcomes if not isinstance(parts, Exception) for part in parts]

    def _order_or_pass_on(
        self, number: int, node: NodeRef, files: tuple[TrainingFile, ...],
        task: MakeTask, weights: bytes,
    ) -> Procedure[list[_Part]]:
        order = Order(self._spec.job, number, files, json.dumps(task(files)), digest_of(weights) if weights else "")
        try:
            part = yield from _employ(node, order, weights)
        except ChordError:
            self._gone.add(node)
            parts = yield from self._order_all(number, files, task, weights)
            return parts
        return [part]

    def _training(self, moments: bytes, number: int) -> MakeTask:
        settings = self._spec.settings
        config = TrainConfig(settings.optimizer, settings.epochs, settings.eta, settings.batch, settings.momentum)

        def task(files: tuple[TrainingFile, ...]) -> dict[str, object]:
            tasks = tuple(FileTask(f.digest, f.rows, local_seed(settings.seed, number, f.index)) for f in files)
            whole = Task(self._spec.sizes, config, self._fraction_bits, tasks, moments, settings.course)
            return self._work("train") | {"task": whole.to_dict()}

        return task

    def _work(self, kind: str) -> dict[str, object]:
        return {"kind": kind, "features": self._spec.features, "classes": self._spec.classes}

    def _mean(self, base: bytes, parts: Sequence[_Part]) -> bytes:
        """The weighted mean of all files' weights, from exact sums: each file once, in any grouping."""
        indices = [f.index for p in parts for f in p.files]
        assert sorted(indices) == [f.index for f in self._spec.files], "every file enters a sum exactly once"
        total = np.zeros(len(base) // 4, np.int64)  # (parameters,)
        for part in parts:
            exact.add(total, np.frombuffer(part.result, "<i8").astype(np.int64))
        mean = exact.mean(np.frombuffer(base, "<f4"), total, self._spec.rows, self._fraction_bits)
        return mean.astype("<f4").tobytes()

    def _round(self, number: int, parts: Sequence[_Part], evaluation: Evaluation, seconds: float) -> Round:
        rows = [sum(f.rows for f in p.files) for p in parts]
        return Round(
            number, evaluation.error_rate, evaluation.loss,
            float(np.average([p.progress.loss for p in parts], weights=rows)),
            float(np.average([p.progress.accuracy for p in parts], weights=rows)),
            seconds, max(p.progress.seconds for p in parts),
            {f.name: p.node for p in parts for f in p.files},
        )


def _employ(node: NodeRef, order: Order, weights: bytes) -> Procedure[_Part]:
    """One order to one node, from the weights to the result. Raises WorkFailed, ChordError."""
    if weights:
        yield from write(node, order.weights, weights)
    ticket = yield from ask(node, order)
    for _ in range(COLLECTS_MAX):
        progress = yield from ask(node, Collect(ticket, WAIT_MAX_S), WAIT_MAX_S + GRACE_S)
        if progress.state == "failed":
            raise WorkFailed(f"{node.address}, round {order.round}: {progress.message}")
        if progress.state == "done":
            result = yield from fetch((node,), progress.result, progress.size_bytes)
            return _Part(node, order.files, progress, result)
    raise WorkFailed(f"{node.address}, round {order.round}: not done after {COLLECTS_MAX} questions")


