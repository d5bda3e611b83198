"""Weights from a node to the client: beside a raw socket and gRPC, with their SHA-256 checked and without.

Checked, weights are read as clients and nodes read every content, several pieces at a time; unchecked, one piece after
the other, into a buffer.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from bench import echo_servers
from bench.compare import Measure, ratios, take_turns
from bench.echo_servers import CHUNK, COMMAND
from bench.figures import Limit, Line, Table, compared, measured
from bench.grpc_peer import Grpc, why_missing
from bench.machine import move_to_core
from roundelay.chord.effects import Procedure, ask
from roundelay.chord.refs import NodeRef
from roundelay.node.runtime import Runtime
from roundelay.store.blobs import digest_of
from roundelay.store.items import PIECE_BYTES, Read
from roundelay.store.read_path import fetch
from roundelay.store.transfer import PIECES_IN_FLIGHT, write

MB = 1 << 20
TURNS = 9
CALL_TIMEOUT_S = 60.0
RAW_LIMIT, GRPC_LIMIT = Limit(0.35), Limit(1.0, strict=True)
NOTE = (
    f"Checked, as every content is read: pieces of {PIECE_BYTES >> 10} KiB, {PIECES_IN_FLIGHT} at a time. "
    f"Unchecked: pieces of {CHUNK >> 10} KiB, one after the other."
)


@dataclass(frozen=True)
class Weights:
    """Weights of some size, a node that gets and sends them, and what they are compared with."""

    mb: int
    raw: socket.socket
    runtime: Runtime
    node: NodeRef
    server: int  # the node's process
    grpc: Grpc | None

    def on_one_core(self) -> Table:
        """Send the weights to the node, and read them. Return what both sides took, and how fast they were read."""
        sending = write(self.node, self._digest, self._content)
        sent_mb = _peaks(lambda: self.runtime.run(sending), self.server)
        received_mb = _peaks(self._read, self.server)
        limit = Limit(1.2 * self.mb + 10, at_least=False)
        peaks = (
            Line(f"peak memory {what}", "MB", peak, limit=limit)
            for what, peak in (
                ("of the node that sends", received_mb[1]),
                ("of the client that receives", received_mb[0]),
                ("of the client that sends, besides the content", sent_mb[0]),
                ("of the node that receives", sent_mb[1]),
            )
        )
        notes = (NOTE, "Peak memory is what is added to what the process had before.")
        return Table(self._title, (*self._speeds(RAW_LIMIT if self.mb == 10 else None, GRPC_LIMIT), *peaks), notes)

    def on_two_cores(self, other: int) -> Table:
        """Move the clients to another core than the servers, and read the weights again."""
        for pid in (os.getpid(), *((self.grpc.pid,) if self.grpc is not None else ())):
            move_to_core(pid, other)
        return Table(f"{self._title}, on a core each", self._speeds(), (NOTE,))

    @property
    def _title(self) -> str:
        return f"{self.mb} MB of weights, from a node to the client"

    @property
    def _size_bytes(self) -> int:
        return self.mb * MB

    @cached_property
    def _content(self) -> bytes:
        return bytes(range(256)) * (self._size_bytes // 256)

    @cached_property
    def _digest(self) -> str:
        return digest_of(self._content)

    def _read(self) -> bytes:
        return self.runtime.run(fetch((self.node,), self._digest, self._size_bytes))

    def _speeds(self, raw_limit: Limit | None = None, grpc_limit: Limit | None = None) -> tuple[Line, ...]:
        found = take_turns(self._measures(), TURNS)
        rates = {name: self.mb / median(seconds) for name, seconds in found.items()}
        why_not = why_missing(self.grpc)

        def line(what: str, ours: str, peer: str, theirs: str, limit: Limit | None) -> Line:
            times = ratios(found[ours], found.get(theirs, []))
            missing = "" if theirs in found else why_not
            return compared(what, "MB/s", rates[ours], peer, rates.get(theirs), times, limit, missing)

        checked = "checked by SHA-256: "
        return (
            line("of a raw socket's speed", "unchecked", "sendall, recv_into", "raw", raw_limit),
            line("times as fast", "unchecked", "grpcio, bytes", "grpc", grpc_limit),
            line(f"{checked}times as fast", "checked", "grpcio, unchecked", "grpc", grpc_limit),
            line(f"{checked}times as fast", "checked", "grpcio, then SHA-256", "grpc checked", grpc_limit),
            line(f"{checked}of a raw socket's speed", "checked", "recv_into, then SHA-256", "raw checked", None),
            measured("SHA-256 alone", "MB/s", [self.mb / seconds for seconds in found["hash"]]),
        )

    def _measures(self) -> dict[str, Measure]:
        buffer = bytearray(self._size_bytes)
        measures: dict[str, Measure] = {
            "raw": lambda: _seconds(lambda: self._receive(buffer)),
            "raw checked": lambda: _seconds(lambda: hashlib.sha256(self._receive(buffer)).hexdigest()),
            "hash": lambda: _seconds(lambda: digest_of(self._content)),
            "unchecked": lambda: _seconds(lambda: self.runtime.run(_pieces(self.node, self._digest, self._size_bytes))),
            "checked": lambda: _seconds(self._read),
        }
        grpc = self.grpc
        if grpc is not None:
            measures["grpc"] = lambda: grpc.seconds("weights", self._size_bytes)
            measures["grpc checked"] = lambda: grpc.seconds("checked weights", self._size_bytes)
        return measures

    def _receive(self, buffer: bytearray) -> bytearray:
        """Receive the weights' bytes from the raw socket."""
        self.raw.sendall(COMMAND.pack(b"S", len(buffer)))
        view, at = memoryview(buffer), 0
        while at < len(buffer):
            at += self.raw.recv_into(view[at:])
        return buffer


def _pieces(node: NodeRef, digest: str, size_bytes: int) -> Procedure[None]:
    """Fetch every piece into one buffer."""
    buffer, at = bytearray(size_bytes), 0
    while at < size_bytes:
        piece = yield from ask(node, Read(digest, at, CHUNK), CALL_TIMEOUT_S)
        buffer[at : at + len(piece)] = piece
        at += len(piece)


def _peaks(work: Callable[[], object], server: int) -> tuple[float, float]:
    """Return the rise of the peak memory of this process and of the server, in MB."""
    before = echo_servers.reset_peak(), echo_servers.reset_peak(server)
    kept = work()
    del kept
    return echo_servers.peak_mb() - before[0], echo_servers.peak_mb(server) - before[1]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
