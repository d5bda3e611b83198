"""The wire compared with a raw socket and gRPC: small calls, weights, opening a connection with TLS.

Client and server share one core, and are measured in turns. Small calls are in bench/small_call.py.
"""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench import echo_servers, report, small_call
from bench.compare import Measure, Peer, PeerMissing, ratios, take_turns
from bench.echo_servers import CHUNK, COMMAND, HOST, ME
from bench.figures import Limit, Line, Table, compared, measured
from bench.machine import use_one_core
from roundelay.chord.effects import Procedure, ask
from roundelay.chord.refs import NodeRef
from roundelay.client.connection import client_runtime
from roundelay.node.runtime import Runtime
from roundelay.node.security import open_security
from roundelay.rpc import fields
from roundelay.rpc.gen import ComputeNode
from roundelay.rpc.gen.ttypes import Target
from roundelay.rpc.protocol import BinaryProtocol
from roundelay.rpc.transport import Secure, connect
from roundelay.store.blobs import digest_of
from roundelay.store.items import Read
from roundelay.store.read_path import fetch
from roundelay.store.transfer import write
from roundelay.trust.authority import init
from roundelay.trust.kit import load_kit

ABOUT = "The wire: ours beside a raw socket and gRPC"
MB = 1 << 20
WEIGHTS = {10: 9, 100: 9}  # MB: turns
OPEN_TURNS = 15
CALL_TIMEOUT_S = 60.0
ALIKE = 5  # servers of a kind, in turn: two that are alike differ by up to 10 % of a small call


def main(arguments: Sequence[str]) -> int:
    use_one_core()
    return report.main("wire", ABOUT, measure, arguments)


def measure() -> list[Table]:
    with ExitStack() as stack:
        raw = socket.create_connection((HOST, echo_servers.start("raw", stack)[1]))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stack.enter_context(raw)
        server, port = echo_servers.start("ours", stack)
        fresh, unchecked = (
            [echo_servers.start(kind, stack)[1] for _ in range(ALIKE)] for kind in ("ours", "unchecked")
        )
        node = NodeRef(ME.id, HOST, port, ME.incarnation)
        grpc = _Grpc.start(stack)
        runtime = client_runtime()
        weights = [_weights(mb, raw, runtime, node, server, grpc) for mb in WEIGHTS]
        grpc_s = (lambda: grpc.seconds("small", small_call.CALLS)) if grpc is not None else None
        small = small_call.measure(raw, runtime.peers, fresh, unchecked, grpc_s, _why(grpc))
        return [small, *weights, _open(stack, grpc)]


class _Grpc:
    """gRPC's client, if it is installed, and the address of its server."""

    def __init__(self, client: Peer, port: int) -> None:
        self._client, self._port = client, port

    @staticmethod
    def start(stack: ExitStack) -> _Grpc | None:
        try:
            return _Grpc(Peer("grpc_client", stack), int(Peer("grpc_server", stack).ask()))
        except PeerMissing:
            return None

    def seconds(self, do: str, count: int) -> float:
        return float(self._client.ask(port=self._port, do=do, count=count))


def _why(grpc: _Grpc | None) -> str:
    return "" if grpc is not None else "make bench-peers"


# --- weights


def _weights(mb: int, raw: socket.socket, runtime: Runtime, node: NodeRef, server: int, grpc: _Grpc | None) -> Table:
    size = mb * MB
    content = bytes(range(256)) * (size // 256)
    digest, buffer = digest_of(content), bytearray(size)

    def receive() -> None:
        raw.sendall(COMMAND.pack(b"S", size))
        view, at = memoryview(buffer), 0
        while at < size:
            at += raw.recv_into(view[at:])

    sent_mb = _peaks(lambda: runtime.run(write(node, digest, content)), server)
    received_mb = _peaks(lambda: runtime.run(fetch((node,), digest, size)), server)
    measures: dict[str, Measure] = {
        "raw": lambda: _seconds(receive),
        "ours": lambda: _seconds(lambda: runtime.run(_pieces(node, digest, size))),
        "whole": lambda: _seconds(lambda: runtime.run(fetch((node,), digest, size))),
    }
    if grpc is not None:
        measures["grpc"] = lambda: grpc.seconds("weights", size)
    found = take_turns(measures, WEIGHTS[mb])
    rate = {name: mb / median(values) for name, values in found.items()}
    bound, grpc_limit = 1.2 * mb + 10, Limit(1.0, strict=True)
    return Table(
        f"{mb} MB of weights, from a node to the client",
        (
            compared(
                "of a raw socket's speed",
                "MB/s",
                rate["ours"],
                "sendall, recv_into",
                rate["raw"],
                ratios(found["ours"], found["raw"]),
                Limit(0.35) if mb == 10 else None,
            ),
            compared(
                "times as fast",
                "MB/s",
                rate["ours"],
                "grpcio, bytes",
                rate.get("grpc"),
                ratios(found["ours"], found.get("grpc", [])),
                grpc_limit,
                _why(grpc),
            ),
            Line("the same with its SHA-256 checked, as every content is", "MB/s", rate["whole"]),
            *(
                Line(f"peak memory {what}", "MB", peak, limit=Limit(bound, at_least=False))
                for what, peak in (
                    ("of the node that sends", received_mb[1]),
                    ("of the client that receives", received_mb[0]),
                    ("of the client that sends, besides the content", sent_mb[0]),
                    ("of the node that receives", sent_mb[1]),
                )
            ),
        ),
        ("In pieces of 1 MiB. Peak memory is what is added to what the process had before.",),
    )


def _pieces(node: NodeRef, digest: str, size: int) -> Procedure[None]:
    """Fetch every piece into one buffer."""
    buffer, at = bytearray(size), 0
    while at < size:
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


# --- opening


def _open(stack: ExitStack, grpc: _Grpc | None) -> Table:
    """Time a new connection and one call over it, plain and with TLS, both sides with certificates."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    authority = init(folder / "authority")
    server, client = authority.issue("node", "server", [HOST]), authority.issue("submitter", "client")
    node_id = load_kit(server).identity.node_id
    assert node_id is not None
    _, plain = echo_servers.start("ours", stack)
    _, secured = echo_servers.start("ours", stack, str(server))
    limit, security = Limit(5.0, at_least=False), open_security(client).peers
    measures: dict[str, Measure] = {
        "plain": lambda: _seconds(lambda: _first_call(ME.id, plain, None)),
        "tls": lambda: _seconds(lambda: _first_call(node_id, secured, security.secure((HOST, secured)))),
    }
    if grpc is not None:
        measures["grpc"] = lambda: grpc.seconds("open", 1)
    found = take_turns(measures, OPEN_TURNS)
    ms = {name: 1e3 * median(values) for name, values in found.items()}
    return Table(
        "Opening a connection, and one call",
        (
            measured("with TLS", "ms", [1e3 * each for each in found["tls"]], limit),
            compared(
                "without TLS",
                "ms",
                ms["plain"],
                "grpcio, without TLS",
                ms.get("grpc"),
                ratios(found["plain"], found.get("grpc", [])),
                None,
                _why(grpc),
            ),
        ),
    )


def _first_call(node_id: int, port: int, secure: Secure | None) -> None:
    connection = connect(HOST, port, CALL_TIMEOUT_S, secure)
    client = ComputeNode.Client(BinaryProtocol(connection))
    client.next_hop(Target(fields.id_to_wire(node_id), ME.incarnation), fields.id_to_wire(12345), [])
    connection.close()
