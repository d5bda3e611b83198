"""Tests of the data directory: a content is found by name and digest, and no file outside is ever opened."""

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


def scanned(directory: Path | None) -> DataDirectory:
    shelf = DataDirectory(directory)
    shelf.scan()
    return shelf


def test_a_file_is_found_by_its_name_and_digest(directory: Path) -> None:
    assert scanned(directory).content("a", DIGEST) == CONTENT


def test_a_file_with_another_digest_is_not_returned(directory: Path) -> None:
    assert scanned(directory).content("a", "0" * 64) is None


def test_a_file_is_not_found_under_another_name(directory: Path) -> None:
    assert scanned(directory).content("b", DIGEST) is None


def test_without_a_directory_no_file_is_found(directory: Path) -> None:
    assert scanned(None).content("a", DIGEST) is None


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", ".", "", "a\0", "sub/a"])
def test_a_name_that_is_a_path_is_not_found(name: str, directory: Path) -> None:
    (directory.parent / "secret").write_bytes(CONTENT)
    (directory / "sub").mkdir()
    (directory / "sub" / "a").write_bytes(CONTENT)

    assert scanned(directory).content(name, DIGEST) is None


def test_a_symbolic_link_is_not_followed(directory: Path) -> None:
    (directory.parent / "secret").write_bytes(CONTENT)
    (directory / "link").symlink_to(directory.parent / "secret")

    shelf = scanned(directory)

    assert shelf.content("link", DIGEST) is None
    assert set(shelf._digests) == {"a"}  # it was not even read


def test_a_file_replaced_by_a_link_after_the_scan_is_not_followed(directory: Path) -> None:
    shelf = scanned(directory)
    (directory.parent / "secret").write_bytes(CONTENT)
    (directory / "a").unlink()
    (directory / "a").symlink_to(directory.parent / "secret")

    assert shelf.content("a", DIGEST) is None


def test_a_file_replaced_by_a_pipe_after_the_scan_does_not_block(directory: Path) -> None:
    shelf = scanned(directory)
    (directory / "a").unlink()
    os.mkfifo(directory / "a")

    assert shelf.content("a", DIGEST) is None


def test_a_file_deleted_after_the_scan_is_not_found(directory: Path) -> None:
    shelf = scanned(directory)
    (directory / "a").unlink()

    assert shelf.content("a", DIGEST) is None


def test_a_file_changed_after_the_scan_is_refused(directory: Path) -> None:
    shelf, store = scanned(directory), Store(lambda: 0.0)
    (directory / "a").write_bytes(b"other bytes")
    content = shelf.content("a", DIGEST)
    assert content is not None

    with pytest.raises(Corrupt):
        store.stage(DIGEST, content)

    assert not store.has(DIGEST)


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        scanned(tmp_path / "nowhere")
