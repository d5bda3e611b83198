"""Many small files and a large one, put to a ring of four and read again: speed and memory.

Memory is flat if a node without a state directory holds each content once, and a node with one never holds a large
content as a whole. The client holds what it puts from memory, and what it gets; from a file it puts piece by piece.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import echo_servers
from bench.figures import Limit, Line, Table
from bench.ring_figures import entry_of
from roundelay.chord.effects import Procedure
from roundelay.client.connection import RingEntry, client_runtime
from roundelay.node.files import open_content
from roundelay.node.runtime import Runtime
from roundelay.store.blobs import Content, digest_of
from roundelay.store.read_path import get
from roundelay.store.write_path import put
from roundelay.testing.cluster import Cluster

NODES = 4
RINGS = ((1, False), (3, False), (3, True))  # copies, with --state-dir
FILES, FILES_ON_DISK = 1000, 200  # fewer, because each copy is synced to disk twice
FILE_BYTES, LARGE_BYTES = 20_000, 200 << 20
MIB = 1 << 20
REPLICATED_S = 12.0  # within which every node has run replica maintenance once more
FLAT_LIMIT_MB = 60.0  # above the memory of before
ONCE_LIMIT = 1.2  # times the size of the content


def measure(folder: Path) -> list[Table]:
    folder.mkdir(parents=True)
    large = folder / "large"
    rng = random.Random(0)
    with large.open("wb") as file:
        for _ in range(LARGE_BYTES // MIB):
            file.write(rng.randbytes(MIB))
    with ExitStack() as stack:
        rings = [StoringRing(folder, copies, keep_state, stack) for copies, keep_state in RINGS]
        for each in rings:
            each.put_and_get(large)
        time.sleep(REPLICATED_S)
        return [each.table() for each in rings]


class StoringRing:
    """One ring, and the lines of its table."""

    def __init__(self, folder: Path, copies: int, keep_state: bool, stack: ExitStack) -> None:
        name, options = f"{copies}{'-disk' * keep_state}", ("--replicas", str(copies))
        self._ring = Cluster(folder / name, keep_state=keep_state, supernode_options=options)
        stack.callback(self._ring.stop)
        self._keep_state = keep_state
        self._lines: list[Line] = []
        self._base: dict[int, float] = {}  # megabytes of each node before the large content
        what = f"{copies} cop{'y' if copies == 1 else 'ies'}, {'with --state-dir' if keep_state else 'in memory'}"
        self._title = f"Put and get on {NODES} nodes, {what}"

    def put_and_get(self, large: Path) -> None:
        """Form the ring, and measure small contents and a large one."""
        self._ring.form(NODES)
        entry, runtime = entry_of(self._ring), client_runtime()
        self._lines += _small(runtime, entry, FILES_ON_DISK if self._keep_state else FILES)
        self._base = {node.pid: echo_servers.reset_peak(node.pid) for node in self._ring.nodes}
        self._lines += _large(runtime, entry, large)
        runtime.stop(1.0)

    def table(self) -> Table:
        """Return the table, with the memory that the nodes have needed at most until now."""
        fullest_mb = max(echo_servers.peak_mb(pid) - base_mb for pid, base_mb in self._base.items())
        limit = Limit(FLAT_LIMIT_MB if self._keep_state else ONCE_LIMIT * LARGE_BYTES / MIB, at_least=False)
        last = Line("the fullest node's memory at most, beyond before", "MB", fullest_mb, limit=limit)
        return Table(self._title, (*self._lines, last))


def _small(runtime: Runtime, entry: RingEntry, count: int) -> list[Line]:
    rng = random.Random(1)
    files = {f"small-{number}": rng.randbytes(FILE_BYTES) for number in range(count)}
    put_s = _seconds(runtime, [_put(entry, name, content) for name, content in files.items()])
    get_s = _seconds(runtime, [_get(entry, name) for name in files])
    return [
        Line(f"put {count:,} files of 20 KB, one after the other", "files/s", count / put_s),
        Line(f"get {count:,} files of 20 KB, one after the other", "files/s", count / get_s),
    ]


def _large(runtime: Runtime, entry: RingEntry, large: Path) -> list[Line]:
    """Put and get one large content; return the speed, and the peak memory of the client."""
    mb, name = LARGE_BYTES / MIB, "large"
    before = echo_servers.reset_peak()
    put_s = _seconds(runtime, [_put(entry, name, open_content(large))])
    putting_mb, before = echo_servers.peak_mb() - before, echo_servers.reset_peak()
    get_s = _seconds(runtime, [_get(entry, name, digest_of(open_content(large)))])
    getting_mb = echo_servers.peak_mb() - before
    return [
        Line("put a file of 200 MB", "MB/s", mb / put_s),
        Line("get a file of 200 MB", "MB/s", mb / get_s),
        Line(
            "the client's memory at most, beyond before: put from a file",
            "MB",
            putting_mb,
            limit=Limit(FLAT_LIMIT_MB, at_least=False),
        ),
        Line(
            "the client's memory at most, beyond before: get",
            "MB",
            getting_mb,
            limit=Limit(ONCE_LIMIT * mb, at_least=False),
        ),
    ]


def _put(entry: RingEntry, name: str, content: Content) -> Procedure[object]:
    return put(entry.node, entry.ring, entry.ring.key(name), name, content, time.time_ns())


def _get(entry: RingEntry, name: str, digest: str = "") -> Procedure[object]:
    return get(entry.node, entry.ring, entry.ring.key(name), name, digest)


def _seconds(runtime: Runtime, procedures: Sequence[Procedure[object]]) -> float:
    began = time.monotonic()
    for procedure in procedures:
        runtime.run(procedure)
    return time.monotonic() - began
