"""The other end of a connection, as a child process: `python -m bench.ends KIND [CERTIFICATE KEY]` prints its port.

raw     a plain socket, the limit: echoes pings, streams or swallows as many bytes as it is told
ours    our server before a node's ring handlers and its store
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.machine import ROOT, environment, use_one_core
from roundelay.chord import protocol
from roundelay.chord.dispatch import dispatch, ring_handlers
from roundelay.chord.effects import Request
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.node.parent import end_with_parent
from roundelay.rpc.handlers import compute_node_processor
from roundelay.rpc.server import Server
from roundelay.store.store import Store

HOST = "127.0.0.1"
PING = bytes(96)  # about as long as a call of ours
COMMAND = struct.Struct("!cQ")  # E: echo pings; S: send so many bytes; T: take so many
RING = Ring(160, 8, 3)
ME = NodeRef(1, HOST, 1, 1)
CHUNK = 1 << 20


def start(kind: str, stack: ExitStack, *options: str) -> tuple[int, int]:
    """Its process id and its port; the stack ends it."""
    child = stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-m", "bench.ends", kind, *options],
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
    """Forget how much memory a process had at most; returns what it has now, in MB."""
    (Path("/proc") / str(pid) / "clear_refs").write_text("5")
    return _memory_mb(pid, "VmRSS")


def peak_mb(pid: int | str = "self") -> float:
    """The most memory that it has had since."""
    return _memory_mb(pid, "VmHWM")


def _memory_mb(pid: int | str, kind: str) -> float:
    lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) / 1024


def raw() -> None:
    """One connection after the other."""
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


def ours(certificate: str = "", key: str = "") -> None:
    """A node that is alone on its ring."""
    node = ChordNode(ME, RING)
    protocol.create(node)
    store = Store(time.monotonic)
    store.handoff_complete = True
    handlers = {**ring_handlers(node), **store.handlers()}

    def reply(request: Request[Any]) -> Any:
        return dispatch(handlers, request)

    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
    server = Server(compute_node_processor(lambda: ME, reply), HOST, 0, tls)
    server.start()
    print(json.dumps(server.address[1]), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    use_one_core()
    if sys.argv[1] == "raw":
        end_with_parent()
        raw()
    else:
        ours(*sys.argv[2:])
