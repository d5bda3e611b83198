"""The data directory: a content is given by name and digest, and nothing outside is ever opened."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from roundelay.chord.errors import Corrupt
from roundelay.node.data_directory import DataDirectory
from roundelay.store.store import Store

CONTENT = b"1,2,3,0\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    (made / "a").write_bytes(CONTENT)
    return made


def surveyed(directory: Path | None) -> DataDirectory:
    shelf = DataDirectory(directory)
    shelf.scan()
    return shelf


def test_a_file_is_found_by_its_name_and_digest(directory: Path) -> None:
    assert surveyed(directory).content("a", DIGEST) == CONTENT


def test_the_right_name_with_another_digest_is_another_file(directory: Path) -> None:
    assert surveyed(directory).content("a", "0" * 64) is None


def test_the_right_digest_under_another_name_is_not_looked_for(directory: Path) -> None:
    assert surveyed(directory).content("b", DIGEST) is None


def test_without_a_directory_there_is_nothing(directory: Path) -> None:
    assert surveyed(None).content("a", DIGEST) is None


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", ".", "", "a\0", "sub/a"])
def test_a_name_is_looked_up_and_never_walked(name: str, directory: Path) -> None:
    (directory.parent / "secret").write_bytes(CONTENT)
    (directory / "sub").mkdir()
    (directory / "sub" / "a").write_bytes(CONTENT)

    assert surveyed(directory).content(name, DIGEST) is None


def test_a_symbolic_link_is_not_followed(directory: Path) -> None:
    (directory.parent / "secret").write_bytes(CONTENT)
    (directory / "link").symlink_to(directory.parent / "secret")

    shelf = surveyed(directory)

    assert shelf.content("link", DIGEST) is None
    assert set(shelf._digests) == {"a"}  # it was not even read


def test_a_file_that_has_become_a_link_since_is_not_followed(directory: Path) -> None:
    shelf = surveyed(directory)
    (directory.parent / "secret").write_bytes(CONTENT)
    (directory / "a").unlink()
    (directory / "a").symlink_to(directory.parent / "secret")

    assert shelf.content("a", DIGEST) is None


def test_a_file_that_has_become_a_pipe_since_holds_nobody_up(directory: Path) -> None:
    shelf = surveyed(directory)
    (directory / "a").unlink()
    os.mkfifo(directory / "a")

    assert shelf.content("a", DIGEST) is None


def test_a_file_that_has_gone_since_is_not_there(directory: Path) -> None:
    shelf = surveyed(directory)
    (directory / "a").unlink()

    assert shelf.content("a", DIGEST) is None


def test_a_file_that_has_changed_since_is_not_taken_in(directory: Path) -> None:
    shelf, store = surveyed(directory), Store(lambda: 0.0)
    (directory / "a").write_bytes(b"other bytes")
    content = shelf.content("a", DIGEST)
    assert content is not None

    with pytest.raises(Corrupt):
        store.stage(DIGEST, content)

    assert not store.has(DIGEST)


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        surveyed(tmp_path / "nowhere")
