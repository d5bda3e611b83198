"""The letters that ship: their format and difficulty, and the reproducibility of their bytes."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from letters_generator import make
from letters_generator.files import ROWS, file_names, lay_out

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "letters"
COURSE = ROOT.parent / "shared" / "data"

ROW = re.compile(rb"((?:\d|1[0-5]),){16}(?:\d|1\d|2[0-5])")


def training_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.suffix)


def table(*paths: Path) -> NDArray[np.int64]:
    return np.vstack([np.loadtxt(path, np.int64, delimiter=",") for path in paths])  # (rows, 17)


def line_ends(content: bytes) -> bytes:
    """Return the common line end of all lines; the last one may lack it."""
    ends = {re.sub(rb"[^\r\n]", b"", line) for line in content.splitlines(keepends=True)} - {b""}
    assert len(ends) == 1
    return ends.pop()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_33_files_of_500_rows_and_3500_validation_rows_ship() -> None:
    training = training_files(SHIPPED)

    assert [len(path.read_bytes().splitlines()) for path in training] == [500] * 33
    assert len((SHIPPED / "validate_letters.txt").read_bytes().splitlines()) == 3500


def test_every_row_has_16_values_to_15_and_a_class_to_25() -> None:
    for path in [*training_files(SHIPPED), SHIPPED / "validate_letters.txt"]:
        content = path.read_bytes()
        assert all(ROW.fullmatch(line) for line in content.splitlines())
        assert content.endswith(b"\n")


def test_the_folder_holds_nothing_but_data() -> None:
    assert {path.name for path in SHIPPED.iterdir() if path.is_file()} == set(file_names("letters 0"))


def test_file_names_are_opaque_and_differ_from_those_of_the_split_original() -> None:
    names = file_names("letters 0")[:-1]

    assert all(re.fullmatch("[0-9A-Za-z]{10}", name) for name in names)
    assert not set(names) & set(file_names("letter-recognition.data")[:-1])
    if COURSE.exists():
        assert not set(names) & {path.name for path in training_files(COURSE / "letters")}


@pytest.mark.skipif(not COURSE.exists(), reason="the files of the course project are not here")
def test_line_ends_match_the_course_project() -> None:
    theirs = {line_ends(path.read_bytes()) for path in training_files(COURSE / "letters")}
    ours = {line_ends(path.read_bytes()) for path in training_files(SHIPPED)}

    assert ours == theirs
    assert line_ends((SHIPPED / "validate_letters.txt").read_bytes()) == line_ends(
        (COURSE / "validate_letters.txt").read_bytes()
    )


def test_classes_are_about_equally_frequent_in_training_and_validation() -> None:
    for rows in (table(*training_files(SHIPPED)), table(SHIPPED / "validate_letters.txt")):
        counts = np.bincount(rows[:, -1], minlength=26)  # (26,)
        expected = len(rows) / 26
        assert np.all(np.abs(counts - expected) < 4 * np.sqrt(expected))  # four standard deviations


def test_every_attribute_uses_its_whole_range() -> None:
    rows = table(*training_files(SHIPPED), SHIPPED / "validate_letters.txt")[:, :16]  # (20000, 16)

    assert np.all(rows.min(axis=0) == 0) and np.all(rows.max(axis=0) == 15)
    assert np.all(rows.std(axis=0) > 1)


def test_the_letters_are_as_hard_as_the_original_for_a_nearest_neighbour() -> None:
    training = table(*training_files(SHIPPED)).astype(np.float32)  # (16500, 17)
    asked = table(SHIPPED / "validate_letters.txt")[:1000].astype(np.float32)  # (1000, 17)
    known, x = training[:, :16], asked[:, :16]

    distance = np.square(known).sum(axis=1) - 2 * x @ known.T  # (1000, 16500), but for |x|^2
    error = np.mean(training[distance.argmin(axis=1), -1] != asked[:, -1])

    assert 0.03 <= error <= 0.08  # 0.042 on the original


def test_files_hold_the_rows_in_their_order() -> None:
    rows = [[index % 16] * 16 + [index % 26] for index in range(ROWS)]

    contents = lay_out(rows, "any salt")

    lines = b"".join(contents[name] for name in file_names("any salt")).decode().splitlines()
    assert [list(map(int, line.split(","))) for line in lines] == rows


def test_making_the_letters_again_gives_the_same_bytes() -> None:
    pytest.importorskip("HersheyFonts", reason="Hershey-Fonts is needed to draw letters")

    made = {name: sha256(content) for name, content in make.make(seed=0).items()}

    assert made == {name: sha256((SHIPPED / name).read_bytes()) for name in file_names("letters 0")}


def test_another_seed_gives_other_letters() -> None:
    pytest.importorskip("HersheyFonts", reason="Hershey-Fonts is needed to draw letters")

    one, same, other = (make.draw_rows(seed, rows=50) for seed in (1, 1, 2))

    assert one == same != other
    assert not set(file_names("letters 1")[:-1]) & set(file_names("letters 2")[:-1])
    assert max(Counter(row[-1] for row in one).values()) < 25


def test_make_refuses_a_folder_with_other_letters_before_it_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "oldLetters").touch()
    monkeypatch.setattr(make, "draw_rows", lambda seed, rows: pytest.fail("drew letters"))

    assert make.main(["--out", str(tmp_path)]) == 73
    assert capsys.readouterr().err.startswith(f"letters_generator.make: {tmp_path} holds oldLetters, which would mix")


def test_make_overwrites_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "draw_rows", lambda seed, rows: [[seed % 16] * 17] * rows)

    assert [make.main(["--out", str(tmp_path), "--seed", "3"]) for _ in range(2)] == [0, 0]
    assert {path.name for path in tmp_path.iterdir()} == set(file_names("letters 3"))


@pytest.mark.parametrize("argv", [["--seed", "-1"], ["--seed", "x"], ["--colour"], ["stray"]])
def test_wrong_usage_of_make_prints_one_line_and_exits_with_64(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        make.main(argv)

    assert exit_.value.code == 64
    assert capsys.readouterr().err.count("\n") == 1
