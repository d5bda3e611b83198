"""The wire compared with a raw socket and gRPC: small calls, weights, opening a connection with TLS.

Client and server share one core, and are measured in turns; weights also with a core for each. Small calls are in
bench/small_call.py, weights in bench/weights.py.
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
from bench.compare import Measure, ratios, take_turns
from bench.echo_servers import HOST, ME
from bench.figures import Limit, Table, compared, measured
from bench.grpc_peer import Grpc, why_missing
from bench.machine import other_core, use_one_core
from bench.weights import Weights
from roundelay.chord.refs import NodeRef
from roundelay.client.connection import client_runtime
from roundelay.node.security import open_security
from roundelay.rpc import fields
from roundelay.rpc.gen import ComputeNode
from roundelay.rpc.gen.ttypes import Target
from roundelay.rpc.protocol import BinaryProtocol
from roundelay.rpc.transport import Secure, connect
from roundelay.trust.authority import init
from roundelay.trust.kit import load_kit

ABOUT = "The wire: ours beside a raw socket and gRPC"
WEIGHTS = (10, 100)  # MB
OPEN_TURNS = 15
CALL_TIMEOUT_S = 60.0
ALIKE = 5  # servers of a kind, in turn: two that are alike differ by up to 10 % of a small call


def main(arguments: Sequence[str]) -> int:
    other = other_core()
    use_one_core()
    return report.main("wire", ABOUT, lambda: measure(other), arguments)


def measure(other: int | None) -> list[Table]:
    """Measure everything on this core, then weights with the clients on the other core, if there is one."""
    with ExitStack() as stack:
        raw = socket.create_connection((HOST, echo_servers.start("raw", stack)[1]))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stack.enter_context(raw)
        server, port = echo_servers.start("ours", stack)
        fresh, unchecked = (
            [echo_servers.start(kind, stack)[1] for _ in range(ALIKE)] for kind in ("ours", "unchecked")
        )
        node = NodeRef(ME.id, HOST, port, ME.incarnation)
        grpc = Grpc.start(stack)
        runtime = client_runtime()
        weights = [Weights(mb, raw, runtime, node, server, grpc) for mb in WEIGHTS]
        on_one_core = [each.on_one_core() for each in weights]
        grpc_s = (lambda: grpc.seconds("small", small_call.CALLS)) if grpc is not None else None
        small = small_call.measure(raw, runtime.peers, fresh, unchecked, grpc_s, why_missing(grpc))
        opening = _open(stack, grpc)
        on_two_cores = [each.on_two_cores(other) for each in weights] if other is not None else []  # for good
        return [small, *on_one_core, *on_two_cores, opening]


def _open(stack: ExitStack, grpc: Grpc | None) -> Table:
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
                why_missing(grpc),
            ),
        ),
    )


def _first_call(node_id: int, port: int, secure: Secure | None) -> None:
    connection = connect(HOST, port, CALL_TIMEOUT_S, secure)
    client = ComputeNode.Client(BinaryProtocol(connection))
    client.next_hop(Target(fields.id_to_wire(node_id), ME.incarnation), fields.id_to_wire(12345), [])
    connection.close()


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
