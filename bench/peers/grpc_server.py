"""grpcio's server with messages of raw bytes: echoes small ones and serves large ones."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from bench.peers import serve

WORKERS = 8
OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
contents: dict[int, bytes] = {}


def echo(request: bytes, _: Any) -> bytes:
    return request


def weights(request: bytes, _: Any) -> bytes:
    size = int(request)
    if size not in contents:
        contents.clear()
        contents[size] = bytes(size)
    return contents[size]


def answer() -> int:
    """Start the server, and return its port."""
    methods = {
        "echo": grpc.unary_unary_rpc_method_handler(echo),
        "weights": grpc.unary_unary_rpc_method_handler(weights),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench", methods),))
    port: int = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return port


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    server = grpc.server(ThreadPoolExecutor(WORKERS), options=OPTIONS)
    serve(answer)
