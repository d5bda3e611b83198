"""Which task data are for, how targets are read, and models of regressions on the disk."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from roundelay.ml.data import Moments
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask, DataError, MLError
from roundelay.ml.models.catalogue import learner
from roundelay.ml.prepare import SplitPlan, prepare
from roundelay.ml.readers import arrays, content, dataset, saved_model
from roundelay.ml.readers.dataset import ReadOptions
from roundelay.ml.readers.inputs import read_inputs
from roundelay.ml.readers.saved_model import SavedModel
from roundelay.ml.readers.schema import TableOptions
from roundelay.ml.readers.source import DataSet, with_test
from roundelay.ml.readers.understood import in_short, understand

HOUSES = "rooms,kind,price\n3,flat,120.5\n5,house,310\n2,flat,99.25\n4,house,250.75\n"


def write(folder: Path, text: str, name: str = "t.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def read(path: Path, task: str = "auto", **more: object) -> DataSet:
    return dataset.read(path, ReadOptions(table=TableOptions(task=task, **more)))  # type: ignore[arg-type]


def targets_of(found: DataSet) -> list[float]:
    return [float(y) for part in (*found.training, *found.test) for y in part.y]


def rows_of(found: DataSet) -> list[list[float]]:
    return [row.tolist() for part in found.training for block in part.blocks() for row in block]


def test_a_label_of_real_numbers_makes_a_regression_and_it_is_said(tmp_path: Path) -> None:
    found = read(write(tmp_path, HOUSES))

    assert (found.task, found.labels, found.classes, found.features) == ("regression", (), 0, 3)
    assert targets_of(found) == [120.5, 310, 99.25, 250.75]
    assert rows_of(found) == [[3, 1, 0], [5, 0, 1], [2, 1, 0], [4, 0, 1]]
    said = in_short(understand(found))
    assert said[1].startswith("target: price (the last), a regression: 99.25 to 310, mean 195.125")
    about = understand(found).to_json()
    assert (about["task"], about["classes"]) == ("regression", ())
    assert [(c.name, c.role) for c in understand(found).columns][-1] == ("price", "target")


def test_whole_numbers_are_classes_unless_the_task_says_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path, "a,y\n1,3\n2,4\n3,3\n")

    assert (read(path).task, read(path).labels) == ("classification", ("3", "4"))
    assert targets_of(read(path, "regression")) == [3, 4, 3]


def test_many_different_whole_numbers_are_asked_about(tmp_path: Path) -> None:
    path = write(tmp_path, "a,y\n" + "".join(f"{n},{n * n}\n" for n in range(30)))

    with pytest.raises(DataError, match=r"holds 30 different values in 30 rows: .* or say --task regression"):
        read(path)
    assert read(path, "regression").task == "regression"


def test_more_real_numbers_than_a_classifier_may_have_classes_are_targets(tmp_path: Path) -> None:
    path = write(tmp_path, "a,y\n" + "".join(f"{n},{n}.5\n" for n in range(5000)))

    assert targets_of(read(path))[-1] == 4999.5


def test_real_numbers_are_no_classes_where_the_task_is_classification(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds real numbers such as"):
        read(write(tmp_path, HOUSES), "classification")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a,y\n1,2.5\n2,\n", "line 3: column 'y' is empty: it is the target of the row, so leave the row out"),
        ("a,y\n1,2.5\n2,high\n", "line 3: column 'y' is 'high', not a number (--task classification trains classes)"),
        ("a,y\n1,1e40\n2,1\n", "'1e40', not finite or too large"),
        ("a,y\n1,1000000.001\n2,1000000.002\n", "differ by 0.001 at most: subtract their mean first"),
    ],
)
@pytest.mark.parametrize("missing", ["refuse", "mean"])
def test_what_is_no_target_is_refused_by_its_line(text: str, complaint: str, missing: str, tmp_path: Path) -> None:
    with pytest.raises(MLError) as caught:
        read(write(tmp_path, text), "regression", missing=missing)
    assert complaint in str(caught.value)


def test_held_out_rows_and_a_test_table_keep_their_targets(tmp_path: Path) -> None:
    found = read(write(tmp_path, HOUSES))
    other = dataset.read(write(tmp_path, "price,kind,rooms\n77.5,house,9\n", "other.csv"), ReadOptions(), found)

    made = prepare(with_test(found, other), tmp_path, SplitPlan(parts=2))

    assert (made.labels, made.class_rows) == ((), ())
    files = [content.parse(f.name, (tmp_path / f.name).read_bytes(), 3, 0) for f in (*made.files, made.validation)]
    assert sorted(y for each in files[:-1] for y in each.y.tolist()) == [99.25, 120.5, 250.75, 310]
    assert (files[-1].x.tolist(), files[-1].y.tolist()) == ([[9, 0, 1]], [77.5])


def test_the_tasks_of_training_and_validation_must_agree(tmp_path: Path) -> None:
    numbers, words = arrays.read([[1.0], [2.0]], [1.5, 2.5]), arrays.read([[1.0], [2.0]], ["a", "b"])

    with pytest.raises(DataError, match="are of a classification, but the training data of a regression: say --task"):
        with_test(numbers, words)


def test_arrays_have_the_task_of_their_labels() -> None:
    x = np.arange(8.0).reshape(4, 2)

    assert arrays.read(x, [0.5, 1, 2, 3]).task == "regression"
    assert arrays.read(x, [0.0, 1, 2, 3]).labels == ("0", "1", "2", "3")
    assert targets_of(arrays.read(x, [0, 1, 2, 3], task="regression")) == [0, 1, 2, 3]
    assert targets_of(arrays.read([x, x], [np.ones(4), np.full(4, 0.5)])) == [1] * 4 + [0.5] * 4
    with pytest.raises(DataError, match="not whole: not classes"):
        arrays.read(x, [0.5, 1, 2, 3], task="classification")
    with pytest.raises(DataError, match="the targets of a regression are numbers"):
        arrays.read(x, ["a", "b", "c", "d"], task="regression")
    with pytest.raises(DataError, match=r"row 2|line 2"):
        arrays.read(x, [0.5, np.nan, 2, 3])


@pytest.mark.parametrize("form", ["csv", "npz", "arrays"])
def test_many_whole_numbers_are_classes_or_targets_only_as_the_user_says(form: str, tmp_path: Path) -> None:
    y = np.repeat(np.arange(101), 3)
    x = y[:, None] / 2 + 0.25
    np.savez(tmp_path / "t.npz", x=x, y=y)
    path = write(tmp_path, "half,amount\n" + "".join(f"{a},{b}\n" for a, b in zip(x[:, 0], y, strict=True)))

    def read_as(task: str) -> DataSet:
        return arrays.read(x, y, task=task) if form == "arrays" else read(path.with_suffix(f".{form}"), task)

    with pytest.raises(DataError, match="101 different whole numbers as labels: say --task regression if"):
        read_as("auto")
    assert len(read_as("classification").labels) == 101
    assert targets_of(read_as("regression")) == y.tolist()


def test_an_archive_of_arrays_holds_targets(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.eye(3), y_train=[0.5, 1.0, 1.5], x_test=np.eye(3), y_test=[1.0, 2.0, 3.0])

    found = dataset.read(tmp_path / "a.npz")

    assert (found.task, targets_of(found)) == ("regression", [0.5, 1, 1.5, 1, 2, 3])
    with pytest.raises(DataError, match=r"0.5, not a class \(or say --task regression\)"):
        dataset.read(tmp_path / "a.npz", ReadOptions(table=TableOptions(task="classification")))


def test_data_of_classes_refuse_a_regression(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("1,2,0\n3,4,1\n")

    with pytest.raises(
        BadTask, match="--task regression: letters have classes; --dataset csv reads text files as tables"
    ):
        dataset.read(tmp_path, ReadOptions("letters", table=TableOptions(task="regression")))
    assert targets_of(read(tmp_path, "regression", header="no")) == [0, 1]  # text files, as a table without a header
    with pytest.raises(DataError, match="selects classes"):
        prepare(arrays.read([[1.0], [2.0]], [1.5, 2.5]), tmp_path, SplitPlan(classes=("1", "2")))


def model_of(found: DataSet) -> SavedModel:
    design = Design((found.features, 4, 1), task="regression")
    moments = Moments(np.array([0, 0, 0, 200], np.float32), np.array([1, 1, 1, 90], np.float32))
    return SavedModel(design, learner(design).init_weights(0), moments, (), found.encoding)


@pytest.mark.parametrize("name", ["m.npz", "m.safetensors"])
def test_a_saved_regression_predicts_raw_rows_in_the_unit_of_the_target(name: str, tmp_path: Path) -> None:
    found = read(write(tmp_path, HOUSES))
    model = model_of(found)
    saved_model.save(tmp_path / name, model)

    loaded = saved_model.load(tmp_path / name)

    assert (loaded.design, loaded.is_regression) == (model.design, True)
    x = np.array(rows_of(found), np.float32)
    expected = 200 + 90 * learner(model.design).scores(model.weights, x)[:, 0].astype(np.float64)
    assert np.allclose(loaded.predict(x), expected)
    with pytest.raises(DataError, match="is a regression: it has no probabilities"):
        loaded.predict_proba(x)
    for text, y in [(HOUSES, [120.5, 310, 99.25, 250.75]), ("kind,rooms\nflat,3\n", None)]:
        inputs = read_inputs(write(tmp_path, text, "new.csv"), loaded)
        assert np.allclose(loaded.targets(next(iter(inputs.blocks))), expected[: len(y) if y else 1])
        assert (None if inputs.y is None else inputs.y.tolist()) == y


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_a_torch_module_of_a_regression_predicts_the_same(tmp_path: Path) -> None:
    import torch

    found = read(write(tmp_path, HOUSES))
    model, x = model_of(found), np.array(rows_of(found), np.float32)

    assert np.allclose(model.to_torch()(torch.tensor(x)).detach().numpy()[:, 0], model.predict(x), rtol=1e-5)
