"""No row that validates has a part in training: it is not among the files, the moments, the words or the offsets."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from roundelay.client.data_reader import read_data
from roundelay.client.errors import BadInput
from roundelay.client.job_input import JobInput
from roundelay.client.job_spec import make_spec
from roundelay.client.letter_files import read_input
from roundelay.client.private_data import agree_on
from roundelay.client.progress import SILENT
from roundelay.client.requests import DataOptions, TrainRequest
from roundelay.federation import replay
from roundelay.federation.private_data import PrivateFile, Publication
from roundelay.federation.settings import Settings
from roundelay.ml.readers.encoding import encoding_from_json
from roundelay.ml.readers.reading import Reading
from roundelay.ml.readers.site_schema import PartRows, SiteSchema
from roundelay.ml.worker import Worker

ROWS = "".join(f"{n},{n % 7},{n % 3}\n" for n in range(30))
HELD_OUT = "".join(f"{n + 900},{n},{n % 3}\n" for n in range(6))


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "a").write_text(ROWS)
    (folder / "validate.txt").write_text(HELD_OUT)
    return folder


def read_table(data: Path, validation: Path | None) -> JobInput:
    with ExitStack() as stack:
        request = TrainRequest(data, validation, data_options=DataOptions(dataset="csv", missing="mean"))
        return read_data(request, "csv", 0, stack, SILENT)


def test_a_placed_file_of_the_same_content_is_left_out_by_name(letters: Path) -> None:
    (letters / "copy.txt").write_text(HELD_OUT)

    found = read_input(letters, "validate.txt")

    assert [file.name for file in found.files] == ["a"]
    assert found.skipped == ("copy.txt (the validation file itself)",)


def test_placed_rows_that_also_validate_are_counted_by_file(letters: Path) -> None:
    (letters / "b").write_text(HELD_OUT.splitlines(keepends=True)[2] + ROWS)

    assert read_input(letters, "validate.txt").shared_rows == (0, 1)


@pytest.mark.parametrize("others", [True, False])
def test_a_private_file_of_the_same_content_is_left_out_by_name(others: bool) -> None:
    same, digest = PrivateFile("copy.txt", "bb" * 32, 90, 6), "bb" * 32
    mine = (same, PrivateFile("mine.txt", "aa" * 32, 99, 60)) if others else (same,)
    schema = SiteSchema("letters", "classification", (PartRows("mine.txt", 60),), 2, labels=("0", "1"))
    notes: list[str] = []
    answers = SimpleNamespace(found={"a:1": schema.to_bytes()}, problems={})
    access: Any = SimpleNamespace(ask=lambda _: answers, progress=SimpleNamespace(note=notes.append))
    published = (Publication("a:1", "letters", mine),)
    if not others:
        with pytest.raises(BadInput, match=r"a:1~copy\.txt at a:1 is the validation file itself"):
            agree_on(access, "wards", published, Reading(), digest)
        return

    agreed = agree_on(access, "wards", published, Reading(), digest)

    assert ([file.name for file in agreed.files], agreed.homes) == (["a:1~mine.txt"], ("a:1",))
    assert notes[0] == "not trained on, as it is the validation file itself: a:1~copy.txt at a:1"


def test_the_rows_that_validate_do_not_change_the_moments(letters: Path) -> None:
    def moments() -> bytes:
        found = read_input(letters, "validate.txt")
        spec = make_spec(Settings(hidden=(3,)), found, None, False)
        return replay.moments(spec, {digest: found.contents[digest][:] for digest in found.contents}, Worker())

    before = moments()
    (letters / "validate.txt").write_text(HELD_OUT.replace("90", "-7"))

    assert moments() == before


def test_words_and_means_come_from_the_rows_that_train(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "a,b,class\n" + "".join(f"{n},{'xy'[n % 2]},{n % 2}\n" for n in range(20)) + ",x,1\n"
    )
    (tmp_path / "v.csv").write_text("a,b,class\n5000,z,0\n7000,x,1\n")

    a, b = encoding_from_json(read_table(tmp_path / "t.csv", tmp_path / "v.csv").encoding).columns

    assert a.fill == np.arange(20).mean()
    assert b.words == ("x", "y")


def test_offsets_of_arrays_come_from_the_rows_that_train(tmp_path: Path) -> None:
    x = 1e9 + np.arange(8.0)[:, None]  # (n, 1)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=[0, 1] * 4, x_test=x - 900, y_test=[0, 1] * 4)
    with ExitStack() as stack:
        found = read_data(TrainRequest(tmp_path / "a.npz"), "npz", 0, stack, SILENT)
        (column,) = encoding_from_json(found.encoding).columns
        rows = found.validation_samples().x

    assert column.offset == 1e9
    assert rows[:, 0].tolist() == (np.arange(8) - 900).tolist()
