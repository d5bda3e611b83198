"""What Ring.train accepts: arrays, DataFrames, lists for each client, paths; and what it says about the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roundelay import IID, Dirichlet, LabelSkew, Shards
from roundelay.client.callbacks import hooks_of
from roundelay.client.errors import BadInput, InvalidRequest
from roundelay.client.job_input import JobInput
from roundelay.client.preparation import prepare
from roundelay.client.train_arguments import make_request
from roundelay.federation.spec import JobSpec
from roundelay.ml.readers import content
from roundelay.ml.readers.encoding import encoding_from_json
from tests.end_to_end.small_job import write_tiny
from tests.ml.made_frame import MadeFrame

RNG = np.random.default_rng(1)
X = RNG.standard_normal((60, 3))  # (n, d)
Y = np.arange(60) % 3


def job_of(data: Any, labels: Any = None, validation: Any = None, **more: Any) -> tuple[JobSpec, dict[str, Any]]:
    """Return the spec of a request, and the samples of each of its files by name."""
    chosen = {name: more.pop(name, None) for name in ("clients", "partition", "init")}
    request = make_request(data, labels, validation, **chosen, detach=False, private="", options=more)
    with prepare(request) as prepared:
        connection: Any = None  # only private data are found on the ring
        spec, given = prepared.find_job(connection)
        return spec, {file.name: samples(given, file.name) for file in (*spec.files, spec.validation_file)}


def samples(given: JobInput, name: str) -> Any:
    assert given.validation is not None
    file = next(each for each in (*given.files, given.validation) if each.name == name)
    return content.parse(name, given.contents[file.digest][:], given.features, given.classes)


def test_arrays_are_divided_among_the_clients_and_some_rows_held_out() -> None:
    spec, files = job_of(X, Y, clients=4, holdout=0.1)

    rows = np.concatenate([each.x for each in files.values()])
    assert len(spec.files) == 4
    assert spec.validation_file.rows == 6
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, X.astype(np.float32).tolist()))
    assert spec.sizes == (3, 256, 3)


def test_validation_rows_are_those_that_were_given() -> None:
    spec, files = job_of(X, Y, (X[:7], Y[:7]), clients=2)

    assert np.array_equal(files[spec.validation_file.name].x, X[:7].astype(np.float32))
    assert sum(file.rows for file in spec.files) == 60


def test_classes_are_named_as_they_were_given() -> None:
    assert job_of(X, np.array(["cat", "dog", "ape"])[Y])[0].labels == ("ape", "cat", "dog")
    assert job_of(X, Y * 5.0 - 5)[0].labels == ("-5", "0", "5")
    assert job_of(X, Y > 0)[0].labels == ()  # 0 and 1


@pytest.mark.parametrize("partition", [Dirichlet(0.1), Shards(), LabelSkew(1), IID()], ids=repr)
def test_a_partitioner_decides_which_client_gets_which_rows(partition: Any) -> None:
    spec, files = job_of(X, Y, (X, Y), clients=5, partition=partition)

    assert len(spec.files) == 5
    assert sum(file.rows for file in spec.files) == 60
    if isinstance(partition, LabelSkew):
        assert all(len(set(files[file.name].y.tolist())) == 1 for file in spec.files)


def test_a_function_can_be_a_partitioner_and_leave_rows_out() -> None:
    spec, files = job_of(X, Y, (X, Y), clients=2, partition=lambda labels, clients, rng: [np.array([3, 1]), [5]])

    assert [file.rows for file in spec.files] == [2, 1]
    assert files[spec.validation_file.name].rows == 60


@pytest.mark.parametrize(
    ("parts", "message"),
    [([[1]], "rows of 1 clients, expected 2"), ([[1], [1]], "a row twice"), ([[1], [60]], "outside the 60 rows")],
)
def test_a_partitioner_that_is_wrong_is_named(parts: Any, message: str) -> None:
    with pytest.raises(BadInput, match=f"partitioner .*{message}"):
        job_of(X, Y, (X, Y), clients=2, partition=lambda labels, clients, rng: parts)


def test_row_numbers_for_each_client_are_a_partition() -> None:
    spec, files = job_of(X, Y, (X, Y), partition=[np.arange(10), [59, 58]])

    assert [file.rows for file in spec.files] == [10, 2]
    assert np.array_equal(files[spec.files[1].name].x, X[[59, 58]].astype(np.float32))


def test_a_list_of_arrays_gives_each_client_its_own() -> None:
    spec, files = job_of([X[:10], X[10:40]], [Y[:10], Y[10:40]], (X, Y))

    assert [file.rows for file in spec.files] == [10, 30]
    assert np.array_equal(files[spec.files[0].name].x, X[:10].astype(np.float32))


@pytest.mark.parametrize("shape", [(14, 12), (14, 12, 1), (1, 14, 12), (3, 14, 12), (14, 12, 3)])
def test_images_may_have_their_channels_first_or_last(shape: tuple[int, ...]) -> None:
    images = RNG.integers(0, 255, (20, *shape), dtype=np.uint8)
    spec, files = job_of(images, Y[:20], (images, Y[:20]), model="cnn")

    channels_first = images if shape[0] < 12 or len(shape) == 2 else images.transpose(0, 3, 1, 2)
    assert spec.shape == (3 if 3 in shape else 1, 14, 12)
    assert np.array_equal(files[spec.validation_file.name].x, channels_first.reshape(20, -1))


def test_settings_may_be_numbers_of_numpy_and_a_single_layer() -> None:
    settings = job_of(X, Y, rounds=np.int64(3), hidden=7, eta=np.float32(0.5))[0].settings

    assert (settings.rounds, settings.hidden, settings.eta) == (3, (7,), 0.5)


def test_a_dataframe_may_name_the_column_of_its_classes() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c"]).assign(kind=np.array(["cat", "dog", "ape"])[Y], note="text")

    spec, _ = job_of(frame.drop(columns="note"), "kind", (frame[["a", "b", "c"]], frame.kind))

    assert (spec.features, spec.labels) == (3, ("ape", "cat", "dog"))
    with pytest.raises(BadInput, match="x: column note is not numeric: encode it"):
        job_of(frame, "kind")
    with pytest.raises(BadInput, match="y: is 'nothing', but x has no such column"):
        job_of(frame, "nothing")


FRAME = MadeFrame({"a": X[:, 0], "b": 1_700_000_000 + 7 * np.arange(60.0), "c": X[:, 2]})
TURNED = FRAME[["b", "c", "a"]]


def written(path: Path, frame: MadeFrame) -> Path:
    rows = [",".join(map(repr, row)) for row in np.column_stack([frame, Y]).tolist()]
    path.write_text("\n".join([",".join([*frame.columns, "kind"]), *rows]) + "\n")
    return path


@pytest.mark.parametrize("source", ["frame", "table", "arrays", "clients"])
def test_rows_to_validate_on_have_the_columns_of_the_training_in_any_order(source: str, tmp_path: Path) -> None:
    table, halves = written(tmp_path / "t.csv", FRAME), [Y[:30], Y[30:]]
    parts = [
        MadeFrame({name: frame[name][rows] for name in frame.columns})
        for frame, rows in ((FRAME, slice(30)), (TURNED, slice(30, 60)))
    ]
    data: dict[str, tuple[Any, Any, Any]] = {
        "frame": (FRAME, Y, (TURNED, Y)),
        "table": (table, None, (TURNED, Y)),
        "arrays": (FRAME, Y, (np.asarray(FRAME), Y)),
        "clients": (parts, halves, (TURNED, Y)),
    }

    spec, found = job_of(*data[source])

    assert spec.validation is not None
    expected = np.asarray(FRAME) - [0, 1_700_000_000, 0]
    assert np.array_equal(found[spec.validation.name].x, expected.astype(np.float32))
    if source == "clients":
        assert np.array_equal(found[spec.files[1].name].x, expected[30:].astype(np.float32))


def test_a_table_to_validate_on_has_the_columns_of_the_training_in_any_order(tmp_path: Path) -> None:
    spec, found = job_of(FRAME, Y, written(tmp_path / "t.csv", TURNED))

    assert spec.validation is not None
    expected = np.asarray(FRAME) - [0, 1_700_000_000, 0]
    assert np.array_equal(found[spec.validation.name].x, expected.astype(np.float32))


def test_the_class_of_a_table_to_validate_on_is_the_column_of_the_training_classes(tmp_path: Path) -> None:
    frame = MadeFrame({"a": FRAME["a"], "ill": Y, "b": FRAME["b"], "c": FRAME["c"]})
    lines = [",".join(map(repr, row)) for row in np.asarray(frame).tolist()]
    (tmp_path / "t.csv").write_text("\n".join([",".join(frame.columns), *lines]) + "\n")

    spec, found = job_of(frame, "ill", tmp_path / "t.csv")

    assert spec.validation is not None
    assert np.array_equal(found[spec.validation.name].y, Y)


def test_names_of_columns_are_part_of_the_job_and_change_no_row() -> None:
    named, unnamed = MadeFrame({" age": X[:, 0], "size": X[:, 1]}), X[:, :2]
    files, others = ([file.digest for file in job_of(x, Y, clients=3)[0].all_files] for x in (named, unnamed))

    spec, _ = job_of(named, MadeFrame({"kind": Y}), clients=3)

    encoding = encoding_from_json(spec.encoding)
    assert ([column.name for column in encoding.columns], encoding.label) == (["age", "size"], "kind")
    assert encoding.is_plain  # so that the job can forget files
    assert files == others


def test_clients_without_names_are_taken_by_place() -> None:
    unnamed, given = np.asarray(FRAME)[:30], MadeFrame({name: TURNED[name][30:] for name in TURNED.columns})

    spec, found = job_of([unnamed, given, FRAME], [Y[:30], Y[30:], Y], (FRAME, Y))

    assert [column.name for column in encoding_from_json(spec.encoding).columns] == TURNED.columns
    assert np.array_equal(found[spec.files[2].name].x[:, 2], FRAME["a"].astype(np.float32))


def test_other_columns_than_those_of_the_training_are_refused_by_name(tmp_path: Path) -> None:
    other = MadeFrame({"d": FRAME["a"], "b": FRAME["b"], "c": FRAME["c"]})
    (tmp_path / "t.csv").write_text("a,b,c,kind\n1,x,2,0\n3,y,4,1\n5,x,6,0\n7,y,8,1\n")

    with pytest.raises(BadInput, match="the validation data: column 'a' is missing; expected a, b, c"):
        job_of(FRAME, Y, (other, Y))
    with pytest.raises(BadInput, match="x of client 1: has other columns than another client, first 'a'"):
        job_of([FRAME, other], [Y, Y])
    with pytest.raises(BadInput, match="the validation data: are not a table like the training data, which hold words"):
        job_of(tmp_path / "t.csv", None, (FRAME, Y))


def test_files_and_folders_are_taken_as_the_command_line_takes_them(tmp_path: Path) -> None:
    tiny = write_tiny(tmp_path)

    spec, _ = job_of(str(tiny), None, "validate_letters.txt")
    divided, _ = job_of(tiny, None, "validate_letters.txt", clients=3, partition=Dirichlet(0.5))

    assert {file.name for file in spec.files} < {path.name for path in tiny.iterdir()}
    assert len(divided.files) == 3
    assert sum(file.rows for file in divided.files) == sum(file.rows for file in spec.files)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X,), "y: is missing: give the class of each row"),
        ((X, Y[:5]), r"y: is an array of \(5,\), expected a class for each of 60 rows"),
        ((X, [None] * 60), "y: has rows without a class"),
        ((X, np.where(Y == 0, np.nan, 1.0)), "y: has rows without a class, NaN: leave them out"),
        ((X, 0 * Y), "has only one class, '0', and nothing to tell it from"),
        ((X * np.nan, Y), "x: row 0 holds NaN"),
        ((X[:, 0], Y), r"x: is an array of \(60,\), expected \(rows, features\) or images"),
        ((np.array([["a"]] * 60), Y), "x: is <U1 of .*, not numbers: encode it"),
        (([X, X[:, :2]], [Y, Y]), "x: the clients' rows differ: 2 features, 3 features"),
        (([X, X], Y), "y: expected the classes of 2 clients"),
    ],
)
def test_bad_arrays_are_refused_with_their_place(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        job_of(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epoch": 3}, "epoch is not an option of a job; did you mean epochs?"),
        ({"validation": 0.2}, "validation is neither a path nor a pair"),
        ({"side": 7}, "side says how to read a file"),
        ({"clients": 3, "partition": [[0], [1]]}, "clients is 3, but the partition has the rows of 2"),
        ({"hidden": 0}, "--hidden is 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        job_of(X, Y, **options)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"partition": 3}, "partition is 3: expected a partitioner"),
        ({"clients": 0}, "--parts is 0, expected at least 1"),
        ({"clients": -1}, "--parts is -1, expected at least 1"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        job_of(X, Y, **given)


@pytest.mark.parametrize(
    ("callbacks", "metrics", "message"),
    [
        ([3], None, "callback 1 is 3, expected a function"),
        ([], 3, "metrics are a dict of functions"),
        ([], {"f1": 0.5}, "metric f1 is 0.5, expected a function"),
    ],
)
def test_what_cannot_be_called_is_refused_before_anything_is_trained(
    callbacks: Any, metrics: Any, message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        hooks_of(callbacks, metrics)
