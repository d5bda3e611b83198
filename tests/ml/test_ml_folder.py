"""The choice of training files in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from roundelay.ml.errors import DataError, InputMissing
from roundelay.ml.readers import folder
from roundelay.ml.readers.folder import find_validation, list_training_files, read_file
from roundelay.ml.readers.limits import Limits


def fill(directory: Path, *names: str) -> Path:
    for name in names:
        (directory / name).write_text("1,2,0\n")
    return directory


def names(paths: tuple[Path, ...]) -> list[str]:
    return [path.name for path in paths]


def test_training_files_end_in_txt_or_csv_or_have_no_extension(tmp_path: Path) -> None:
    fill(tmp_path, "b.txt", "a", "c.CSV", "README.md", "make.py", ".hidden", "d.csv.gz")
    (tmp_path / "sub").mkdir()

    listing = list_training_files(tmp_path, None)

    assert names(listing.files) == ["a", "b.txt", "c.CSV"]
    assert listing.skipped == ("README.md", "d.csv.gz", "make.py")
    assert listing.files[0] == tmp_path / "a"


def test_the_validation_file_is_never_trained_on(tmp_path: Path) -> None:
    fill(tmp_path, "a", "held-out.txt")

    listing = list_training_files(tmp_path, tmp_path / "held-out.txt")

    assert names(listing.files) == ["a"]
    assert listing.skipped == ()


def test_a_file_of_the_same_name_or_a_link_to_it_is_not_trained_on(tmp_path: Path) -> None:
    inside = tmp_path / "letters"
    inside.mkdir()
    fill(inside, "a", "held-out.txt")
    fill(tmp_path, "held-out.txt")
    os.link(tmp_path / "held-out.txt", inside / "other.txt")

    listing = list_training_files(inside, tmp_path / "held-out.txt")

    assert names(listing.files) == ["a"]


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    inside = tmp_path / "letters"
    inside.mkdir()
    fill(inside, "a")
    fill(tmp_path, "secret.txt")
    (inside / "link.txt").symlink_to(tmp_path / "secret.txt")
    (inside / "loop").symlink_to(inside)
    (inside / "broken.csv").symlink_to(tmp_path / "nothing")

    listing = list_training_files(inside, None)

    assert names(listing.files) == ["a"]
    assert listing.skipped == tuple(f"{name} (a symbolic link)" for name in ("broken.csv", "link.txt", "loop"))


def test_a_folder_without_data_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, "README.md", "held-out.txt")

    with pytest.raises(DataError, match="holds no training file") as caught:
        list_training_files(tmp_path, tmp_path / "held-out.txt")

    assert str(caught.value).startswith(str(tmp_path)[:20])


@pytest.mark.parametrize("missing", ["nothing", "a"])
def test_a_missing_folder_is_missing_input(tmp_path: Path, missing: str) -> None:
    fill(tmp_path, "a")

    with pytest.raises(InputMissing, match=missing):
        list_training_files(tmp_path / missing, None)


@pytest.mark.parametrize("name", ["new\nline", "esc\x1b[31m", "tab\t.txt", "del\x7f", "bidi\u202e.txt"])
def test_names_that_cannot_be_printed_are_refused(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "a", name)

    with pytest.raises(DataError) as caught:
        list_training_files(tmp_path, None)

    assert str(caught.value).isprintable()


def test_names_of_undecodable_bytes_are_refused(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.txt"))).write_text("1,2,0\n")

    with pytest.raises(DataError) as caught:
        list_training_files(tmp_path, None)

    assert str(caught.value).isprintable()


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "FILES_MAX", 2)

    with pytest.raises(DataError, match="more than 2"):
        list_training_files(fill(tmp_path, "a", "b", "c"), None)


def test_the_validation_file_is_sought_at_its_path_then_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "letters"
    inside.mkdir()
    monkeypatch.chdir(tmp_path)
    fill(inside, "v.txt")

    assert find_validation("v.txt", Path("letters")) == Path("letters/v.txt")
    fill(tmp_path, "v.txt")
    assert find_validation("v.txt", Path("letters")) == Path("v.txt")
    assert find_validation(str(inside / "v.txt"), Path("elsewhere")) == inside / "v.txt"


@pytest.mark.parametrize("given", ["nothing.txt", "letters", "nul\0.txt", "x" * 5000])
def test_a_missing_validation_file_is_missing_input(tmp_path: Path, given: str) -> None:
    (tmp_path / "letters").mkdir()

    with pytest.raises(InputMissing) as caught:
        find_validation(given, tmp_path)

    assert str(caught.value).isprintable()


def test_a_files_bytes_are_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\0\r\n1")

    assert read_file(tmp_path / "a") == b"\0\r\n1"


def test_a_special_file_or_one_too_large_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, "a")
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(InputMissing):
        read_file(tmp_path / "nothing")
    with pytest.raises(InputMissing):
        read_file(tmp_path / "nul\0")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises((DataError, InputMissing)):
            read_file(path)
    with pytest.raises(DataError, match="larger than 2 bytes: raise --max-file-bytes"):
        read_file(tmp_path / "a", Limits(2))
