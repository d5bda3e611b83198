"""A small call, from request object to reply object: beside a raw socket and gRPC, and where its time goes.

The call is a lookup's request for the next hop; gRPC's carries as many plain bytes. The call without checks goes to a
server without them, which is measured in the same turns.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import cycle
from statistics import median
from timeit import repeat

from thrift.protocol import fastbinary
from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated

from bench.compare import Measure, ratios, take_turns
from bench.echo_servers import COMMAND, HOST, ME, PING, RING, without_checks
from bench.figures import Limit, Line, Table, compared
from roundelay.chord import protocol
from roundelay.chord.effects import Ask
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import NextHop
from roundelay.rpc import fields
from roundelay.rpc.calls import COMPUTE_NODE
from roundelay.rpc.fast_binary import read_struct
from roundelay.rpc.gen import ComputeNode
from roundelay.rpc.gen.ttypes import Target
from roundelay.rpc.peers import Peers
from roundelay.rpc.protocol import BinaryProtocol
from roundelay.rpc.transport import FramedSocket, connect

CALLS, TURNS = 300, 25
BATCH = 20  # of what is timed without a call
TIMEOUT_S = 60.0
REQUEST = NextHop(12345)
PING_LIMIT, GRPC_LIMIT, CHECKS_LIMIT = 3.0, 8.0, 0.05


def measure(
    raw: socket.socket,
    peers: Peers,
    ports: Sequence[int],
    unchecked_ports: Sequence[int],
    grpc_s: Callable[[], float] | None,
    why_not: str,
) -> Table:
    """Measure small calls to our servers, with checks and without. grpc_s: returns the time of gRPC's."""
    checked, unchecked = (
        cycle([Ask(NodeRef(ME.id, HOST, each, ME.incarnation), REQUEST, TIMEOUT_S) for each in alike])
        for alike in (ports, unchecked_ports)
    )
    connection = connect(HOST, ports[0], TIMEOUT_S)
    client = ComputeNode.Client(TBinaryProtocolAccelerated(connection))
    target, key = Target(fields.id_to_wire(ME.id), ME.incarnation), fields.id_to_wire(REQUEST.key)

    def ping() -> None:
        raw.sendall(PING)
        raw.recv(len(PING), socket.MSG_WAITALL)

    def raw_calls() -> float:
        raw.sendall(COMMAND.pack(b"E", CALLS))
        return _median_s(ping)

    def checked_calls() -> float:
        call = next(checked)
        return _median_s(lambda: peers.ask(call))

    def unchecked_calls() -> float:
        call = next(unchecked)
        with without_checks():
            return _median_s(lambda: peers.ask(call))

    measures: dict[str, Measure] = {
        "raw": raw_calls,
        "ours": checked_calls,
        "unchecked": unchecked_calls,
        "thrift": lambda: _median_s(lambda: client.next_hop(target, key, [])),
        **_parts(connection),
    }
    if grpc_s is not None:
        measures["grpc"] = grpc_s
    found = take_turns(measures, TURNS)
    connection.close()
    return _table(found, why_not)


def _table(found: dict[str, list[float]], why_not: str) -> Table:
    us = {name: 1e6 * median(values) for name, values in found.items()}
    without = ratios(found["ours"], found["unchecked"])
    named = sum(us[each] for each in ("raw", "codec", "values", "handler")) + us["ours"] * (1 - median(without))
    return Table(
        "A small call: the next hop, over a persistent connection",
        (
            compared(
                "times as long as a ping-pong",
                "us, p50",
                us["ours"],
                "raw socket",
                us["raw"],
                ratios(found["raw"], found["ours"]),
                Limit(PING_LIMIT, at_least=False),
            ),
            compared(
                "times as fast",
                "us, p50",
                us["ours"],
                "grpcio",
                us.get("grpc"),
                ratios(found["ours"], found.get("grpc", [])),
                Limit(GRPC_LIMIT),
                why_not,
            ),
            Line(
                "the checks of fields, on both sides: their share of the call",
                "",
                1 - median(without),
                limit=Limit(CHECKS_LIMIT, at_least=False),
            ),
            Line("of the call: sending, waking the other process, receiving (the ping-pong)", "us", us["raw"]),
            Line("of the call: Thrift's C protocol, which encodes and decodes both messages", "us", us["codec"]),
            Line("of the call: values to wire structs and back", "us", us["values"]),
            Line("of the call: the answer of the node", "us", us["handler"]),
            Line("of the call: pool, threads, frames, deadlines, dispatch (the rest)", "us", us["ours"] - named),
            Line("Thrift's call without our pool, codec and checks on the asking side", "us, p50", us["thrift"]),
        ),
        (f"{TURNS} turns of {CALLS} calls, with each of our servers in turn; a ratio is the median over the turns.",),
    )


def _parts(transport: FramedSocket) -> dict[str, Measure]:
    """Return what times the parts of a call that need no other process. transport: nothing is sent over it."""
    node, call = ChordNode(ME, RING), COMPUTE_NODE[NextHop]
    protocol.create(node)
    answer, method = node.next_hop(REQUEST.key, frozenset()), call.thrift
    arguments, reply = call.arguments(REQUEST), call.reply(answer)
    sent, answered = method.arguments(Target(fields.id_to_wire(ME.id), 1), *arguments), method.answered(reply)
    messages = BinaryProtocol(transport)

    def recode() -> None:
        for struct, kind, spec in (
            (sent, method.arguments, method.arguments_spec),
            (answered, method.result, method.result_spec),
        ):
            messages.trans.cstringio_buf = BytesIO(fastbinary.encode_binary(struct, spec))
            read_struct(messages, kind, spec)

    def convert() -> None:
        call.request(*call.arguments(REQUEST))
        call.answer(call.reply(answer))

    def convert_unchecked() -> float:
        with without_checks():
            return _batch_s(convert)

    return {
        "codec": lambda: _batch_s(recode),
        "values": convert_unchecked,
        "handler": lambda: _batch_s(lambda: node.next_hop(REQUEST.key, frozenset())),
    }


def _median_s(call: Callable[[], object]) -> float:
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return median(times)


def _batch_s(work: Callable[[], object]) -> float:
    """Return how long some short work takes, as the median of batches."""
    return median(repeat(work, number=BATCH, repeat=CALLS // BATCH)) / BATCH
