"""A node opens the stores of earlier releases, keeps what is in them, and refuses those of later ones in one line."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from roundelay.node import store_format
from roundelay.node.disk import Disk
from roundelay.node.errors import DiskError
from roundelay.store.blobs import digest_of
from tests.formats_folder import FORMATS

CONTENT = b"rows of numbers\n" * 3
LEASED_AT = 4e9


def opened(path: Path) -> Disk:
    disk = Disk(path, wall_clock=lambda: LEASED_AT)
    disk.open()
    return disk


def format_of(path: Path) -> int:
    database = sqlite3.connect(path)
    (found,) = database.execute("PRAGMA user_version").fetchone()
    database.close()
    return int(found)


@pytest.fixture(params=sorted(FORMATS.glob("store-*.sqlite")), ids=lambda path: path.stem)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copy(request.param, tmp_path / "store.sqlite"))


def test_a_new_store_has_the_format_of_this_release(tmp_path: Path) -> None:
    opened(tmp_path / "store.sqlite").close()

    assert format_of(tmp_path / "store.sqlite") == store_format.FORMAT == len(store_format.MIGRATIONS)


def test_a_store_of_each_format_is_kept_for_these_tests() -> None:
    kept = [format_of(path) for path in sorted(FORMATS.glob("store-*.sqlite"))]

    assert kept == list(range(store_format.FORMAT + 1))


def test_the_contents_and_items_of_an_earlier_release_are_there(old: Path) -> None:
    disk = opened(old)
    (item,), piece = disk.items(), disk.piece(digest_of(CONTENT), 0, 100)
    disk.close()

    assert (item.entry.name, item.entry.key, item.version, item.signature) == ("cat.txt", 5, 7, b"")
    assert piece == CONTENT
    assert format_of(old) == store_format.FORMAT


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(shutil.copy(FORMATS / "store-0.sqlite", tmp_path / "store.sqlite"))

    def fail(database: sqlite3.Connection) -> None:
        database.execute("DELETE FROM item")
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(store_format, "MIGRATIONS", (fail,))
        with pytest.raises(DiskError, match="disk is full"):
            opened(path)
    assert format_of(path) == 0

    disk = opened(path)
    assert [item.entry.name for item in disk.items()] == ["cat.txt"]
    disk.close()


def test_a_store_of_a_later_release_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    opened(path).close()
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {store_format.FORMAT + 1}")
    database.close()

    with pytest.raises(DiskError, match=f"has format {store_format.FORMAT + 1}, and this release reads formats up to"):
        opened(path)
