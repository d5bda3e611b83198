"""A saved model reads what it was trained on, in every format, with or without the classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roundelay.ml.data import Moments, Samples
from roundelay.ml.design import Design
from roundelay.ml.errors import DataError
from roundelay.ml.models.catalogue import learner
from roundelay.ml.readers import arrays, dataset, packed, table
from roundelay.ml.readers.arrays import to_rows
from roundelay.ml.readers.encoding import EncodedColumn, Encoding
from roundelay.ml.readers.inputs import Inputs, read_inputs
from roundelay.ml.readers.saved_model import SavedModel, load, save
from roundelay.ml.readers.schema import TableOptions
from roundelay.ml.readers.source import with_test
from tests.ml.made_data import pixels, write_mnist
from tests.ml.made_frame import MadeFrame
from tests.processes import client_here

TRAINED = "w,kind,a,id\nred,x,1,7\ngreen,y,,8\nred,x,3,9\n"


def rows_of(found: Inputs) -> list[list[float]]:
    return [row for block in found.blocks for row in block.tolist()]


def model_of(features: int, classes: int = 2, shape: tuple[int, ...] = (), **more: object) -> SavedModel:
    design = Design((features, classes), "softmax", shape)
    return SavedModel(design, learner(design).init_weights(0), None, **more)  # type: ignore[arg-type]


@pytest.fixture(params=["m.npz", "m.safetensors"])
def trained(tmp_path: Path, request: pytest.FixtureRequest) -> SavedModel:
    (tmp_path / "t.csv").write_text(TRAINED)
    found = table.read(tmp_path / "t.csv", TableOptions("kind", "mean", drop=("id",)))
    assert found.encoding is not None
    save(tmp_path / request.param, model_of(found.features, labels=found.labels, encoding=found.encoding))
    return load(tmp_path / request.param)


def test_classes_that_are_called_by_their_numbers_are_known(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,class\n1,0\n2,1\n3,1\n")
    found = table.read(tmp_path / "t.csv")

    read = read_inputs(tmp_path / "t.csv", model_of(1, labels=(), encoding=found.encoding))  # as a job's model has them

    assert read.y is not None
    assert read.y.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("content", "rows", "classes"),
    [
        (TRAINED, [[0, 1, 1], [1, 0, 2], [0, 1, 3]], [0, 1, 0]),
        ("a,w,kind\n5,green,y\n", [[1, 0, 5]], [1]),
        ("a,w\n5,green\n,red\n", [[1, 0, 5], [0, 1, 2]], None),
        ("more,a,w\n9,5,blue\n", [[0, 0, 5]], None),
        ("red,x,1,7\ngreen,y,2,8\n", [[0, 1, 1], [1, 0, 2]], [0, 1]),
    ],
)
def test_rows_are_encoded_as_in_training(
    content: str, rows: list[list[float]], classes: list[int] | None, trained: SavedModel, tmp_path: Path
) -> None:
    (tmp_path / "p.csv").write_text(content)

    found = read_inputs(tmp_path / "p.csv", trained)

    assert (rows_of(found), None if found.y is None else found.y.tolist()) == (rows, classes)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("b,w,kind\n5,green,y\n", "has no column 'a'; expected"),
        ("a,w,kind\n5,green,z\n", "has a class 'z' that the model does not know"),
        ("a,w,kind\ntall,green,x\n", "line 2: column 'a' is 'tall', not a number"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_name(
    content: str, complaint: str, trained: SavedModel, tmp_path: Path
) -> None:
    (tmp_path / "p.csv").write_text(content)

    with pytest.raises(DataError, match=complaint):
        read_inputs(tmp_path / "p.csv", trained)


@pytest.mark.parametrize(("content", "classes"), [("1,2,0\n3,4,1\n", [0, 1]), ("1,2\n3,4\n", None)])
def test_rows_of_numbers_may_have_a_class_or_none(content: str, classes: list[int] | None, tmp_path: Path) -> None:
    (tmp_path / "rows").write_text(content)

    found = read_inputs(tmp_path / "rows", model_of(2))

    assert (rows_of(found), None if found.y is None else found.y.tolist()) == ([[1, 2], [3, 4]], classes)


def test_arrays_may_have_classes_by_name_or_none(tmp_path: Path) -> None:
    x, model = np.arange(6.0).reshape(3, 2), model_of(2, labels=("dog", "cat"))
    np.savez(tmp_path / "with.npz", x=x, y=np.array(["cat", "dog", "dog"]))
    np.save(tmp_path / "without.npy", x)

    found = read_inputs(tmp_path / "with.npz", model)

    assert (rows_of(found), found.y is not None and found.y.tolist()) == (x.tolist(), [1, 0, 0])
    assert (rows_of(read_inputs(tmp_path / "without.npy", model)), read_inputs(tmp_path / "without.npy", model).y) == (
        x.tolist(),
        None,
    )


def test_the_test_part_of_a_data_set_is_predicted(tmp_path: Path) -> None:
    x, y = pixels(20)
    write_mnist(tmp_path, "train", x, y)
    write_mnist(tmp_path, "t10k", x[:10], y[:10])

    found = read_inputs(tmp_path, model_of(20, 10, (1, 4, 5)))

    assert (len(rows_of(found)), found.y is not None and found.y.tolist()) == (10, list(range(10)))


def test_a_data_set_of_another_shape_is_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", *pixels(20))

    with pytest.raises(DataError, match=r"has images of \(1, 4, 5\), but the model reads rows of 5 features"):
        read_inputs(tmp_path, model_of(5))


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (4, 5), (6, 6, 3)])
def test_a_model_of_rows_predicts_the_images_that_it_was_trained_on(shape: tuple[int, ...], tmp_path: Path) -> None:
    x = np.arange(3 * np.prod(shape)).reshape(3, *shape).astype(np.uint8)
    np.savez(tmp_path / "set.npz", x=x, y=np.array([0, 1, 1]))

    found = read_inputs(tmp_path / "set.npz", model_of(int(np.prod(shape))))

    trained = dataset.read(tmp_path / "set.npz").training[0]
    assert np.array_equal(np.array(rows_of(found)), np.concatenate(list(trained.blocks())))
    assert found.y is not None and found.y.tolist() == [0, 1, 1]
    assert to_rows(x, int(np.prod(shape)), ()).tolist() == rows_of(
        read_inputs(tmp_path / "set.npz", model_of(x[0].size))
    )


def test_images_in_a_folder_take_the_size_that_a_model_of_rows_reads(tmp_path: Path) -> None:
    images = pytest.importorskip("PIL.Image")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        images.new("RGB", (20, 30), (9, 200, 40)).save(tmp_path / name / "1.png")
    for features in (64, 3 * 64):
        model = model_of(features, labels=("a", "b"))

        assert np.array(rows_of(read_inputs(tmp_path, model))).shape == (2, features)
        assert np.array(rows_of(read_inputs(tmp_path / "a" / "1.png", model))).shape == (1, features)


SECONDS = 1_700_000_000 + np.arange(40.0)  # (n,) float32 makes one number of these


@pytest.mark.parametrize("suffix", ["npz", "arrays", "csv"])
def test_large_numbers_that_differ_little_are_told_apart_in_training_and_prediction(
    tmp_path: Path, suffix: str
) -> None:
    x, y = np.column_stack([SECONDS, np.ones(40)]), (np.arange(40) % 2).astype(np.int64)  # (n, d), (n,)
    path = tmp_path / f"t.{suffix}"
    if suffix == "npz":
        np.savez(path, x_train=x, y_train=y, x_test=x[:4], y_test=y[:4])
    elif suffix == "csv":
        rows = [f"{a:.0f},{b:g},{c}" for (a, b), c in zip(x, y, strict=True)]
        path.write_text("\n".join(["seconds,one,class", *rows]) + "\n")

    data = arrays.read(x, y) if suffix == "arrays" else dataset.read(path)

    read = np.concatenate(list(data.training[0].blocks()))  # (n, d)
    assert np.array_equal(read[:, 0] - read[0, 0], np.arange(40))
    assert data.encoding is not None
    design = Design((2, 2), "softmax")
    model = SavedModel(
        design,
        learner(design).init_weights(0),
        Moments(read.mean(0), np.full(2, 20, np.float32)),
        data.labels,
        data.encoding,
    )
    expected = model.probabilities(read)
    assert np.array_equal(model.predict_proba(x), expected)
    assert len(np.unique(expected[:, 0])) == 40
    if suffix != "arrays":
        found = np.concatenate(list(read_inputs(path, model).blocks))
        assert np.array_equal(found, read[: len(found)])
    (tmp_path / "n.csv").write_text("".join(f"{a:.0f},{b:g},{c}\n" for (a, b), c in zip(x, y, strict=True)))
    again = read_inputs(tmp_path / "n.csv", model)
    assert np.array_equal(np.concatenate(list(again.blocks)), read)
    assert again.y is not None and again.y.tolist() == y.tolist()


def test_validation_arrays_have_the_offsets_of_the_training() -> None:
    x, y = SECONDS[:, None], np.arange(40) % 2  # (n, 1), (n,)

    data = with_test(arrays.read(x, y), arrays.read(x[7:] + 3, y[7:]))

    training, test = (np.concatenate(list(part.blocks())) for part in (data.training[0], data.test[0]))
    assert np.array_equal(test, training[7:] + 3)


def test_a_data_frame_with_words_is_encoded_as_in_training(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("size,colour,class\n" + "".join(f"{n},{'rgb'[n % 3]},{n % 2}\n" for n in range(12)))
    data = dataset.read(tmp_path / "t.csv")
    design = Design((4, 2), "softmax")
    model = SavedModel(design, learner(design).init_weights(0), None, (), data.encoding)

    given = MadeFrame({"colour": np.array(list("rgb" * 4)), "size": np.arange(12.0)})

    assert np.array_equal(model.predict_proba(given), model.probabilities(next(iter(data.training[0].blocks()))))


def of_columns(*columns: EncodedColumn) -> SavedModel:
    encoding = Encoding(columns)
    design = Design((encoding.features, 3), "softmax")
    return SavedModel(design, learner(design).init_weights(0), None, (), encoding)


@pytest.mark.parametrize("names", [("age", "dose"), ("0", "1")])
def test_the_columns_of_a_data_frame_are_matched_by_name_also_if_all_are_numbers(names: tuple[str, str]) -> None:
    model = of_columns(EncodedColumn(names[0], None, 1e9), EncodedColumn(names[1]))
    x = np.array([[1e9 + n, n % 3] for n in range(6)])  # (n, d)
    first, second = (int(name) if name.isdecimal() else name for name in names)

    turned = model.predict_proba(MadeFrame({second: x[:, 1], "other": np.zeros(6), first: x[:, 0]}))

    assert np.array_equal(turned, model.predict_proba(x))


def test_words_that_are_numbers_may_be_floats_as_in_columns_with_gaps() -> None:
    model = of_columns(
        EncodedColumn("ward", ("1", "2", "10"), fill=-1.0), EncodedColumn("ill", ("False", "True"), fill=0.0)
    )
    given = MadeFrame({"ward": [2.0, 10.0, float("nan"), 1], "ill": [True, False, None, "true"]})

    read = to_rows(given, 4, (), model.encoding)

    assert read.tolist() == [[0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1]]


def test_a_word_that_training_does_not_know_is_told(tmp_path: Path) -> None:
    model = of_columns(EncodedColumn("city", ("ulm", "bonn")))
    save(tmp_path / "m.npz", model)
    (tmp_path / "t.csv").write_text("ulm,1\nhof,0\nulm,2\n")

    outcome = client_here("predict", tmp_path / "m.npz", tmp_path / "t.csv")
    assert (outcome.code, len(outcome.out.splitlines())) == (0, 3)
    assert "column 'city' holds words that the training rows do not have, such as 'hof': they count as" in outcome.err

    with pytest.warns(UserWarning, match="column 'city' holds words that the training rows do not have, such as 'hof'"):
        read = to_rows(MadeFrame({"city": ["hof", "ulm"]}), 2, (), model.encoding)

    assert read.tolist() == [[0, 0], [1, 0]]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"age": [1.0]}, "has no column 'city'; expected age, city"),
        ({"age": [1.0, float("nan")], "city": ["ulm", "ulm"]}, "row 1 has no value in column 'age': fill it in"),
        ({"age": ["old"], "city": ["ulm"]}, "column 'age' is not numeric: could not convert"),
        ({"age": [1e39], "city": ["ulm"]}, "column 'age' holds infinity or a number that exceeds float32"),
    ],
)
def test_a_data_frame_that_does_not_fit_is_refused_by_column(given: dict[str, list[Any]], complaint: str) -> None:
    model = of_columns(EncodedColumn("age"), EncodedColumn("city", ("ulm", "bonn")))

    with pytest.raises(DataError, match=complaint):
        model.predict(MadeFrame(given))


# --- models of a DataFrame

FRAME = MadeFrame({"age": np.arange(12.0) % 5, "dose": 1_700_000_000 + 7 * np.arange(12.0), " size": np.arange(12.0)})
PLAIN = MadeFrame({"age": FRAME["age"], " size": FRAME[" size"]})
KINDS = MadeFrame({"kind": np.array(["x", "y"] * 6)})


def trained_on(x: Any, y: Any) -> tuple[SavedModel, np.ndarray]:
    """Return a model with random weights, and the rows that it would have been trained on."""
    data = arrays.read(x, y)
    model = model_of(data.features, labels=data.labels, encoding=data.encoding)
    return model, np.concatenate(list(data.training[0].blocks()))


@pytest.mark.parametrize("frame", [FRAME, PLAIN], ids=["offsets", "names only"])
@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_model_of_a_data_frame_takes_columns_by_name_and_arrays_by_place(
    frame: MadeFrame, suffix: str, tmp_path: Path
) -> None:
    made, rows = trained_on(frame, KINDS)
    save(tmp_path / f"m.{suffix}", made)
    model = load(tmp_path / f"m.{suffix}")
    turned = MadeFrame({"note": ["?"] * 12} | {name.strip(): frame[name] for name in reversed(frame.columns)})
    numbered = MadeFrame({place: frame[name] for place, name in enumerate(frame.columns)})

    expected = model.probabilities(rows)

    assert model.sha256 == model_of(model.design.features).sha256
    for given in (frame, turned, numbered, np.asarray(frame)):
        assert np.array_equal(model.predict_proba(given), expected)


@pytest.mark.parametrize("names", [["age", "dose"], ["a", "b", "c"]])
def test_a_model_of_a_data_frame_names_the_column_that_is_missing(names: list[str]) -> None:
    model, _ = trained_on(FRAME, KINDS)
    missing = "size" if "age" in names else "age"

    with pytest.raises(DataError, match=f"has no column '{missing}'; expected age, dose, size"):
        model.predict(MadeFrame({name: np.ones(2) for name in names}))


def test_two_columns_of_one_name_cannot_be_kept_apart() -> None:
    with pytest.raises(DataError, match="x: has two columns 'size': rename one of them"):
        arrays.read(MadeFrame({"size": np.arange(4.0), " size": np.arange(4.0)}), [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("content", "is_named", "classes"),
    [
        ("size,kind,age\n7,y,3\n8,x,4\n", True, [1, 0]),
        ("id,size,kind,age,note\na,7,y,3,b\na,8,x,4,b\n", True, [1, 0]),
        ("size,age\n7,3\n8,4\n", True, None),
        (" size,note,age\n7,1,3\n8,2,4\n", True, None),
        ("3,7,y\n4,8,x\n", True, [1, 0]),
        ("size,age,what\n7,3,y\n8,4,x\n", False, [1, 0]),
        ("note,size,age\nhello,7,3\nbye,8,4\n", False, None),
        ("3,7,y\n4,8,x\n", False, [1, 0]),
        ("3,7\n4,8\n", False, None),
    ],
)
def test_a_model_of_a_data_frame_reads_a_table_by_its_header(
    content: str, is_named: bool, classes: list[int] | None, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(content)
    model, _ = trained_on(PLAIN, KINDS if is_named else KINDS["kind"])

    found = read_inputs(tmp_path / "t.csv", model)

    assert (rows_of(found), None if found.y is None else found.y.tolist()) == ([[3, 7], [4, 8]], classes)


@pytest.mark.parametrize("content", ["size,years,kind\n7,3,y\n", "a,b\n7,3\n"])
def test_a_table_without_a_column_of_the_data_frame_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(content)

    with pytest.raises(DataError, match=r"t\.csv, line 1: has no column 'age'; expected age, size"):
        read_inputs(tmp_path / "t.csv", trained_on(PLAIN, KINDS)[0])


def test_targets_of_a_data_frame_are_found_by_their_name(tmp_path: Path) -> None:
    data = arrays.read(PLAIN, MadeFrame({"price": np.arange(12.0) / 8}), task="regression")
    design = Design((2, 1), "mlp", task="regression")
    model = SavedModel(design, learner(design).init_weights(0), None, (), data.encoding)
    (tmp_path / "t.csv").write_text("price,size,age\n0.5,7,3\n0.25,8,4\n")
    (tmp_path / "without.csv").write_text("size,age\n7,3\n8,4\n")

    found, without = read_inputs(tmp_path / "t.csv", model), read_inputs(tmp_path / "without.csv", model)

    assert (rows_of(found), found.y is not None and found.y.tolist()) == ([[3, 7], [4, 8]], [0.5, 0.25])
    assert (rows_of(without), without.y) == ([[3, 7], [4, 8]], None)


def test_a_folder_of_tables_and_packed_rows_are_read_by_a_model_of_a_data_frame(tmp_path: Path) -> None:
    model, _ = trained_on(PLAIN, KINDS)
    (tmp_path / "tables").mkdir()
    for name, row in (("a", "7,y,3"), ("b", "8,x,4")):
        (tmp_path / "tables" / f"{name}.csv").write_text(f"size,kind,age\n{row}\n{row}\n")
    rows = np.array([[3, 7], [3, 7], [4, 8], [4, 8]], np.float32)
    (tmp_path / "rows.rdl").write_bytes(packed.pack(Samples(rows, np.array([1, 1, 0, 0])), 2))

    for path in (tmp_path / "tables", tmp_path / "rows.rdl"):
        found = read_inputs(path, model)
        assert (rows_of(found), found.y is not None and found.y.tolist()) == (rows.tolist(), [1, 1, 0, 0])


def test_arrays_to_predict_have_the_offsets_of_the_training_or_none(tmp_path: Path) -> None:
    x = np.array([[100.0, 1.0], [100.25, 2.0]])  # (n, d) narrow columns, unlike those of the training
    np.savez(tmp_path / "t.npz", x=x, y=np.array([0, 1]))

    assert rows_of(read_inputs(tmp_path / "t.npz", model_of(2))) == x.tolist()
