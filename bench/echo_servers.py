"""Servers to measure against, as child processes: `python -m bench.echo_servers KIND [KIT]`.

Each prints its port.

raw         a plain socket, as the bound: echoes pings, sends or receives any number of bytes
ours        our server with a node's ring handlers and store
unchecked   the same without the checks of fields from the wire
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.machine import ROOT, environment, use_one_core
from roundelay.chord import protocol
from roundelay.chord.dispatch import dispatch, ring_handlers
from roundelay.chord.effects import Request
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.node.parent import end_with_parent
from roundelay.node.security import open_security
from roundelay.rpc import fields
from roundelay.rpc.handlers import compute_node_processor
from roundelay.rpc.server import Server
from roundelay.store.store import Store

HOST = "127.0.0.1"
PING = bytes(96)  # about the length of one of our calls
COMMAND = struct.Struct("!cQ")  # E: echo count pings; S: send count bytes; T: receive count bytes
RING = Ring(160, 8, 3)
ME = NodeRef(1, HOST, 1, 1)
CHUNK = 1 << 20
# What takes the place of each check of a field from the wire.
UNCHECKED: dict[str, Callable[..., object]] = {
    "check_complete": lambda value: None,
    "check_identifiers": lambda value, bits: None,
    "at_most": lambda field, length, most: None,
    "in_range": lambda field, number, least, most: number,
    "version": lambda field, number: number,
    "address": lambda host, port: None,
}


def start(kind: str, stack: ExitStack, *options: str) -> tuple[int, int]:
    """Start a server, which the stack ends. Return its process id and port."""
    child = stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-m", "bench.echo_servers", kind, *options],
            cwd=ROOT,
            env=environment(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    )
    stack.callback(child.kill)
    assert child.stdout is not None
    return child.pid, int(json.loads(child.stdout.readline()))


def reset_peak(pid: int | str = "self") -> float:
    """Reset the peak memory of a process, and return its present memory, in MB."""
    (Path("/proc") / str(pid) / "clear_refs").write_text("5")
    return _memory_mb(pid, "VmRSS")


def peak_mb(pid: int | str = "self") -> float:
    """Return the peak memory of a process since `reset_peak`, in MB."""
    return _memory_mb(pid, "VmHWM")


def _memory_mb(pid: int | str, kind: str) -> float:
    lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) / 1024


def raw() -> None:
    """Serve one connection after the other on a plain socket."""
    with socket.create_server((HOST, 0)) as listener:
        print(json.dumps(listener.getsockname()[1]), flush=True)
        while True:  # ends with its parent
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with sock:
                _serve_raw(sock)


def _serve_raw(sock: socket.socket) -> None:
    while len(command := sock.recv(COMMAND.size, socket.MSG_WAITALL)) == COMMAND.size:
        kind, count = COMMAND.unpack(command)
        if kind == b"E":
            for _ in range(count):
                sock.sendall(sock.recv(len(PING), socket.MSG_WAITALL))
        elif kind == b"S":
            sock.sendall(bytes(count))


@contextmanager
def without_checks() -> Iterator[None]:
    """Check no field from the wire in this process, for the length of the block."""
    with ExitStack() as stack:
        for name, unchecked in UNCHECKED.items():
            stack.enter_context(patch.object(fields, name, unchecked))
        yield


def ours(kit: str = "") -> None:
    """Serve as the only node of a ring, which is secured if there is a kit."""
    security = open_security(Path(kit)) if kit else None
    node_id = security.channel.identity.node_id if security else None
    me = ME if node_id is None else replace(ME, id=node_id)
    node = ChordNode(me, RING)
    protocol.create(node)
    lock = threading.RLock()  # as a node has one: pieces of a content come in several threads
    store = Store(time.monotonic, lock=lock)
    store.handoff_complete = True
    of_store = frozenset(store.handlers())
    handlers = {**ring_handlers(node), **store.handlers()}

    def reply(request: Request[Any]) -> Any:
        with lock if type(request) in of_store else nullcontext():
            return dispatch(handlers, request)

    processor = compute_node_processor(lambda: me, reply, access=security.access if security else None)
    server = Server(processor, HOST, 0, channel=security.channel if security else None)
    server.start()
    print(json.dumps(server.address[1]), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    use_one_core()
    match sys.argv[1]:
        case "raw":
            end_with_parent()
            raw()
        case "unchecked":
            with without_checks():
                ours()
        case _:
            ours(*sys.argv[2:])
