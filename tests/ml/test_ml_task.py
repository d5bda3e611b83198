"""Tasks: JSON round trips, and refusal of impossible ones."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask
from roundelay.ml.task import FileTask, TrainerTask, task_from_dict
from roundelay.ml.training_plan import TrainConfig, TrainingPlan, plan_from_dict
from tests.ml.ml_oracles import EFFORT, make_task, with_changes

GOOD = make_task([b"a", b"b"], [30, 20], moments=bytes(40))


def test_a_task_survives_json() -> None:
    assert task_from_dict(json.loads(json.dumps(GOOD.to_dict()))) == GOOD


def test_a_task_counts_its_rows() -> None:
    assert GOOD.rows == 50


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "rmsprop"},
        {"epochs": 0},
        {"epochs": 2.0},
        {"epochs": True},
        {"batch": 0},
        {"batch": 1 << 20},
        {"eta": 0},
        {"eta": -0.1},
        {"eta": float("nan")},
        {"eta": "0.1"},
        {"momentum": 1.1},
        {"momentum": -0.1},
    ],
    ids=str,
)
def test_configurations_out_of_range_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadTask):
        TrainConfig(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"sizes": (5,)},
        {"sizes": (5, 1 << 21, 4)},
        {"fraction_bits": 41},
        {"fraction_bits": -1},
        {"moments": bytes(8)},
        {"course": 1},
        {"course": True},
        {"fingerprint": "ee"},
        {"fingerprint": 5},
    ],
    ids=str,
)
def test_contradictory_tasks_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadTask):
        with_changes(GOOD, **changes)


def test_a_course_task_is_gd_on_raw_inputs_with_one_hidden_layer() -> None:
    course = TrainingPlan(Design((5, 3, 4), course=True), TrainConfig("gd"), 40)
    TrainerTask(course)

    with pytest.raises(BadTask):
        TrainingPlan(Design((5, 3, 3, 4), course=True), TrainConfig("gd"), 40)
    with pytest.raises(BadTask):
        TrainingPlan(Design((5, 3, 4), course=True), TrainConfig("sgd"), 40)
    with pytest.raises(BadTask):
        TrainerTask(course, moments=bytes(40))


def test_equal_numbers_make_equal_configurations_with_equal_json() -> None:
    assert repr(TrainConfig(eta=1, momentum=0)) == repr(TrainConfig(eta=1.0, momentum=0.0))


@pytest.mark.parametrize(
    "file", [("", 1, 0), ("x" * 200, 1, 0), (5, 1, 0), ("d", 0, 0), ("d", 1, -1), ("d", 1, 1 << 64)], ids=str
)
def test_files_out_of_range_are_refused(file: tuple[str, int, int]) -> None:
    with pytest.raises(BadTask):
        FileTask(*file)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@EFFORT
@given(st.sampled_from(sorted(GOOD.to_dict())), JSON)
def test_any_field_replaced_by_any_json_is_a_task_or_refused(key: str, value: object) -> None:
    try:
        task = task_from_dict(GOOD.to_dict() | {key: value})
    except BadTask:
        return
    assert task_from_dict(task.to_dict()) == task


@EFFORT
@given(st.sampled_from(sorted(GOOD.plan.to_dict())), JSON)
def test_any_field_of_a_plan_replaced_by_any_json_is_a_plan_or_refused(key: str, value: object) -> None:
    try:
        plan = plan_from_dict(GOOD.plan.to_dict() | {key: value})
    except BadTask:
        return
    assert plan_from_dict(plan.to_dict()) == plan


@EFFORT
@given(JSON)
def test_any_json_is_refused(value: object) -> None:
    with pytest.raises(BadTask):
        task_from_dict(value)


def test_a_configuration_with_another_field_is_refused() -> None:
    data: dict[str, Any] = GOOD.plan.to_dict()
    data["config"] |= {"warmth": 0.1}

    with pytest.raises(BadTask, match="warmth"):
        plan_from_dict(data)
