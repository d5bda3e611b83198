"""The worker: sums that do not depend on grouping, a bounded cache, and named errors."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.ml import exact
from roundelay.ml.errors import BadTask, CacheFull, DataError, FileUnknown, NotFinite, OutOfRange
from roundelay.ml.exact_moments import feature_sums
from roundelay.ml.mlp import Architecture, evaluate, init
from roundelay.ml.partial_update import PartialUpdate, sum_from_bytes
from roundelay.ml.readers.limits import Limits
from roundelay.ml.task import TrainerTask
from roundelay.ml.training_plan import TrainConfig
from roundelay.ml.worker import Worker
from tests.hypothesis_profiles import examples
from tests.ml.ml_oracles import digest_of, make_csv, make_samples, make_task, with_changes

ROWS = [30, 17, 45, 8]
SAMPLES = [make_samples(rows, seed=i) for i, rows in enumerate(ROWS)]
CONTENTS = [make_csv(samples) for samples in SAMPLES]
WEIGHTS = init(Architecture((5, 8, 4)), 1)
TASK = make_task(CONTENTS, ROWS)


def filled(contents: list[bytes] = CONTENTS) -> Worker:
    worker = Worker()
    for i, content in enumerate(contents):
        worker.add_file(digest_of(content), f"file{i}", content)
    return worker


def part(task: TrainerTask, indices: list[int]) -> TrainerTask:
    return dataclasses.replace(task, files=tuple(task.files[i] for i in indices))


MOMENTS = filled().moments(map(digest_of, CONTENTS)).moments().to_bytes()
WHOLE = filled().train(TASK, WEIGHTS.tobytes())


@examples(20)
@given(st.permutations(range(4)), st.sets(st.integers(1, 3)))
def test_the_sum_does_not_depend_on_which_worker_trains_which_file(order: list[int], cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), 4]
    parts = [order[start:end] for start, end in pairwise(edges)]

    updates = [filled([CONTENTS[i] for i in group]).train(part(TASK, group), WEIGHTS.tobytes()) for group in parts]

    total = np.zeros(WEIGHTS.size, np.int64)
    for update in updates:
        exact.add(total, sum_from_bytes(update))
    assert total.astype("<i8").tobytes() == WHOLE.sum
    assert sum(update.rows for update in updates) == WHOLE.rows == sum(ROWS)


@pytest.mark.parametrize(
    "task",
    [
        TASK,
        with_changes(TASK, moments=MOMENTS),
        with_changes(TASK, config=TrainConfig("adam", 2, 0.01, 8)),
        with_changes(TASK, config=TrainConfig("gd", 3, 0.1), course=True),
    ],
    ids=["raw", "standardised", "adam", "course"],
)
def test_the_same_task_gives_the_same_bytes_again_and_elsewhere(task: TrainerTask) -> None:
    worker = filled()

    first = worker.train(task, WEIGHTS.tobytes())

    assert worker.train(task, WEIGHTS.tobytes()) == first
    assert filled(CONTENTS[::-1]).train(task, WEIGHTS.tobytes()) == first
    assert any(sum_from_bytes(first))


def test_the_tasks_moments_standardise_the_inputs() -> None:
    standardised = filled().train(with_changes(TASK, moments=MOMENTS), WEIGHTS.tobytes())

    assert standardised.sum != WHOLE.sum


def test_the_average_of_one_file_is_its_own_training() -> None:
    update = filled().train(part(TASK, [2]), WEIGHTS.tobytes())

    mean = exact.mean(WEIGHTS, sum_from_bytes(update), update.rows, TASK.plan.fraction_bits)

    assert (
        evaluate(Architecture(TASK.plan.design.sizes), mean, SAMPLES[2]).loss
        < evaluate(Architecture(TASK.plan.design.sizes), WEIGHTS, SAMPLES[2]).loss
    )


def test_progress_reports_every_epoch_and_the_update_the_last() -> None:
    reported: list[tuple[int, int, float, float]] = []

    update = filled().train(TASK, WEIGHTS.tobytes(), lambda *epoch: reported.append(epoch))

    assert [(file, epoch) for file, epoch, _, _ in reported] == [(file, epoch) for file in range(4) for epoch in (1, 2)]
    assert update == WHOLE
    assert update.loss == pytest.approx(sum(h[2] * n for h, n in zip(reported[1::2], ROWS, strict=True)) / sum(ROWS))
    assert update.accuracy == pytest.approx(
        sum(h[3] * n for h, n in zip(reported[1::2], ROWS, strict=True)) / sum(ROWS)
    )


def test_moments_are_the_exact_sums_over_all_files() -> None:
    together = feature_sums(np.concatenate([samples.x for samples in SAMPLES]))

    assert filled().moments(map(digest_of, CONTENTS)) == together
    assert filled().moments(map(digest_of, CONTENTS[::-1])) == together


def test_moments_of_no_file_are_refused() -> None:
    with pytest.raises(BadTask):
        filled().moments([])


def test_evaluation_reads_the_file_as_the_task_does() -> None:
    worker, task = filled(), with_changes(TASK, moments=MOMENTS, files=())

    found = worker.evaluate(task, WEIGHTS.tobytes(), digest_of(CONTENTS[0]))
    raw = worker.evaluate(TASK, WEIGHTS.tobytes(), digest_of(CONTENTS[0]))

    assert (found.rows, raw.rows) == (30, 30)
    assert found.loss != raw.loss
    assert raw == evaluate(Architecture(TASK.plan.design.sizes), WEIGHTS, SAMPLES[0])


def test_a_task_without_files_changes_nothing() -> None:
    update = filled().train(with_changes(TASK, files=()), WEIGHTS.tobytes())

    assert update == PartialUpdate(0, bytes(8 * WEIGHTS.size))


# --- what is wrong is named


def test_a_missing_file_is_reported_before_anything_is_trained() -> None:
    reported: list[object] = []

    with pytest.raises(FileUnknown, match=digest_of(CONTENTS[3])):
        filled(CONTENTS[:3]).train(TASK, WEIGHTS.tobytes(), lambda *epoch: reported.append(epoch))

    assert reported == []


def test_a_row_count_that_differs_from_the_task_is_refused() -> None:
    with pytest.raises(BadTask, match="30 rows, but the task says 31"):
        filled().train(make_task(CONTENTS[:1], [31]), WEIGHTS.tobytes())


@pytest.mark.parametrize("sizes", [(6, 8, 4), (5, 8, 3)])
def test_a_network_of_another_shape_is_refused(sizes: tuple[int, ...]) -> None:
    task = make_task(CONTENTS, ROWS, sizes)

    with pytest.raises(BadTask):
        filled().train(task, init(Architecture(sizes), 0).tobytes())
    with pytest.raises(BadTask):
        filled().evaluate(task, init(Architecture(sizes), 0).tobytes(), digest_of(CONTENTS[0]))


@pytest.mark.parametrize("weights", [b"", WEIGHTS.tobytes()[:-1], WEIGHTS.tobytes() + bytes(4)], ids=len)
def test_weights_of_another_length_are_refused(weights: bytes) -> None:
    with pytest.raises(BadTask):
        filled().train(TASK, weights)


def test_weights_that_are_not_finite_are_refused() -> None:
    with pytest.raises(NotFinite):
        filled().train(TASK, np.full(WEIGHTS.size, np.nan, "<f4").tobytes())


def test_a_malformed_file_is_not_kept() -> None:
    worker = Worker()

    with pytest.raises(DataError, match="bad, line 2"):
        worker.add_file("d", "bad", b"1,2,0\n1,x,0\n")

    assert not worker.has("d")


def test_files_of_different_widths_are_refused() -> None:
    content = b"1,0\n" * 3000
    task = make_task([content, content], [3000, 3000], (1, 2), fraction_bits=40)
    worker = filled([content])

    worker.train(part(task, [0]), init(Architecture((1, 2)), 0).tobytes())
    with pytest.raises(OutOfRange, match="6000 rows"):
        worker.train(task, init(Architecture((1, 2)), 0).tobytes())


# --- the cache


def test_the_cache_forgets_the_file_used_least_recently() -> None:
    size_bytes = SAMPLES[0].size_bytes
    worker = Worker(cache_bytes_max=3 * size_bytes)
    for digest in "abc":
        worker.add_file(digest, digest, CONTENTS[0])
    worker.moments("a")

    worker.add_file("d", "d", CONTENTS[0])

    assert [digest for digest in "abcd" if worker.has(digest)] == ["a", "c", "d"]


def test_a_file_added_again_is_counted_once() -> None:
    worker = Worker(cache_bytes_max=2 * SAMPLES[0].size_bytes)

    for digest in "aaab":
        worker.add_file(digest, digest, CONTENTS[0])

    assert worker.has("a") and worker.has("b")


def test_a_private_file_that_is_too_large_is_refused_with_the_option_that_allows_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENTS[0])

    for worker in (Worker(cache_bytes_max=100), Worker(limits=Limits(100))):
        with pytest.raises((CacheFull, DataError), match=r"100.*: raise --max-file-bytes"):
            worker.add_private("a", tmp_path, "a", 0, "")


def test_a_file_larger_than_the_cache_is_refused_and_nothing_forgotten() -> None:
    worker = Worker(cache_bytes_max=SAMPLES[3].size_bytes)
    worker.add_file("a", "a", CONTENTS[3])

    with pytest.raises(CacheFull):
        worker.add_file("b", "b", CONTENTS[0])

    assert worker.has("a")
