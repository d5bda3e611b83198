"""Checkpoints: a training that goes on from any of them gives the same bits, and repeats no epoch."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from roundelay.ml.checkpoint import Checkpoint, checkpoint_from_frame
from roundelay.ml.errors import BadTask
from roundelay.ml.frames import Frame, Header
from roundelay.ml.models.catalogue import learner
from roundelay.ml.partial_update import PartialUpdate
from roundelay.ml.running_sum import RunningSum
from roundelay.ml.sliced import as_bytes
from roundelay.ml.task import TrainerTask
from roundelay.ml.trainer_orders import carry_out
from roundelay.ml.worker import Worker
from tests.ml.ml_oracles import digest_of, make_csv, make_samples, make_task, with_changes

ROWS = [30, 17, 30, 8]  # the first and the third are trained together
CONTENTS = [make_csv(make_samples(rows, seed=i, features=144)) for i, rows in enumerate(ROWS)]
EPOCHS = 4
TASK = make_task(CONTENTS, ROWS, (144, 6, 4))
HAS_TORCH = importlib.util.find_spec("torch") is not None


def task_of(changes: dict[str, Any]) -> TrainerTask:
    design = {name: changes[name] for name in ("model", "shape", "arithmetic") if name in changes}
    updates, number = changes.get("updates", "sum"), changes.get("round", 0)
    config = {name: value for name, value in changes.items() if name not in (*design, "updates", "round")}
    config = {"epochs": EPOCHS, "batch": 8} | config
    made = with_changes(TASK, config=replace(TASK.plan.config, **config), receipts=True, **design)
    return replace(made, updates=updates, round=number)


class Kept:
    """Keeps every checkpoint, as a frame."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def is_due(self, is_last: bool = False) -> bool:
        return True

    def __call__(self, checkpoint: Checkpoint) -> None:
        header, payload = checkpoint.to_frame()
        self.frames.append(Frame(header, bytearray().join(map(as_bytes, payload))))


def train(task: TrainerTask, begun: Frame | None = None, keep: Kept | None = None) -> tuple[PartialUpdate, list[Any]]:
    """Train with a new worker. Return the update, and the file and number of each epoch."""
    worker, epochs = Worker(), list[Any]()
    for content in CONTENTS:
        worker.add_file(digest_of(content), "file", content)
    first = learner(task.plan.design).init_weights(1)
    start: list[np.ndarray] = [first, first, first / 100]
    weights = np.concatenate(start[: task.start_vectors])
    checkpoint = None
    if begun is not None:
        entries = len(first) * task.vectors
        checkpoint = checkpoint_from_frame(
            begun.header, as_bytes(begun.payload), entries, len(ROWS), EPOCHS, task.receipts
        )
    made = worker.train(task, weights.tobytes(), lambda *end: epochs.append(end[:2]), keep, checkpoint)
    return made, epochs


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "adam", "dropout": 0.3},
        {"dropout": 0.5, "mu": 0.1, "clip": 0.5},
        {"optimizer": "gd", "dropout": 0.5, "mu": 0.1},
        {"arithmetic": "portable", "dropout": 0.3},
        {"arithmetic": "portable", "optimizer": "adam", "clip": 0.5},
        {"model": "softmax"},
        {"updates": "each-with-loss"},
        {"updates": "sum-with-gradient", "round": 2, "clip": 0.5},
        {"updates": "sum-with-gradient", "round": 2, "optimizer": "gd"},
        {"updates": "sum-with-gradient", "round": 2, "model": "cnn", "shape": (1, 12, 12)},
        {"model": "cnn", "shape": (1, 12, 12), "dropout": 0.3, "mu": 0.1},
        {"model": "cnn", "shape": (1, 12, 12), "optimizer": "adam", "arithmetic": "portable"},
        pytest.param(
            {"model": "torchzoo:cnn", "shape": (1, 12, 12), "dropout": 0.3},
            marks=pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is in the extra torch"),
        ),
    ],
    ids=lambda changes: " ".join(f"{name}={value}" for name, value in changes.items()) or "sgd",
)
def test_a_training_goes_on_from_each_of_its_checkpoints_with_the_same_bits(changes: dict[str, Any]) -> None:
    task, kept = task_of(changes), Kept()
    if changes.get("model") == "softmax":
        task = with_changes(task, sizes=(144, 4))
    expected, _ = train(task)
    assert train(task, keep=kept)[0] == expected

    assert len(kept.frames) >= EPOCHS
    for frame in kept.frames[:: max(1, len(kept.frames) // 5)]:
        made, epochs = train(task, frame)
        assert made == expected
        done, running = (cast(list[Any], frame.header[name]) for name in ("done", "running"))
        behind = EPOCHS * len(done) + sum(row[1] for row in running)
        assert len(set(epochs)) == len(epochs) == EPOCHS * len(ROWS) - behind


def test_a_finished_training_is_not_repeated() -> None:
    task, kept = task_of({}), Kept()
    expected, _ = train(task, keep=kept)

    assert train(task, kept.frames[-1]) == (expected, [])


@pytest.mark.parametrize(
    "broken",
    [
        {"checkpoint": "0.0"},
        {"done": [[9, 0.5, 0.5, 0]]},
        {"done": [[0, 0.5, 0.5, 0], [0, 0.5, 0.5, 0]]},
        {"running": [[0, 1, 0.5, 0.5, 7]]},
        {"running": [[0, 99, 0.5, 0.5, 0]]},
        {"running": "no"},
        {},
    ],
)
def test_a_checkpoint_that_does_not_fit_its_task_is_refused(broken: Header) -> None:
    header, parts = Checkpoint(RunningSum(5)).to_frame()
    payload = b"".join(map(as_bytes, parts))
    assert checkpoint_from_frame(header, payload, 5, 2, EPOCHS, False)

    with pytest.raises(BadTask, match="checkpoint"):
        checkpoint_from_frame(header | broken, payload if broken else payload[1:], 5, 2, EPOCHS, False)


def test_a_trainer_begins_anew_if_a_checkpoint_is_not_that_of_its_model() -> None:
    task, kept = task_of({}), Kept()
    expected, _ = train(task, keep=kept)
    worker = Worker()
    for content in CONTENTS:
        worker.add_file(digest_of(content), "file", content)
    frame, weights = kept.frames[0], learner(task.plan.design).init_weights(1).tobytes()
    running = [[*row[:4], row[4] - 4] for row in cast(list[Any], frame.header["running"])]
    short = bytes(frame.payload[: -4 * len(running)])

    header: Header = {"do": "train", "task": task.to_dict(), "begun": frame.header | {"running": running}}
    _, result = carry_out(worker, header, weights + short)

    assert result == (expected.sum, expected.receipts)


def test_a_trainer_finds_a_checkpoint_behind_the_weights_and_what_corrections_need() -> None:
    task, kept = task_of({"updates": "sum-with-gradient", "round": 2}), Kept()
    expected, _ = train(task, keep=kept)
    worker, epochs = Worker(), list[Any]()
    for content in CONTENTS:
        worker.add_file(digest_of(content), "file", content)
    first, frame = learner(task.plan.design).init_weights(1), kept.frames[-1]
    start = b"".join(each.astype("<f4").tobytes() for each in (first, first, first / 100))

    header: Header = {"do": "train", "task": task.to_dict(), "begun": frame.header}
    _, result = carry_out(worker, header, start + as_bytes(frame.payload), lambda *end: epochs.append(end))

    assert result == (expected.sum, expected.receipts)
    assert not epochs, "it was trained anew"
