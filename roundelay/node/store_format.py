"""The format of a node's store on the disk: its tables, its version, and the migration from earlier formats."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from roundelay.node.errors import DiskError

FORMAT = 1  # SQLite's user_version; raise it when the tables change, and add the step to MIGRATIONS
_TABLES = (
    "CREATE TABLE IF NOT EXISTS content (digest TEXT PRIMARY KEY, size INTEGER NOT NULL) STRICT",
    """CREATE TABLE IF NOT EXISTS piece (
    digest TEXT NOT NULL, number INTEGER NOT NULL, checksum BLOB NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (digest, number)) STRICT""",
    """CREATE TABLE IF NOT EXISTS item (
    key TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
    version INTEGER NOT NULL, deleted INTEGER NOT NULL, until REAL NOT NULL, signature BLOB NOT NULL DEFAULT (x''),
    PRIMARY KEY (key, name, digest, size)) STRICT""",
)


def prepare(database: sqlite3.Connection, path: Path) -> None:
    """Create the tables of a new store, or migrate those of an earlier release.

    One transaction: if a step fails, the store stays as it was. Raises DiskError if a later release has written it.
    """
    (found,) = database.execute("PRAGMA user_version").fetchone()
    if found > FORMAT:
        raise DiskError(
            f"{path} has format {found}, and this release reads formats up to {FORMAT}: "
            "use the release that wrote it, or another --state-dir"
        )
    if found == FORMAT:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        _upgrade(database, found)
        database.execute(f"PRAGMA user_version = {FORMAT}")
        database.execute("COMMIT")
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")


def _upgrade(database: sqlite3.Connection, found: int) -> None:
    is_new = not database.execute("SELECT name FROM sqlite_master WHERE name = 'item'").fetchall()
    if is_new:
        for table in _TABLES:
            database.execute(table)
        return
    for step in MIGRATIONS[found:]:
        step(database)


def _add_signatures(database: sqlite3.Connection) -> None:
    """Give items a signature, which the items of the first unnumbered releases lack."""
    if "signature" not in [row[1] for row in database.execute("PRAGMA table_info(item)")]:
        database.execute("ALTER TABLE item ADD COLUMN signature BLOB NOT NULL DEFAULT (x'')")


MIGRATIONS = (_add_signatures,)  # the step from each format to the next
