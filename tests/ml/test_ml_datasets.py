"""The readers of public data formats: accepted data, error messages, and damaged bytes."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.ml.data import Samples
from roundelay.ml.errors import DataError, InputMissing, MLError
from roundelay.ml.readers import content, dataset, packed, pickled, spool
from roundelay.ml.readers.dataset import ReadOptions, guess, read
from roundelay.ml.readers.schema import TableOptions
from roundelay.ml.readers.source import DataSet, number_labels
from tests.ml.made_data import cifar_bytes, cifar_pickle, pixels, write_mnist
from tests.ml.ml_oracles import EFFORT, SHARED, make_samples


def rows_of(found: DataSet) -> np.ndarray:
    """Return all training rows: (n, d)."""
    return np.concatenate([block for part in found.training for block in part.blocks()])


def classes_of(found: DataSet) -> list[str]:
    return [found.labels[y] for part in found.training for y in part.y]


def refusal(path: Path, reading: ReadOptions | None = None) -> str:
    with pytest.raises(MLError) as caught:
        found = read(path, reading)
        for part in (*found.training, *found.test):
            list(part.blocks())
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- packed


@pytest.mark.parametrize("as_pixels", [True, False])
def test_a_packed_file_returns_the_samples_written_to_it(as_pixels: bool) -> None:
    samples = make_samples(7, features=12)
    if as_pixels:
        samples = Samples(np.abs(samples.x * 40).astype(np.uint8).astype(np.float32), samples.y)

    data = packed.pack(samples, 4, (3, 2, 2), as_pixels)
    again = content.parse("f", data, 12, 4)

    assert np.array_equal(again.x, samples.x)
    assert np.array_equal(again.y, samples.y)
    assert packed.read_header("f", data).shape == (3, 2, 2)
    assert len(data) == packed.HEADER_BYTES + 7 * (2 + 12 * (1 if as_pixels else 4)) + 4


def test_a_file_of_text_rows_is_read() -> None:
    assert content.parse("f", b"1,2,0\n3,4,1\n").x.tolist() == [[1, 2], [3, 4]]


PACKED = packed.pack(make_samples(5), 4)


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
@EFFORT
def test_every_damaged_byte_of_a_packed_file_is_detected(at: int, flip: int) -> None:
    damaged = bytearray(PACKED)
    damaged[at] ^= flip

    with pytest.raises(DataError, match=r"^f[:,]"):
        packed.parse("f", bytes(damaged))


@given(st.integers(0, len(PACKED) - 1))
@EFFORT
def test_a_truncated_packed_file_is_refused(size: int) -> None:
    with pytest.raises(DataError):
        packed.parse("f", PACKED[:size])


@pytest.mark.parametrize(
    ("features", "classes", "complaint"), [(6, 4, "has 5 features, expected 6"), (5, 3, "class 3 is out of range 0..2")]
)
def test_a_packed_file_of_another_job_is_refused(features: int, classes: int, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        packed.parse("f", PACKED, features, classes)


def test_a_packed_file_with_nan_is_refused_with_the_row() -> None:
    samples = make_samples(5)
    samples.x[3, 1] = np.nan

    with pytest.raises(DataError, match="f, line 4: feature 2 is nan, not finite"):
        packed.parse("f", packed.pack(samples, 4))


# --- mnist


@pytest.mark.parametrize("zipped", [True, False])
def test_mnist_is_read_plain_and_zipped(zipped: bool, tmp_path: Path) -> None:
    x, y = pixels(30)
    write_mnist(tmp_path, "train", x, y, zipped)
    write_mnist(tmp_path, "t10k", x[:10], y[:10], zipped)

    found = read(tmp_path)

    assert (found.kind, found.shape, found.features, found.classes) == ("mnist", (1, 4, 5), 20, 10)
    assert np.array_equal(rows_of(found), x.reshape(30, 20))
    assert [part.rows for part in found.test] == [10]


def test_a_folder_with_only_the_test_part_is_training_data(tmp_path: Path) -> None:
    write_mnist(tmp_path, "t10k", *pixels(20))

    found = read(tmp_path)

    assert (found.training[0].rows, found.test) == (20, ())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda data: data[:-3], "ends within image 10"),
        (lambda data: data + b"!", "continues after the 10 rows"),
        (lambda data: b"\0\0\x0d\3" + data[4:], "begins with 00000d03"),
        (lambda data: data[:9], "ends within header"),
        (lambda data: data[:4] + struct.pack(">I", 11) + data[8:], "has 11 images"),
        (lambda data: data[:8] + struct.pack(">I", 1 << 30) + data[12:], "pixels, expected at most 4096 a side"),
    ],
)
def test_damaged_images_are_named(change: Callable[[bytes], bytes], complaint: str, tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", *pixels(10))
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(change(path.read_bytes()))

    assert complaint in refusal(tmp_path)
    assert str(path) in refusal(tmp_path)


def test_images_without_labels_are_missing_input(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", *pixels(10))
    (tmp_path / "train-labels-idx1-ubyte").unlink()

    with pytest.raises(InputMissing, match=r"train-labels-idx1-ubyte or train-labels-idx1-ubyte\.gz is missing"):
        read(tmp_path)


# --- cifar10


def test_cifar_is_read_from_its_binary_batches(tmp_path: Path) -> None:
    x, y = pixels(20, (3, 32, 32))
    (tmp_path / "data_batch_1.bin").write_bytes(cifar_bytes(x[:12], y[:12]))
    (tmp_path / "data_batch_2.bin").write_bytes(cifar_bytes(x[12:], y[12:]))
    (tmp_path / "test_batch.bin").write_bytes(cifar_bytes(x[:5], y[:5]))

    found = read(tmp_path)

    assert (found.kind, found.shape, found.labels[3]) == ("cifar10", (3, 32, 32), "cat")
    assert np.array_equal(rows_of(found), x.reshape(20, -1))
    assert (len(found.training), found.test[0].rows) == (2, 5)


@pytest.mark.parametrize("protocol", [2, 3])
def test_cifar_is_read_from_its_pickles_without_unpickling(protocol: int, tmp_path: Path) -> None:
    x, y = pixels(20, (3, 32, 32))
    (tmp_path / "data_batch_1").write_bytes(cifar_pickle(x, y, protocol))

    found = read(tmp_path)

    assert np.array_equal(rows_of(found), x.reshape(20, -1))
    assert found.training[0].y.tolist() == y.tolist()


class Harm:
    """A class whose pickle writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_that_would_run_code_is_refused_by_name(tmp_path: Path) -> None:
    harm = tmp_path / "harm"
    path = tmp_path / "data_batch_1"
    path.write_bytes(pickle.dumps({"data": Harm(harm), "labels": [1]}, 2))

    assert f"{path}: is not a pickled batch of CIFAR-10: it refers to" in refusal(path)
    assert not harm.exists()


@given(st.data())
@EFFORT
def test_a_damaged_pickle_is_read_or_refused(data: st.DataObject) -> None:
    good = bytearray(cifar_pickle(*pixels(2, (2, 2))))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))

    try:
        x, y = pickled.read_batch("b", bytes(good), 4)
    except DataError as error:
        assert str(error).startswith("b: ")
    else:
        assert (x.shape, y.shape) == ((2, 4), (2,))


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"\1" * 3000, "line 1: has 3000 bytes"),
        (b"\x0b" * 3073, "line 1: class 11 is out of range 0..9"),
        (b"", "line 1: has 0 bytes"),
    ],
)
def test_damaged_binary_batches_are_named(data: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(data)

    assert f"{path}, {complaint}" in refusal(path)


# --- npz


@pytest.mark.parametrize(
    "names", ["train_images train_labels test_images test_labels", "x_train y_train x_test y_test"]
)
@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_arrays_are_found_by_their_usual_names(names: str, write: Callable[..., None], tmp_path: Path) -> None:
    x, y = pixels(30)
    path = tmp_path / "set.npz"
    write(path, **dict(zip(names.split(), (x, y[:, None], x[:4], y[:4, None]), strict=True)))

    found = read(path)

    assert (found.kind, found.shape, found.pixels, found.test[0].rows) == ("npz", (1, 4, 5), True, 4)
    assert np.array_equal(rows_of(found), x.reshape(30, 20))


def test_colour_channels_may_come_last_and_numbers_may_be_floats(tmp_path: Path) -> None:
    x, y = pixels(12, (3, 4, 2))
    np.savez(tmp_path / "last.npz", x=x.transpose(0, 2, 3, 1), y=y)
    np.savez(tmp_path / "floats.npz", X=x.reshape(12, -1) / 3, y=y + 7)

    last, floats = read(tmp_path / "last.npz"), read(tmp_path / "floats.npz")

    assert last.shape == (3, 4, 2)
    assert np.array_equal(rows_of(last), x.reshape(12, -1))
    assert np.allclose(rows_of(floats), x.reshape(12, -1) / 3)
    assert (floats.shape, floats.labels[:2]) == ((), ("7", "8"))


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"a": np.zeros(3)}, "holds the arrays a; expected train_images"),
        ({"x": np.zeros((3, 2)), "y": np.zeros(4, int)}, "expected a class for each of 3 rows"),
        (
            {"x": np.array([[1.0], [np.inf]]), "y": np.array([0, 1])},
            "set.npz, line 2: x holds a number that is infinite or exceeds float32: scale its column",
        ),
        ({"x": np.array([[1.0], [np.nan]]), "y": np.array([0, 1])}, "set.npz, line 2: x holds NaN: fill it in"),
        ({"x": np.arange(2.0), "y": np.arange(2)}, "a single feature is saved with .reshape(-1, 1)"),
        ({"x": np.ones((2, 2), complex), "y": np.arange(2)}, "it holds complex numbers: make them numbers"),
        ({"x": np.ones((2, 2), "datetime64[D]"), "y": np.arange(2)}, "it holds dates: make them numbers"),
        ({"x": np.zeros((2, 2, 2, 2, 2)), "y": np.zeros(2, int)}, "expected numbers or images"),
        ({"x": np.ones((3, 2)), "y": np.zeros(3, int)}, "y holds 1 classes, expected 2 to 4096"),
        ({"x": np.ones((3, 2)), "y": np.ones((3, 2))}, "expected a class a row, or a single 1 in each row"),
        ({"x": np.ones((3, 2)), "X": np.ones((3, 2)), "y": np.arange(3)}, "holds both"),
        ({"x": np.array([["a"], ["b"]]), "y": np.arange(2)}, "x holds texts, expected numbers"),
    ],
)
def test_arrays_that_are_not_a_data_set_are_named(arrays: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", **arrays)

    assert str(tmp_path / "set.npz") in refusal(tmp_path / "set.npz")
    assert complaint in refusal(tmp_path / "set.npz")


X = np.arange(12.0).reshape(6, 2)
CLASSES = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    ("x", "y"),
    [("X_train", "Y_train"), ("x", "y"), ("X", "Y"), ("data", "target"), ("arr_0", "arr_1"), ("Images", "Labels")],
)
def test_arrays_are_found_whatever_case_their_names_have(x: str, y: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", **{x: X, y: CLASSES})  # type: ignore[arg-type]

    assert np.array_equal(rows_of(read(tmp_path / "set.npz")), X)


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        (CLASSES.astype(np.float64), ("0", "1", "2")),
        (np.eye(3)[CLASSES], ("0", "1", "2")),
        (np.eye(3, dtype=bool)[CLASSES], ("0", "1", "2")),
        (CLASSES == 1, ("False", "True")),
        (np.array(["cat", "dog", "é"])[CLASSES], ("cat", "dog", "é")),
        (np.array([b"cat", b"dog", b"eel"])[CLASSES], ("cat", "dog", "eel")),
        (CLASSES[:, None], ("0", "1", "2")),
    ],
)
def test_classes_may_be_of_any_type_that_names_them(y: np.ndarray, labels: tuple[str, ...], tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=X, y=y)

    found = read(tmp_path / "set.npz")

    assert found.labels == labels
    assert classes_of(found) == [labels[n if len(labels) == 3 else int(n == 1)] for n in CLASSES]


@pytest.mark.parametrize("shape", [(6, 2), (6, 4, 5), (6, 3, 4, 2)])
def test_arrays_that_are_stored_by_columns_are_read(shape: tuple[int, ...], tmp_path: Path) -> None:
    x = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    np.savez_compressed(tmp_path / "set.npz", x=np.asfortranarray(x), y=CLASSES)

    assert np.array_equal(rows_of(read(tmp_path / "set.npz")), x.reshape(6, -1))


def test_a_folder_of_npy_files_is_read(tmp_path: Path) -> None:
    for name, array in (("X_train", X), ("y_train", CLASSES), ("X_test", X[:2]), ("y_test", CLASSES[:2])):
        np.save(tmp_path / f"{name}.npy", array)

    found = read(tmp_path)

    assert (found.kind, found.training[0].rows, found.test[0].rows) == ("npz", 6, 2)


# --- layouts that people download


def test_a_folder_that_wraps_a_data_set_is_opened(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    write_mnist(raw, "train", *pixels(20))

    assert read(tmp_path).kind == "mnist"


def test_mnist_as_kaggle_unpacks_it_is_read(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", *pixels(20))
    name = "train-images-idx3-ubyte"
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    (tmp_path / name / name).write_bytes(content)
    (tmp_path / "train-images.idx3-ubyte").write_bytes(content)

    assert read(tmp_path).training[0].rows == 20


def test_a_file_called_gz_may_be_unpacked(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", *pixels(20))
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_name(f"{path.name}.gz"))

    assert read(tmp_path).training[0].rows == 20


def test_cifar100_is_read(tmp_path: Path) -> None:
    x, y = pixels(20, (3, 32, 32))
    for name in ("train", "test"):
        batch = {b"fine_labels": y.tolist(), b"coarse_labels": y.tolist(), b"data": x.reshape(20, -1)}
        (tmp_path / name).write_bytes(pickle.dumps(batch, 2))
    (tmp_path / "meta").write_bytes(b"")

    found = read(tmp_path)

    assert (found.classes, found.training[0].rows, found.test[0].rows) == (100, 20, 20)


def test_a_file_called_train_is_not_a_folder_of_images(tmp_path: Path) -> None:
    (tmp_path / "train").write_bytes(b"1,2,3\n")

    assert guess(tmp_path) == "letters"


def test_an_array_of_objects_is_never_unpickled(tmp_path: Path) -> None:
    objects = np.array([[Harm(tmp_path / "harm")]], object)
    np.savez(tmp_path / "set.npz", x=objects, y=np.zeros(1, int))

    assert "x cannot be read: it holds Python objects, which are not unpickled" in refusal(tmp_path / "set.npz")
    assert not (tmp_path / "harm").exists()


# --- tables


def write(tmp_path: Path, text: str, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "table", "x", "labels"),
    [
        ("a,b,c\n1,2,yes\n3,4,no\n", TableOptions(), [[1, 2], [3, 4]], ["yes", "no"]),
        ("1,2,yes\n3,4,no\n", TableOptions(), [[1, 2], [3, 4]], ["yes", "no"]),
        ("kind;a;b\nx;1;2\ny;3;4\n", TableOptions("kind"), [[1, 2], [3, 4]], ["x", "y"]),
        ("9,1,2\n10,3,4\n", TableOptions(0), [[1, 2], [3, 4]], ["9", "10"]),
        ('a,b,"the, label"\r\n1,2.5,"p q"\r\n\r\n3,-4e1,r\r\n', TableOptions(), [[1, 2.5], [3, -40]], ["p q", "r"]),
        ("1,,yes\n3,4,no\n", TableOptions(missing="zero"), [[1, 0], [3, 4]], ["yes", "no"]),
        ("1,NA,yes\n3,4,no\n5,6,no\n", TableOptions(missing="mean"), [[1, 5], [3, 4], [5, 6]], ["yes", "no", "no"]),
    ],
)
def test_tables_are_read(
    text: str, table: TableOptions, x: list[list[float]], labels: list[str], tmp_path: Path
) -> None:
    found = read(write(tmp_path, text), ReadOptions(table=table))

    assert (found.kind, found.shape) == ("csv", ())
    assert rows_of(found).tolist() == x
    assert classes_of(found) == labels


def test_labels_that_are_numbers_are_in_the_order_of_their_size() -> None:
    assert number_labels(["10", "9", "b", "a", "9"])[1] == ("9", "10", "a", "b")


@pytest.mark.parametrize(
    ("text", "options", "complaint"),
    [
        ("1,2,a\n3,b\n", TableOptions(), "t.csv, line 2: has 2 fields, expected 3"),
        ("x,b,k\n1,2,a\n1,two,a\n", TableOptions(), "t.csv, line 3: column 'b' is 'two', not a number"),
        (
            "age,size,k\n1,2,a\n3,,b\n",
            TableOptions(),
            "t.csv, line 3: column 'size' is empty: fill it in, or train with --missing mean or --missing zero",
        ),
        ("1,2,a\n3,NA,b\n", TableOptions(), "line 2: column 1 is 'NA', which marks a missing value: fill it in"),
        ("1,2,a\n3,inf,b\n", TableOptions(), "t.csv, line 2: column 1 is 'inf', not finite"),
        ("x,b,k\n1,2,a\n", TableOptions("z"), "t.csv, line 1: has no column 'z' (--label); its columns are x, b, k"),
        ("1,2,a\n", TableOptions(7), "t.csv, line 1: has no column 7; its columns are numbered 0 to 2"),
        ("1,2,a\n3,4,\n", TableOptions(), "t.csv, line 2: column 2 is empty: it is the class of the row"),
        ("1,2,a\n3,4,a\n", TableOptions(), "t.csv: has only one class, 'a'"),
        ("a,b,c\n", TableOptions(), "t.csv: holds a header but no rows"),
        ("", TableOptions(), "t.csv: is empty"),
        ('1,"2,a\n3,4,b\n', TableOptions(), "cannot be read as a table"),
        ("1\n2\n", TableOptions(), "line 1: has 1 field"),
        ("a,b,a,k\n1,2,3,x\n", TableOptions(), "line 1: has two columns 'a': rename one of them"),
        ("a,k\n$1.50,x\n", TableOptions(), "line 2: column 'a' holds amounts such as '$1.50': write digits alone"),
        ("a,k\n12 %,x\n", TableOptions(), "line 2: column 'a' holds amounts such as '12 %'"),
        ('a,k\n"1,250,000",x\n', TableOptions(), "--categorical a reads it as words"),
        ('a,k\n"two\nlines",x\n', TableOptions(), "not a number or a word: leave it out, --drop a"),
        ("a\0,k\n1,x\n", TableOptions(), "line 1: is not text: it holds NUL, as UTF-16 without a byte order mark"),
    ],
)
def test_faults_of_tables_are_named_by_file_and_line(
    text: str, options: TableOptions, complaint: str, tmp_path: Path
) -> None:
    assert complaint in refusal(write(tmp_path, text), ReadOptions(table=options))


def test_amounts_are_words_where_an_option_says_so(tmp_path: Path) -> None:
    found = read(write(tmp_path, "a,k\n5%,x\n10%,y\n"), ReadOptions(table=TableOptions(categorical=("a",))))

    assert rows_of(found).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("hint", ["sep=;", '"sep=;"'])
def test_the_first_line_by_which_excel_knows_the_separator_is_skipped(hint: str, tmp_path: Path) -> None:
    found = read(write(tmp_path, f"\ufeff{hint}\r\na;k\r\n1,5;x\r\n2,5;y\r\n"))

    assert rows_of(found).tolist() == [[1.5], [2.5]]
    assert "line 4: column 'a'" in refusal(write(tmp_path, f"{hint}\na;k\n1,5;x\nb;y\n"))


def test_what_people_read_beside_the_files_of_a_folder_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a,k\n1,no\n2,yes\n", "1.csv")
    for name in ("README.txt", "LICENSE", "readme"):
        write(tmp_path, "This is about my data\n", name)

    found = read(tmp_path)

    assert [part.name for part in found.training] == ["1.csv"]
    assert found.skipped == ("LICENSE", "README.txt", "readme")


def test_a_file_of_another_program_is_to_be_saved_as_a_table(tmp_path: Path) -> None:
    book = write(tmp_path, "PK", "book.xlsx")

    assert "book.xlsx: is a .xlsx file, which is not read: save it as .csv or .npz" in refusal(book)
    assert "holds no training file (*.txt, *.csv, or without extension): only book.xlsx" in refusal(tmp_path)


def test_the_tables_of_a_folder_are_parts_with_common_labels(tmp_path: Path) -> None:
    write(tmp_path, "a,k\n1,no\n2,yes\n", "1.csv")
    write(tmp_path, "a,k\n3,yes\n", "2.csv")

    found = read(tmp_path)

    assert found.kind == "csv"
    assert [part.y.tolist() for part in found.training] == [[0, 1], [1]]
    assert rows_of(found).tolist() == [[1], [2], [3]]


# --- any bytes


NAMES = [
    "t.csv",
    "set.npz",
    "data_batch_1.bin",
    "data_batch_1",
    "train-images-idx3-ubyte",
    "train-images-idx3-ubyte.gz",
    "letters",
]


@given(st.sampled_from(NAMES), st.binary(max_size=300), st.booleans())
@EFFORT
def test_any_bytes_are_read_or_refused_in_one_line(name: str, data: bytes, zipped: bool) -> None:
    with TemporaryDirectory() as folder:
        place = Path(folder)
        (place / name).write_bytes(gzip.compress(data) if zipped else data)
        if name.startswith("train"):
            (place / "train-labels-idx1-ubyte").write_bytes(data)
        try:
            found = read(place)
            assert all(sum(map(len, part.blocks())) == part.rows for part in found.training)
        except MLError as error:
            assert "\n" not in str(error)


@given(st.data())
@EFFORT
def test_a_damaged_archive_is_read_or_refused(data: st.DataObject) -> None:
    made = io.BytesIO()
    np.savez_compressed(made, x=pixels(3)[0], y=pixels(3)[1])
    good = bytearray(made.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "set.npz"
        path.write_bytes(good)
        try:
            assert len(rows_of(read(path))) >= 1
        except MLError as error:
            assert str(path) in str(error)


# --- guessing


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["t10k-images-idx3-ubyte.gz"], "mnist"),
        (["data_batch_1.bin"], "cifar10"),
        (["data_batch_4"], "cifar10"),
        (["set.npz"], "npz"),
        (["train/NORMAL/1.jpeg"], "images"),
        (["cats/1.png", "dogs/2.PNG"], "images"),
        (["a", "b.txt"], "letters"),
        (["a.csv"], "letters"),
    ],
)
def test_the_kind_of_a_data_set_is_guessed_from_its_files(names: list[str], kind: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"1,2,3\n")

    assert guess(tmp_path) == kind


def test_the_error_for_a_file_of_unknown_kind_names_the_option(tmp_path: Path) -> None:
    assert "name it with --dataset letters|csv|mnist" in refusal(write(tmp_path, "?", "what.bin"))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real data are not here")
def test_the_real_sets_are_read_whole() -> None:
    mnist, xrays = dataset.read(SHARED / "mnist"), dataset.read(SHARED / "pneumonia")

    assert rows_of(mnist).shape == (10_000, 784)
    assert round(float(rows_of(mnist).mean()), 1) == 33.8
    assert (rows_of(xrays).shape, xrays.test[0].rows) == ((3882, 784), 624)


def test_columns_of_a_table_are_streamed_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "BLOCK_BYTES", 16)

    found = read(write(tmp_path, "1,a\n2,b\n3,a\n"))

    assert [len(block) for block in found.training[0].blocks()] == [2, 1]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("data_batch_1.bin", "is not a regular file"),
        ("data_batch_1", "is not a regular file"),
        ("train-images-idx3-ubyte", "holds no IDX file of images"),
        ("train-labels-idx1-ubyte", "is missing"),
    ],
)
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(name: str, why: str, tmp_path: Path) -> None:
    if "labels" in name:
        write_mnist(tmp_path, "train", *pixels(3, (2, 2)))
        (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    reading = ReadOptions(kind="cifar10" if "batch" in name else "mnist")

    assert why in refusal(tmp_path, reading)
