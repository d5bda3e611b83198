"""The split of the original UCI file into the format of the letters that ship."""

from __future__ import annotations

from pathlib import Path

import pytest

from letters_generator.files import ROWS, file_names
from letters_generator.fonts import CAPITALS
from letters_generator.split import SALT, main, read_original

NAMES = file_names(SALT)


def original_lines() -> list[str]:
    """Return a file with as many rows as the original, in its format."""
    return [
        ",".join([CAPITALS[index % 26], *(str((index + field) % 16) for field in range(16))]) for index in range(ROWS)
    ]


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="")
    return path


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return written(tmp_path / "letter-recognition.data", original_lines())


def test_the_letter_moves_to_the_end_as_a_number_and_the_order_stays(original: Path) -> None:
    rows = read_original(original)

    assert rows[27] == [(27 + field) % 16 for field in range(16)] + [1]
    assert [row[-1] for row in rows] == [index % 26 for index in range(ROWS)]


def test_split_writes_33_files_of_500_rows_and_the_last_3500_for_validation(
    original: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "folder"

    assert main([str(original), "--out", str(out)]) == 0

    assert capsys.readouterr().out == f"{out}: 34 files, {ROWS} rows of {original}\n"
    assert {path.name for path in out.iterdir()} == set(NAMES)
    assert [len((out / name).read_bytes().splitlines()) for name in NAMES] == [500] * 33 + [3500]
    first, last = ((out / name).read_bytes() for name in (NAMES[0], NAMES[-1]))
    assert first.startswith(b"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,0\r\n")
    assert last.endswith(b"15,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,%d\n" % ((ROWS - 1) % 26))


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("T,2,8,3", ": expected 17 fields (a letter, then integers), found 4"),
        ("", ": expected 17 fields (a letter, then integers), found 1"),
        ("t" + ",1" * 16, ", field 1: 't' is not a capital letter A to Z"),
        ("19" + ",1" * 16, ", field 1: '19' is not a capital letter A to Z"),
        ("T,16" + ",1" * 15, ", field 2 (x-box): '16' is not an integer 0 to 15"),
        ("T,1,-1" + ",1" * 14, ", field 3 (y-box): '-1' is not an integer 0 to 15"),
        ("T" + ",1" * 15 + ",nan", ", field 17 (yegvx): 'nan' is not an integer 0 to 15"),
        ("T" + ",1" * 15 + ",", ", field 17 (yegvx): '' is not an integer 0 to 15"),
        ("T" + ",1" * 15 + ",\0" + "9" * 99, ", field 17 (yegvx): '\\x00" + "9" * 19 + "' is not"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line_and_nothing_is_written(
    row: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = original_lines()
    lines[2] = row
    bad = written(tmp_path / "bad.data", lines)

    assert main([str(bad), "--out", str(tmp_path / "out")]) == 65

    message = capsys.readouterr().err
    assert message.count("\n") == 1 and f"{bad}: line 3{complaint}" in message
    assert not (tmp_path / "out").exists()


def test_too_few_and_too_many_rows_are_bad_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = original_lines()
    for kept in ([], lines[:-1], [*lines, lines[0]]):
        assert main([str(written(tmp_path / "some.data", kept)), "--out", str(tmp_path / "out")]) == 65
        assert capsys.readouterr().err.endswith(f"some.data: {len(kept)} rows, expected {ROWS}\n")


def test_line_ends_of_other_systems_and_empty_lines_at_the_end_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "dos.data"
    path.write_bytes(("\r\n".join(original_lines()) + "\r\n\r\n").encode())

    assert len(read_original(path)) == ROWS


@pytest.mark.parametrize("content", [bytes(range(256)) * 8, b"\0" * (5 << 20)], ids=["binary", "huge"])
def test_a_file_that_is_not_the_original_is_bad_data(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.data"
    path.write_bytes(content)

    assert main([str(path), "--out", str(tmp_path / "out")]) == 65


def test_a_missing_file_and_a_folder_in_its_place_exit_with_66(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing.data"

    assert main([str(missing), "--out", str(tmp_path / "out")]) == 66
    assert capsys.readouterr().err == f"letters_generator.split: {missing}: No such file or directory\n"
    assert main([str(tmp_path), "--out", str(tmp_path / "out")]) == 66


def test_a_folder_with_other_files_is_refused_and_left_alone(
    original: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("a", "b", "c", "notes.md", NAMES[0]):
        (out / name).touch()

    assert main([str(original), "--out", str(out)]) == 73

    assert f"{out} holds a, b, c and 1 more, which would mix" in capsys.readouterr().err
    assert (out / NAMES[0]).read_bytes() == b""


def test_a_folder_that_holds_only_an_earlier_split_is_written_again(original: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    main([str(original), "--out", str(out)])
    before = (out / NAMES[0]).read_bytes()
    (out / NAMES[0]).write_bytes(b"half a fi")

    assert main([str(original), "--out", str(out)]) == 0
    assert (out / NAMES[0]).read_bytes() == before


def test_a_folder_that_cannot_be_made_exits_with_73(original: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = original / "below a file"

    assert main([str(original), "--out", str(out)]) == 73
    assert capsys.readouterr().err == f"letters_generator.split: {out}: Not a directory\n"


def test_a_file_in_the_place_of_the_folder_is_refused(original: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(original), "--out", str(original)]) == 73
    assert capsys.readouterr().err == f"letters_generator.split: {original}: Not a directory\n"
