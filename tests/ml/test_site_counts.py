"""Counts of a site's values: one answer for each column of a file, whatever a job says of the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roundelay.ml import cells
from roundelay.ml.cells import Cells
from roundelay.ml.errors import BadTask, DataError
from roundelay.ml.readers import site, site_counts
from roundelay.ml.readers.encoding import EncodedColumn, Encoding
from roundelay.ml.readers.reading import Reading
from roundelay.ml.task import ROWS_MAX

ROWS = 60


def agreed(*names: str) -> str:
    """Return an encoding with these columns of numbers; "": the table has no names."""
    return Encoding(tuple(EncodedColumn(name) for name in names), "class", len(names)).to_json()


def count(folder: Path, reading: Reading) -> list[Cells]:
    (name,) = [each.name for each in folder.iterdir()]
    (found,) = site_counts.count_values(folder, {name: 0}, reading)
    return found


def write(folder: Path, *lines: str, name: str = "t.csv") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder


def test_numbers_that_a_job_calls_words_are_not_counted_in_the_order_of_the_words(tmp_path: Path) -> None:
    """Cells of the same rows in another order would tell of the rows between."""
    site_data = write(tmp_path / "s", "age,class", *(f"{(7 * n) % 10},{'ab'[n % 2]}" for n in range(ROWS)))
    reading = Reading(encoding=agreed("age"))

    assert count(site_data, reading)[0].rows == ROWS
    with pytest.raises(BadTask, match="column 'age' holds words"):
        count(site_data, replace(reading, categorical=("age",)))


@pytest.mark.parametrize("names", [("height",), ("age", "age", "")])
def test_columns_that_a_site_does_not_have_are_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    site_data = write(tmp_path / "s", "age,class", *(f"{n},{'ab'[n % 2]}" for n in range(ROWS)))

    with pytest.raises(BadTask, match="no such column"):
        count(site_data, Reading(encoding=agreed(*names)))


def test_of_many_files_fewer_columns_are_counted_so_that_the_answer_is_not_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["a,b,c,class", *(f"{n},{n * n},{n % 7},{'xy'[n % 2]}" for n in range(ROWS))]
    reading = Reading(encoding=agreed("a", "b", "c"))
    files = {f"t{number}.csv": number for number in range(4)}
    for name in files:
        write(tmp_path / "s", *rows, name=name)
    monkeypatch.setattr(cells, "BYTES_MAX", 2 * 4 * cells.COLUMN_BYTES + 1)

    found = site_counts.count_values(tmp_path / "s", files, reading)
    (alone,) = site_counts.count_values(tmp_path / "s", {"t0.csv": 0}, reading)

    assert [len(columns) for columns in found] == [2] * 4 and len(alone) == 3
    assert found[0] == alone[:2], "a column has the same answer beside others and alone"


def test_the_largest_answer_about_a_column_has_no_more_bytes_than_are_reckoned_with() -> None:
    edges = tuple(-2.2250738585072014e-308 for _ in range(cells.CELLS_MAX - 1))

    told = cells.to_bytes([[Cells(ROWS_MAX, edges, (ROWS_MAX,) * cells.CELLS_MAX)]])

    assert 0.9 * cells.COLUMN_BYTES < len(told) <= cells.COLUMN_BYTES


def test_a_column_has_the_same_cells_whether_it_is_a_feature_or_the_target(tmp_path: Path) -> None:
    """Float32 moves a value over the edge of a cell."""
    values = [0.5 - 1e-12] * 5 + np.linspace(0, 1, ROWS - 5).tolist()
    site_data = write(tmp_path / "s", "dose,age,class", *(f"{v!r},{n},{n % 2}.5" for n, v in enumerate(values)))

    feature, _, _ = count(site_data, Reading(encoding=agreed("dose", "age"), label="class", task="regression"))
    _, _, target = count(site_data, Reading(encoding=agreed("age", "class"), label="dose", task="regression"))

    assert feature == target and len(feature.counts) > 5


def test_values_are_counted_only_as_the_kind_that_the_data_look_like(tmp_path: Path) -> None:
    """The letters are float32, a table's numbers are not."""
    rows = [f"{n / 7!r},{n % 26}" for n in range(ROWS)]
    letters, words = write(tmp_path / "l", *rows), write(tmp_path / "w", *(f"{row}th" for row in rows))
    table = Reading(dataset="csv", encoding=agreed(""))

    assert count(letters, Reading())[0].counts
    assert count(letters, table) == [Cells(ROWS)]
    assert count(words, table)[0].counts, "these can be read as a table only"
    file = letters / "t.csv"
    assert site_counts.count_values(file, {file.name: 0}, table)[0][0].counts
    assert site_counts.count_values(file, {file.name: 0}, Reading(dataset="letters")) == [[Cells(ROWS)]]


def test_pixels_are_counted_at_one_size_only(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for name in "ab":
        (tmp_path / name).mkdir()
        for n in range(10):
            image.fromarray(np.full((4, 4), 9 * n, np.uint8)).save(tmp_path / name / f"{n}.png")
    (part,) = [each.name for each in site.describe(tmp_path, {}, Reading()).parts]

    def counted(reading: Reading) -> list[Cells]:
        return site_counts.count_values(tmp_path, {part: 0}, reading)[0]

    assert all(each.counts for each in counted(Reading()))
    assert counted(Reading(side=3)) == [Cells(20)] * 9
    assert counted(Reading(side=1, colour=True)) == [Cells(20)] * 3


@pytest.mark.parametrize(("first", "decimal"), [("0.5", "comma"), ("1,234", "point"), ("0,5", "point")])
def test_no_row_becomes_names_because_a_job_says_how_decimals_are_written(
    first: str, decimal: str, tmp_path: Path
) -> None:
    site_data = write(tmp_path / "s", f"{first};a", *(f"{n};{'ab'[n % 2]}" for n in range(ROWS)))
    reading = Reading(decimal=decimal)

    with pytest.raises(DataError, match="holds a file without a header"):
        site.describe(site_data, {}, reading)
    assert not count(site_data, replace(reading, encoding=agreed(first)))[0].counts


@pytest.mark.parametrize("missing", ["refuse", "zero", "mean"])
def test_a_description_tells_how_often_words_and_numbers_occur_only_if_gaps_are_filled_by_it(
    missing: str, tmp_path: Path
) -> None:
    """A job chooses which rows are held out: exact counts of two sets of rows tell of the rows between."""
    lines = (f"{n},{10_000_000 + n % 7},{'uv'[n % 2]},{'ab'[n % 3 > 0]}" for n in range(ROWS))
    site_data = write(tmp_path / "s", "age,seen,ward,class", *lines)

    age, seen, ward = site.describe(site_data, {}, Reading(missing=missing)).columns

    assert (seen.low, seen.high) == (10_000_000, 10_000_006), "float32 would lose digits"
    counted = (age.count, age.total > 0, seen.count, seen.total > 0, dict(ward.words))
    told = (ROWS, True, ROWS, True, {"u": ROWS // 2, "v": ROWS // 2})
    assert counted == (told if missing == "mean" else (0, False, 0, False, {"u": 1, "v": 1}))


def test_a_decimal_mark_that_the_file_shows_changes_no_answer(tmp_path: Path) -> None:
    site_data = write(tmp_path / "s", "dose;age;class", *(f"{n},5;{n};{'ab'[n % 2]}" for n in range(ROWS)))
    reading = Reading(encoding=agreed("dose", "age"))

    assert count(site_data, replace(reading, decimal="comma")) == count(site_data, reading)
    assert count(site_data, reading)[0].counts
