"""Tests of the real training process from its parent: its death changes no result, and it never outlives the parent."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from roundelay.chord.errors import NotFound, StoreFull
from roundelay.chord.requests import TrainingStatus
from roundelay.federation.errors import FilesLacking, OtherBits, WorkFailed
from roundelay.federation.requests import Order
from roundelay.federation.round_tasks import fingerprint_here, moments_task
from roundelay.federation.settings import Settings
from roundelay.federation.tasks import MixTask, MomentsTask, TrainTask
from roundelay.ml.exact_moments import feature_sums_from_bytes
from roundelay.ml.frames import Frame
from roundelay.ml.sliced import as_bytes
from roundelay.node import checkpoints, trainer_process
from roundelay.node.checkpoints import UNFINISHED, Checkpoints
from roundelay.node.runtime import Stopped
from roundelay.node.trainer import STARTS_MAX, Trainer
from roundelay.store.blobs import MemoryBuffer
from tests.node.training_orders import computed_here, content, effect, make_spec, training_order

PATIENCE_S = 60.0
CONTENTS = {name: content(40, seed) for seed, name in enumerate(("a", "b", "c"))}
SPEC = make_spec(CONTENTS, Settings(epochs=3, hidden=(5,)))
ORDER, WEIGHTS = training_order(SPEC)
ENDLESS = training_order(make_spec(CONTENTS, Settings(epochs=10_000, hidden=(5,))))
EXPECTED = computed_here(ORDER, CONTENTS, WEIGHTS)
# The reports of this many epochs, 40 bytes or more each, overflow the pipe several times however slowly we read, so the
# child cannot finish before it is killed; and after it, the rest takes long enough for another checkpoint.
LONG_EPOCHS = 10_000
LONG = training_order(make_spec(CONTENTS, Settings(epochs=LONG_EPOCHS, hidden=(5,))))


class Forgetful(Checkpoints):
    """Keeps no checkpoint: every training begins anew."""

    def save(self, order: Order, frame: Frame) -> None:
        pass


class Heard:
    """A trainer that records its reports; its child is killed `kills` times during training."""

    def __init__(self, checkpoints: Checkpoints | None = None) -> None:
        self.trainer = Trainer(self.on_training, self.log, checkpoints=checkpoints or Forgetful())
        self.lines: list[str] = []
        self.epochs: list[TrainingStatus] = []
        self.kills = 0
        self.begun = threading.Event()

    def log(self, line: str) -> None:
        self.lines.append(line)
        self.begun.set()

    def on_training(self, ticket: str, training: TrainingStatus) -> None:
        self.epochs.append(training)
        if self.kills and (training.file, training.epoch) == ("a", 2):
            self.kills -= 1
            os.kill(child_of(self.trainer), signal.SIGKILL)


def child_of(trainer: Trainer) -> int:
    assert trainer.pid is not None
    return trainer.pid


def is_gone(pid: int) -> bool:
    return not (Path("/proc") / str(pid)).exists()


@pytest.fixture(scope="module")
def one() -> Iterator[Heard]:
    """Yield one trainer shared by all tests that leave it unchanged."""
    made = Heard()
    yield made
    made.trainer.stop()


@pytest.fixture
def heard(one: Heard) -> Heard:
    one.lines, one.epochs, one.kills = [], [], 0
    return one


@pytest.fixture
def trainer(heard: Heard) -> Trainer:
    return heard.trainer


@pytest.fixture
def own() -> Iterator[Heard]:
    """Yield a trainer of the test's own, which the test may stop."""
    made = Heard()
    yield made
    made.trainer.stop()


def test_an_order_returns_the_exact_sum_and_reports_every_epoch(trainer: Trainer, heard: Heard) -> None:
    done = trainer.perform(effect(ORDER, CONTENTS, WEIGHTS))
    again = trainer.perform(effect(ORDER, CONTENTS, WEIGHTS))

    assert done.result == again.result == EXPECTED
    assert done.loss > 0
    assert 0 <= done.accuracy <= 1
    assert len(heard.epochs) == 2 * 3 * 3
    first, last = heard.epochs[0], heard.epochs[-1]
    assert (first.job, first.round, first.activity, first.files) == (SPEC.job, 1, "train", 3)
    assert ({epoch.file for epoch in heard.epochs}, first.epoch, last.epoch) == ({"a", "b", "c"}, 1, 3)
    assert 0 <= last.accuracy <= 1
    assert last.loss > 0


def test_moments_are_exact_sums_over_all_rows(trainer: Trainer) -> None:
    order = Order(SPEC.job, 0, SPEC.files, moments_task(SPEC))

    sums = feature_sums_from_bytes(as_bytes(trainer.perform(effect(order, CONTENTS)).result))

    rows = [map(int, line.split(b",")) for c in CONTENTS.values() for line in c.splitlines()]
    columns = list(zip(*rows, strict=True))
    assert sums.rows == 120
    assert [s >> 149 for s in sums.sums] == [sum(column) for column in columns[:-1]]


def test_a_child_killed_during_training_is_restarted_and_the_result_is_the_same(trainer: Trainer, heard: Heard) -> None:
    order, weights = LONG
    heard.kills = 1

    assert trainer.perform(effect(order, CONTENTS, weights)).result == computed_here(order, CONTENTS, weights)

    assert not heard.kills
    assert len(heard.epochs) > 3 * LONG_EPOCHS


def test_a_child_killed_between_two_orders_is_restarted(trainer: Trainer) -> None:
    trainer.perform(effect(ORDER, CONTENTS, WEIGHTS))
    os.kill(child_of(trainer), signal.SIGKILL)

    assert trainer.perform(effect(ORDER, CONTENTS, WEIGHTS)).result == EXPECTED


def test_a_child_that_always_dies_fails_the_order_by_name_and_not_the_next_one(trainer: Trainer, heard: Heard) -> None:
    order, weights = LONG
    heard.kills = STARTS_MAX

    with pytest.raises(WorkFailed, match=rf"died {STARTS_MAX} times \(exit code -9\) on a, b, c"):
        trainer.perform(effect(order, CONTENTS, weights))

    assert trainer.perform(effect(ORDER, CONTENTS, WEIGHTS)).result == EXPECTED


def test_a_file_that_the_child_has_trained_on_is_not_sent_again(own: Heard) -> None:
    with pytest.raises(FilesLacking) as lacking:
        own.trainer.perform(effect(ORDER, {}, WEIGHTS))
    assert lacking.value.digests == {file.digest for file in ORDER.files}

    first = own.trainer.perform(effect(ORDER, CONTENTS, WEIGHTS))

    assert sum("training 3 files" in line for line in own.lines) == 1, "told once"
    assert own.trainer.perform(effect(ORDER, {}, WEIGHTS)).result == first.result == EXPECTED
    lines = [line for line in own.lines if line.startswith(f"job {ORDER.job[:8]}, round 1: training 3 files")]
    assert ["optimizer" in line for line in lines] == [True, False], "settings once"


def test_the_trainer_asks_only_for_files_that_the_child_has_not_seen(own: Heard) -> None:
    some = training_order(make_spec({name: CONTENTS[name] for name in "ab"}, Settings(epochs=3, hidden=(5,))))
    own.trainer.perform(effect(some[0], CONTENTS, some[1]))

    with pytest.raises(FilesLacking) as lacking:
        own.trainer.perform(effect(ORDER, {}, WEIGHTS))

    assert lacking.value.digests == {ORDER.files[2].digest}
    given = {"c": CONTENTS["c"]}
    assert own.trainer.perform(effect(ORDER, given, WEIGHTS)).result == EXPECTED


def test_a_restarted_child_needs_its_files_again(own: Heard) -> None:
    order, weights = LONG
    own.trainer.perform(effect(ORDER, CONTENTS, WEIGHTS))
    own.kills = 1

    with pytest.raises(FilesLacking) as lacking:
        own.trainer.perform(effect(order, {}, weights))

    assert lacking.value.digests == {file.digest for file in order.files}
    assert own.kills == 0


def test_a_wrong_file_fails_the_order_by_file_and_line(trainer: Trainer) -> None:
    contents = {"a": b"1,2,3,0\n1,2,x,0\n"}
    spec = make_spec(contents, Settings())
    order = Order(spec.job, 0, spec.files, moments_task(spec))

    with pytest.raises(WorkFailed, match="a, line 2: field 3"):
        trainer.perform(effect(order, contents))


def test_an_order_without_the_weights_it_needs_fails(trainer: Trainer) -> None:
    with pytest.raises(WorkFailed, match="weights have 0 bytes"):
        trainer.perform(effect(replace(ORDER, weights="", weights_bytes=0), CONTENTS))


def test_an_order_that_the_trainer_cannot_execute_fails_and_the_next_succeeds(trainer: Trainer) -> None:
    with pytest.raises(WorkFailed, match="does not mix"):
        trainer.perform(effect(replace(ORDER, task=MixTask(3)), CONTENTS, WEIGHTS))

    assert trainer.perform(effect(ORDER, CONTENTS, WEIGHTS)).result == EXPECTED


def test_the_child_exits_after_an_idle_timeout() -> None:
    trainer = Trainer(lambda ticket, training: None, lambda line: None, idle_s=0.01)
    trainer.perform(effect(ORDER, CONTENTS, WEIGHTS))

    for _ in range(int(PATIENCE_S / 0.01)):
        if trainer.pid is None:
            break
        threading.Event().wait(0.01)

    assert trainer.pid is None
    trainer.stop()


def test_stopping_during_training_abandons_the_order_and_leaves_no_process(own: Heard) -> None:
    endless, weights = ENDLESS
    trainer = own.trainer
    with ThreadPoolExecutor(1) as another:
        outcome = another.submit(trainer.perform, effect(endless, CONTENTS, weights))
        assert own.begun.wait(PATIENCE_S)
        pid = child_of(trainer)

        trainer.stop()

        assert isinstance(outcome.exception(PATIENCE_S), Stopped)
    assert is_gone(pid)


def test_a_cancelled_order_ends_at_once_and_the_next_is_carried_out(own: Heard) -> None:
    endless, weights = ENDLESS
    trainer = own.trainer
    with ThreadPoolExecutor(1) as another:
        outcome = another.submit(trainer.perform, effect(endless, CONTENTS, weights))
        assert own.begun.wait(PATIENCE_S)

        trainer.cancel("another ticket", "not this one")
        trainer.cancel(endless.ticket, "its job is cancelled")

        error = outcome.exception(PATIENCE_S)
    assert isinstance(error, NotFound) and "its job is cancelled" in str(error)
    assert trainer.perform(effect(ORDER, CONTENTS, WEIGHTS)).result == EXPECTED


def test_a_large_model_is_not_tried_before_its_weights_have_come_and_only_if_they_fit(trainer: Trainer) -> None:
    design = replace(ORDER.task.plan.design, sizes=(3, 300_000, 4))  # type: ignore[union-attr]
    plan = replace(ORDER.task.plan, design=design, fingerprint="00" * 32)  # type: ignore[union-attr]
    without = replace(ORDER, task=MomentsTask(plan), weights="", weights_bytes=0)
    assert trainer.perform(effect(without, CONTENTS)).result

    with pytest.raises(WorkFailed, match="expected 4 for each of 2400004 parameters"):
        trainer.perform(effect(replace(ORDER, task=TrainTask(plan)), CONTENTS, WEIGHTS))


def test_a_stopped_trainer_executes_no_order(own: Heard) -> None:
    own.trainer.stop()
    own.trainer.stop()

    with pytest.raises(Stopped):
        own.trainer.perform(effect(ORDER, CONTENTS, WEIGHTS))


def test_an_order_with_another_fingerprint_is_refused_before_any_file_is_read(own: Heard) -> None:
    order, weights = training_order(replace(SPEC, fingerprint="ee" * 32))

    with pytest.raises(OtherBits, match="the job's eeeeeeee"):
        own.trainer.perform(effect(order, {}, weights))

    (line,) = own.lines
    assert "this node computes different bits" in line


def test_an_order_with_our_fingerprint_is_trained(trainer: Trainer) -> None:
    order, weights = training_order(replace(SPEC, fingerprint=fingerprint_here(SPEC)))

    assert trainer.perform(effect(order, CONTENTS, weights)).result == EXPECTED


def test_an_order_with_half_the_jobs_step_has_the_jobs_fingerprint(trainer: Trainer) -> None:
    order, weights = training_order(replace(SPEC, fingerprint=fingerprint_here(SPEC)))
    task = cast(TrainTask, order.task)
    halved = replace(task.plan, config=replace(task.plan.config, eta=task.plan.config.eta / 2))

    assert trainer.perform(effect(replace(order, task=replace(task, plan=halved)), CONTENTS, weights)).result


class Killing(Checkpoints):
    """Checkpoints in a folder; the trainer is killed after the first."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.heard = Heard(self)
        self.epochs: list[int] = []  # up to which the first file was trained, by checkpoint

    def save(self, order: Order, frame: Frame) -> None:
        super().save(order, frame)
        running = cast(list[list[int]], frame.header["running"])
        self.epochs.append(next((epoch for place, epoch, *_ in running if place == 0), LONG_EPOCHS))
        if len(self.epochs) == 1:
            self.heard.epochs = []
            os.kill(child_of(self.heard.trainer), signal.SIGKILL)


def test_a_killed_trainer_goes_on_from_its_checkpoint_and_a_finished_order_outlives_its_node(tmp_path: Path) -> None:
    order, weights = LONG
    expected = computed_here(order, CONTENTS, weights)
    kept = Killing(tmp_path)
    heard = kept.heard
    try:
        done = heard.trainer.perform(effect(order, CONTENTS, weights))
    finally:
        heard.trainer.stop()
    epochs = [each.epoch for each in heard.epochs if each.file == "a"]
    assert done.result == expected
    assert min(epochs) > 1, "it has begun anew"
    assert {*epochs} >= {*range(kept.epochs[0] + 1, LONG_EPOCHS + 1)}

    other = Heard(Checkpoints(tmp_path))
    try:
        assert other.trainer.perform(effect(order, CONTENTS, weights)).result == expected
    finally:
        other.trainer.stop()
    assert other.epochs == []


def test_an_unfinished_checkpoint_goes_at_once_or_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"0-0.checkpoint{UNFINISHED}").write_bytes(b"cut short by a kill")
    kept = Checkpoints(tmp_path)
    assert [*tmp_path.iterdir()] == []

    monkeypatch.setattr(Path, "replace", refused)  # the disk is full when the content has been written
    kept.save(ORDER, Frame({}, bytearray(b"state")))
    assert [*tmp_path.iterdir()] == []


def test_a_disk_that_takes_no_checkpoint_is_reported_once_for_each_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept, frame, second = Checkpoints(tmp_path), Frame({}, bytearray(b"state")), replace(ORDER, round=2)
    with monkeypatch.context() as full:
        full.setattr(Path, "replace", refused)
        for _ in range(3):
            kept.save(ORDER, frame)
        assert len(caplog.messages) == 1

    kept.save(ORDER, frame)
    monkeypatch.setattr(Path, "replace", refused)
    for _ in range(3):
        kept.save(second, frame)
    assert len(caplog.messages) == 2


class Full(MemoryBuffer):
    """A buffer on a full disk."""

    def write(self, piece: object, /) -> int:
        raise StoreFull("no room for a content: no space left")


def test_a_checkpoint_that_finds_no_room_is_left_out_and_the_order_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    order, weights = LONG
    kept, asked = Checkpoints(), list[int]()

    def full_at_first(size_bytes: int) -> Full | None:
        asked.append(size_bytes)
        return Full() if size_bytes and len([each for each in asked if each]) == 1 else None

    monkeypatch.setattr(trainer_process, "file_for", full_at_first)
    heard = Heard(kept)
    try:
        done = heard.trainer.perform(effect(order, CONTENTS, weights))
    finally:
        heard.trainer.stop()

    assert done.result == computed_here(order, CONTENTS, weights)
    assert kept.made < len([size for size in asked if size]) - 1  # without the first checkpoint, and the answer


def test_a_checkpoint_that_finds_no_room_when_it_is_read_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Checkpoints(tmp_path)
    kept.save(ORDER, Frame({}, bytearray(b"state")))
    monkeypatch.setattr(checkpoints, "file_for", lambda size_bytes: Full())

    assert kept.load(ORDER) is None
    assert ["is not used: no room for a payload" in message for message in caplog.messages] == [True]


def test_an_answer_that_finds_no_room_fails_its_order_and_not_the_next_one(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(trainer_process, "file_for", lambda size_bytes: Full() if size_bytes else None)
        with pytest.raises(StoreFull, match="no space left"):
            trainer.perform(effect(ORDER, CONTENTS, WEIGHTS))

    assert trainer.perform(effect(ORDER, CONTENTS, WEIGHTS)).result == EXPECTED


def refused(*_: object) -> None:
    raise OSError(errno.ENOSPC, "no space left")
