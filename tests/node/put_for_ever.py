"""A process that puts into a store on disk and prints each acknowledged put until it is killed: see test_disk."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from roundelay.chord.errors import StoreFull
from roundelay.node.disk import Disk
from roundelay.store.blobs import digest_of
from roundelay.store.items import CHUNK_BYTES, Entry, Item
from roundelay.store.store import Store


def content_of(number: int) -> bytes:
    """Return the content of this number; every fourth is large enough for several pieces."""
    size_bytes = 3 * CHUNK_BYTES + number if number % 4 == 3 else 100 + number
    return (number.to_bytes(8) * (size_bytes // 8 + 1))[:size_bytes]


def item_of(number: int) -> Item:
    content = content_of(number)
    return Item(Entry(number, f"file {number}", digest_of(content), len(content)), number)


def put(store: Store, number: int) -> None:
    """Put the item of this number. Raises StoreFull."""
    item, content = item_of(number), content_of(number)
    for offset in range(0, len(content), CHUNK_BYTES):
        store.write(item.entry.digest, len(content), offset, content[offset : offset + CHUNK_BYTES])
    assert store.put(item).stored


def main(path: str, limit_bytes: str) -> None:
    """Put 0, 1, 2, ... and print each acknowledged one; with a limit, print 'full' for each refused one."""
    if int(limit_bytes):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit_bytes), int(limit_bytes)))
    disk = Disk(Path(path))
    disk.open()
    store = Store(time.monotonic, disk, disk)
    store.restore(disk.items())
    for number in range(100_000):
        try:
            put(store, number)
        except StoreFull:
            print("full", number, flush=True)
            continue
        print("kept", number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
