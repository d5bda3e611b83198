"""Weights from a node to the client: what is compared, and what a table says where grpcio is not installed."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from bench import echo_servers, weights
from bench.echo_servers import HOST, ME
from bench.weights import GRPC_LIMIT, Weights
from roundelay.chord.refs import NodeRef
from roundelay.client.connection import client_runtime

TIMEOUT_S = 20.0


@pytest.mark.parametrize("mb", [1, 3])
def test_checked_weights_are_compared_with_checked_and_unchecked_ones(mb: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "TURNS", 2)
    with ExitStack() as stack:
        raw = stack.enter_context(socket.create_connection((HOST, echo_servers.start("raw", stack)[1])))
        server, port = echo_servers.start("ours", stack)
        node = NodeRef(ME.id, HOST, port, ME.incarnation)

        runtime = client_runtime()
        stack.callback(runtime.stop, TIMEOUT_S)

        table = Weights(mb, raw, runtime, node, server, None).on_one_core()

    found = {line.peer: line for line in table.lines}
    for peer in ("sendall, recv_into", "recv_into, then SHA-256"):
        assert found[peer].ratio is not None and found[peer].quartiles is not None
    for peer in ("grpcio, unchecked", "grpcio, then SHA-256"):
        assert (found[peer].limit, found[peer].ratio, found[peer].why_not) == (GRPC_LIMIT, None, "make bench-peers")
