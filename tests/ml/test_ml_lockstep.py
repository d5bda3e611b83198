"""Training in lockstep: each file gets the bits that it gets alone, and stacks stay within their bounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.ml.arithmetic import NATIVE, PORTABLE, Arithmetic
from roundelay.ml.data import Samples
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask, StepTooLarge
from roundelay.ml.fingerprint import fingerprint
from roundelay.ml.lockstep import CACHED_NUMBERS, FEW_FILES, FEW_FILES_NUMBERS, FILES_BYTES, stacks
from roundelay.ml.mlp import Architecture, init
from roundelay.ml.models.catalogue import learner
from roundelay.ml.partial_update import sum_from_bytes
from roundelay.ml.train import Shard, train_together
from roundelay.ml.training_plan import TrainConfig, TrainingPlan
from roundelay.ml.worker import Worker
from tests.hypothesis_profiles import examples
from tests.ml.ml_oracles import digest_of, make_csv, make_samples, make_task

Epochs = dict[int, list[tuple[int, float, float]]]  # by file: its epochs

sizes = st.builds(
    lambda features, hidden, classes: (features, *hidden, classes),
    st.sampled_from([1, 2, 5, 16, 33]),
    st.lists(st.sampled_from([1, 2, 7, 16, 33, 64, 100]), max_size=2),
    st.sampled_from([1, 2, 4, 10, 26]),
)
configs = st.builds(
    TrainConfig,
    optimizer=st.sampled_from(["sgd", "adam", "gd"]),
    epochs=st.integers(1, 2),
    eta=st.just(0.01),  # small enough that no training diverges with batches of one row
    batch=st.sampled_from([1, 2, 7, 16, 32, 33, 1000]),
    dropout=st.sampled_from([0.0, 0.3]),
    mu=st.sampled_from([0.0, 0.5]),
    clip=st.sampled_from([0.0, 0.5]),
)
arithmetics = st.sampled_from([NATIVE, PORTABLE])


@examples(150)
@given(sizes, configs, st.integers(1, 100), st.permutations(range(8)), st.integers(2, 8), st.booleans(), arithmetics)
def test_a_files_bits_do_not_depend_on_the_files_trained_with_it(
    sizes: tuple[int, ...],
    config: TrainConfig,
    rows: int,
    order: list[int],
    count: int,
    weighted: bool,
    arithmetic: Arithmetic,
) -> None:
    architecture, files = Architecture(sizes), order[:count]
    if weighted:
        config = dataclasses.replace(config, class_weights=tuple(np.linspace(0.5, 2, sizes[-1]).tolist()))
    weights, alone, together = init(architecture, 1), Epochs(), Epochs()
    shards = {i: make_samples(rows, sizes[0], sizes[-1], seed=i) for i in files}

    stacked = train_together(architecture, weights, [_shard(shards[i], i, together) for i in files], config, arithmetic)

    for i, local in zip(files, stacked, strict=True):
        (expected,) = train_together(architecture, weights, [_shard(shards[i], i, alone)], config, arithmetic)
        assert local.tobytes() == expected.tobytes()
    assert together == alone


@pytest.mark.parametrize("sizes", [(16, 64, 26), (16, 256, 26), (16, 128, 64, 26)])
@pytest.mark.parametrize("batch", [32, 128])
def test_the_bits_of_a_large_file_do_not_depend_on_other_files(sizes: tuple[int, ...], batch: int) -> None:
    architecture, config, epochs = Architecture(sizes), TrainConfig(epochs=2, batch=batch), Epochs()
    shards = [_shard(make_samples(500, 16, 26, seed=i), i, epochs) for i in range(11)]
    weights = init(architecture, 1)

    stacked = train_together(architecture, weights, shards, config)

    for i in (0, 4, 10):
        (alone,) = train_together(architecture, weights, [shards[i]], config)
        assert stacked[i].tobytes() == alone.tobytes()


def test_divergence_is_detected_after_the_earlier_epochs_are_reported() -> None:
    architecture, epochs = Architecture((5, 9, 4)), Epochs()
    shards = [_shard(make_samples(20, seed=i), i, epochs) for i in range(3)]
    shards[1].samples().x[3, 2] = np.nan

    with pytest.raises(StepTooLarge, match="diverged in epoch 1"):
        train_together(architecture, init(architecture, 0), shards, TrainConfig(epochs=3))

    assert list(epochs) == [0]


def test_one_file_of_samples_that_do_not_fit_is_refused_among_others() -> None:
    shards = [_shard(make_samples(20, features), 0, {}) for features in (5, 6)]

    with pytest.raises(BadTask):
        train_together(Architecture((5, 9, 4)), init(Architecture((5, 9, 4)), 0), shards, TrainConfig())


# --- which files


@pytest.mark.parametrize("rows", [[], [500], [500] * 33, [30, 17, 30, 17, 17, 9], [7] * 5 + [8] * 6 + [7] * 5])
def test_every_file_is_in_one_stack_with_files_of_its_length(rows: list[int]) -> None:
    found = list(stacks(Architecture((16, 64, 26)), TrainConfig(), rows))

    assert sorted(i for stack in found for i in stack) == list(range(len(rows)))
    assert all(len({rows[i] for i in stack}) == 1 for stack in found)


def test_stacks_of_one_length_are_even() -> None:
    found = list(stacks(Architecture((16, 256, 26)), TrainConfig(batch=128), [500] * 33))

    assert max(map(len, found)) - min(map(len, found)) <= 1
    assert min(map(len, found)) > 1


@pytest.mark.parametrize(("sizes", "rows"), [((16, 2048, 26), 500), ((784, 512, 10), 60_000), ((4, 2, 2), 2_000_000)])
def test_a_stack_stays_within_its_bounds(sizes: tuple[int, ...], rows: int) -> None:
    architecture = Architecture(sizes)

    longest = max(map(len, stacks(architecture, TrainConfig(), [rows] * 1000)))

    touched = 3 * architecture.parameters * longest
    assert longest == 1 or touched <= CACHED_NUMBERS or touched <= FEW_FILES_NUMBERS
    assert longest == 1 or 4 * rows * sizes[0] * longest <= FILES_BYTES


@pytest.mark.parametrize(("sizes", "is_few"), [((16, 64, 26), False), ((16, 256, 26), True), ((16, 1024, 26), True)])
def test_only_a_stack_of_few_files_touches_more_than_the_cache_of_a_core(sizes: tuple[int, ...], is_few: bool) -> None:
    stack, *_ = stacks(Architecture(sizes), TrainConfig(batch=32), [500] * 1000)
    touched = len(stack) * (3 * Architecture(sizes).parameters + 32 * (2 * 17 + 3 * sizes[1] + 5 * 26))

    assert (len(stack) <= FEW_FILES) is is_few
    assert (touched > CACHED_NUMBERS) is is_few


def test_full_batches_make_smaller_stacks() -> None:
    architecture, rows = Architecture((16, 64, 26)), [500] * 33

    full = max(map(len, stacks(architecture, TrainConfig("gd"), rows)))
    short = max(map(len, stacks(architecture, TrainConfig("sgd"), rows)))

    assert 1 < full < short


def test_files_are_read_one_stack_at_a_time() -> None:
    model, config, reading = learner(Design((16, 256, 26))), TrainConfig(epochs=1, batch=128), [0]
    samples = make_samples(500, 16, 26)

    def read() -> Samples:
        reading[0] += 1
        return samples

    trained = model.train_all(model.init_weights(0), [Shard(500, read, i) for i in range(33)], config)
    next(trained)

    assert 1 < reading[0] < 33
    assert sorted([0, *(position for position, _ in trained)]) == list(range(33))


# --- workers, clients and fingerprints


@pytest.mark.parametrize(
    "task",
    [
        make_task([], [], config=TrainConfig(epochs=2, batch=8, dropout=0.2)),
        make_task([], [], config=TrainConfig("gd", 3, 0.1), course=True),
        make_task([], [], model="softmax", sizes=(5, 4)),
    ],
    ids=["mlp", "course", "softmax"],
)
def test_a_workers_sum_does_not_depend_on_stacks(task) -> None:  # type: ignore[no-untyped-def]
    contents = [make_csv(make_samples(rows, seed=i)) for i, rows in enumerate([30, 17, 30, 30, 17])]
    files = make_task(contents, [30, 17, 30, 30, 17]).files
    worker, weights = Worker(), learner(task.plan.design).init_weights(1).tobytes()
    for content in contents:
        worker.add_file(digest_of(content), "file", content)

    def train(*indices: int, on_progress: Callable[..., None] | None = None) -> np.ndarray:
        part = dataclasses.replace(task, files=tuple(files[i] for i in indices))
        return sum_from_bytes(worker.train(part, weights, on_progress))

    reported: list[tuple[int, int]] = []
    whole = train(0, 1, 2, 3, 4, on_progress=lambda index, epoch, *_: reported.append((index, epoch)))

    assert np.array_equal(whole, sum(train(i) for i in range(5)))
    assert sorted(reported) == [(i, epoch) for i in range(5) for epoch in range(1, task.plan.config.epochs + 1)]


class _Client:
    """A stand-in for a Flower client."""

    rows = 5

    def train(self, model: object, base: np.ndarray, *rest: Any) -> np.ndarray:
        rest[-1](1, 0.5, 0.5)
        return base + 1


def test_a_client_between_files_keeps_its_place() -> None:
    contents = [make_csv(make_samples(rows, seed=rows)) for rows in (30, 17)]
    task = make_task([b"client", *contents], [5, 30, 17])
    worker, weights = Worker(), learner(task.plan.design).init_weights(1).tobytes()
    worker.add_client(digest_of(b"client"), _Client())  # type: ignore[arg-type]
    for content in contents:
        worker.add_file(digest_of(content), "file", content)

    whole, *parts = (
        sum_from_bytes(worker.train(dataclasses.replace(task, files=files), weights))
        for files in (task.files, task.files[:1], task.files[1:2], task.files[2:])
    )

    assert np.array_equal(whole, sum(parts))


def _shard(samples: Samples, seed: int, epochs: Epochs) -> Shard:
    return Shard(samples.rows, lambda: samples, seed, lambda *epoch: epochs.setdefault(seed, []).append(epoch))


def test_a_fingerprint_differs_if_stacking_changes_the_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = TrainingPlan(Design((5, 9, 4)), TrainConfig(batch=8), 24)
    sound = fingerprint(plan)

    def otherwise(architecture: Any, weights: Any, shards: Any, *others: Any) -> list[Any]:
        made = train_together(architecture, weights, shards, *others)
        return made if len(shards) == 1 else [np.nextafter(each, 1) for each in made]

    monkeypatch.setattr("roundelay.ml.train.train_together", otherwise)

    assert fingerprint(plan) != sound
