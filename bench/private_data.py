"""Private data: a job over four nodes' private files, with every byte between processes searched for their rows.

    python -m bench private_data [--rounds N] [--json]

Each node is reached through a proxy that records all traffic. The recorded bytes are searched for the private rows, as
text and as the numbers that a trainer makes of them. The rows of the validation file, which is stored on the ring,
must be found, or the search would prove nothing. Writes docs/results/private_data.md.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

import numpy as np

from bench.machine import short_sentence
from bench.report import markdown_table, write
from roundelay.federation.private_data import find_publications
from roundelay.node.subprocesses import ROOT
from roundelay.testing.cluster import Cluster, free_port
from roundelay.testing.proxy import Faults, Proxy
from roundelay.testing.waiting import until

NODES, FILES_EACH, ROUNDS = 4, 8, 50
NAME = "wards"
ERROR_MAX = 0.06
TEXT = re.compile(rb"\d+(?:,\d+){16}")  # a row of the letters
LETTERS = ROOT / "letters"
HELD_OUT = LETTERS / "validate_letters.txt"


class RecordingProxy(Proxy):
    """A proxy that records its traffic, each direction of a connection by itself."""

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(target, random.Random(1), "127.0.0.2")
        self.kept: dict[int, bytearray] = {}

    def _forward(self, piece: bytes, sink: socket, faults: Faults) -> None:
        self.kept.setdefault(id(sink), bytearray()).extend(piece)
        super()._forward(piece, sink, faults)


@dataclass(frozen=True)
class SearchResult:
    """The result of the job, and which rows were seen in the traffic."""

    error: float
    files: int
    read_bytes: int
    rows: int  # private rows looked for
    rows_seen: int
    validation_rows_seen: int


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m bench private_data", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="roundelay-private-") as folder:
        found = measure(Path(folder), chosen.rounds)
    text = document(found, chosen.rounds)
    write("private_data.md", text)
    held = found.error <= ERROR_MAX and found.rows_seen == 0 and found.validation_rows_seen > 0
    print(json.dumps({"bench": "private_data", **vars(found), "held": held}) if chosen.json else text)
    return 0 if held else 1


def measure(folder: Path, rounds: int, *options: str, files_each: int = FILES_EACH) -> SearchResult:
    """Run one job over private files, and search all traffic."""
    folders = share_out(folder, files_each)
    with private_ring(folder / "ring", folders) as (ring, proxies):
        client = ring.start_client(
            "train", "--private", NAME, "--validation", str(HELD_OUT), "--rounds", str(rounds), "--json", *options
        )
        if client.wait() != 0:
            raise RuntimeError(client.text)
        shown = json.loads(client.out.read_text())
        streams = [bytes(stream) for proxy in proxies for stream in proxy.kept.values()]
    lines = {line for each in folders for path in each.iterdir() for line in path.read_bytes().split()}
    held_out = set(HELD_OUT.read_bytes().split())
    return SearchResult(
        shown["validation_error"],
        shown["files"],
        sum(map(len, streams)),
        len(lines - held_out),
        seen(lines - held_out, streams),
        seen(held_out, streams),
    )


def share_out(folder: Path, files_each: int) -> list[Path]:
    """Copy the shipped letters into private folders of NODES nodes."""
    sources = sorted(path for path in LETTERS.iterdir() if path.is_file() and not path.suffix)
    folders = []
    for number in range(NODES):
        made = folder / f"private-{number}"
        made.mkdir(parents=True)
        for source in sources[number * files_each : (number + 1) * files_each]:
            shutil.copy(source, made)
        folders.append(made)
    return folders


@contextmanager
def private_ring(folder: Path, folders: Sequence[Path]) -> Iterator[tuple[Cluster, list[RecordingProxy]]]:
    """Start nodes with private files that are reached only through their recording proxies."""
    ring = Cluster(folder)
    with ExitStack() as stack:
        stack.callback(ring.stop)
        ring.start_supernode()
        proxies = []
        for private in folders:
            port = free_port()
            proxy = RecordingProxy(("127.0.0.1", port))
            proxy.start()
            stack.callback(proxy.stop)
            proxies.append(proxy)
            ring.add_node("--advertise", "127.0.0.2", "--private", str(private), "--private-name", NAME, port=port)
        ring.wait_until_converged()
        wait_published(ring, len(folders))
        yield ring, proxies


def wait_published(ring: Cluster, count: int) -> None:
    """Wait until `count` nodes have published their files. Raises Stuck."""

    def published() -> bool:
        return len(ring.ask(lambda entry: find_publications(entry.node, entry.ring, NAME))) == count

    until(published, f"{count} nodes have published")


def seen(rows: set[bytes], streams: Sequence[bytes]) -> int:
    """Return how many of these rows occur in the streams, as text or as a trainer's numbers."""
    found = {row for stream in streams for row in TEXT.findall(stream) if row in rows}
    for kind in (np.float32, np.float64):
        forms = {np.array(row.split(b",")[:-1], kind).tobytes(): row for row in rows}
        found |= {forms[form] for stream in streams for form in _places(stream, forms)}
    return len(found)


def _places(stream: bytes, forms: dict[bytes, bytes]) -> Iterator[bytes]:
    """Yield the forms that occur in the stream, at any offset: first by their first eight bytes, then in full."""
    heads, length = np.array([int.from_bytes(form[:8], "little") for form in forms], np.uint64), len(next(iter(forms)))
    for offset in range(8):
        words = np.frombuffer(stream, "<u8", max(0, len(stream) - offset) // 8, offset)  # (n,)
        for place in np.flatnonzero(np.isin(words, heads)).tolist():
            form = stream[offset + 8 * place : offset + 8 * place + length]
            if form in forms:
                yield form


def document(found: SearchResult, rounds: int) -> str:
    lines = [
        "# Private data: no row leaves its node",
        "",
        f"`python -m bench private_data`, {short_sentence()}. {NODES} nodes with {FILES_EACH} private files each of "
        f"the shipped letters, {rounds} rounds, default settings. Proxies recorded every byte between the client and "
        "the nodes, and among the nodes; all of it was searched.",
        "",
        *markdown_table(
            ("files", "validation error", "bytes read", "private rows", "of them seen", "validation rows seen"),
            [
                (
                    found.files,
                    found.error,
                    f"{found.read_bytes:,}",
                    found.rows,
                    found.rows_seen,
                    found.validation_rows_seen,
                )
            ],
        ),
        "",
        "The client stores the validation file on the ring: its rows are seen, as they must be if "
        "the search is to prove anything.",
        "",
    ]
    return "\n".join(lines)
