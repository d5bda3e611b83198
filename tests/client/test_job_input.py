"""What a job's files and an initial model must be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from roundelay.client import preparation
from roundelay.client.errors import BadInput, InvalidRequest
from roundelay.client.job_input import JobInput
from roundelay.client.job_spec import make_spec
from roundelay.client.letter_files import read_input
from roundelay.client.requests import TrainRequest
from roundelay.federation.settings import Settings
from roundelay.ml.design import Design
from roundelay.ml.errors import DataError
from roundelay.ml.models.catalogue import learner
from roundelay.ml.readers.encoding import EncodedColumn, Encoding
from roundelay.ml.readers.saved_model import SavedModel


@pytest.fixture
def given(tmp_path: Path) -> JobInput:
    (tmp_path / "a").write_text("1,2,0\n3,4,1\n")
    (tmp_path / "v.txt").write_text("5,6,1\n")
    columns = Encoding((EncodedColumn("age"), EncodedColumn("size")), "class", 2)
    return replace(read_input(tmp_path, "v.txt"), classes=2, labels=("no", "yes"), encoding=columns.to_json())


def test_letters_whose_digits_float32_does_not_hold_are_refused_with_the_option(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("".join(f"{n},{1_700_000_000 + n},{n % 3}\n" for n in range(20)))
    (tmp_path / "v.txt").write_text("1,1700000001,1\n")

    with pytest.raises(DataError, match=r"column 1 holds numbers near 1\.7e\+09 .*--dataset csv"):
        read_input(tmp_path, "v.txt")


@pytest.mark.parametrize(
    ("labels", "columns", "complaint"),
    [
        (("yes", "no"), ("age", "size"), "the model has the classes yes, no, this job has no, yes"),
        (("no", "yes"), ("size", "age"), "the model's columns differ from the job's, first 'size'"),
    ],
)
def test_a_model_of_other_classes_or_columns_is_not_continued(
    given: JobInput, labels: tuple[str, ...], columns: tuple[str, ...], complaint: str
) -> None:
    design = Design((2, 3, 2))
    encoding = Encoding(tuple(map(EncodedColumn, columns)), "class", 2)
    initial = SavedModel(design, learner(design).init_weights(0), None, labels, encoding)

    with pytest.raises(DataError, match=complaint):
        make_spec(Settings(hidden=(3,)), given, initial, False)


@pytest.mark.parametrize("named", [("age", "size"), ("", "")])
def test_a_model_is_continued_on_its_columns_and_on_rows_without_names(given: JobInput, named: tuple[str, str]) -> None:
    design, unnamed = Design((2, 3, 2)), Encoding((EncodedColumn("", None, 5.0), EncodedColumn("")))
    initial = SavedModel(
        design, learner(design).init_weights(0), None, ("no", "yes"), Encoding(tuple(map(EncodedColumn, named)))
    )

    for encoding in (given.encoding, unnamed.to_json(), ""):
        assert make_spec(Settings(hidden=(3,)), replace(given, encoding=encoding), initial, False).initial


def test_batches_that_are_too_small_for_a_model_are_told_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "learner", lambda design: SimpleNamespace(least_rows=2))
    for name, rows in (("a", 8), ("b", 9), ("held_out", 3)):
        (tmp_path / name).write_text("".join(f"{row},2,{row % 3}\n" for row in range(rows)))
    notes: list[str] = []
    progress: Any = SimpleNamespace(note=notes.append, bar=lambda name: lambda done, total: None)

    def prepare(batch: int) -> None:
        request = TrainRequest(tmp_path, tmp_path / "held_out", {"batch": batch, "hidden": (5,)})
        preparation.prepare(request, progress).close()

    prepare(4)
    assert "mlp needs batches of at least 2 rows; in 1 file the last batch is smaller and is not trained" in notes
    with pytest.raises(InvalidRequest, match="mlp needs batches of at least 2 rows, and --batch is 1"):
        prepare(1)
    (tmp_path / "c").write_text("1,2,0\n")
    with pytest.raises(BadInput, match="mlp needs batches of at least 2 rows, and c has 1"):
        prepare(4)
