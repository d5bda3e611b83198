"""Wraps a node and counts its calls: `python counted_node.py FILE` stands before the node's command.

FILE holds the number of requests that the node has sent so far, in eight bytes.
"""

from __future__ import annotations

import mmap
import runpy
import struct
import sys
import threading
from pathlib import Path

from roundelay.rpc.exchange import MeasuredCall
from roundelay.rpc.peers import Peers

COUNT = struct.Struct("!Q")


def calls(file: Path) -> int:
    """Return the number of calls so far."""
    return int(COUNT.unpack(file.read_bytes())[0])


def main(file: str, *arguments: str) -> None:
    Path(file).write_bytes(COUNT.pack(0))
    with Path(file).open("r+b") as opened:
        shared = mmap.mmap(opened.fileno(), COUNT.size)
    lock = threading.Lock()

    def count(_: MeasuredCall) -> None:
        with lock:
            COUNT.pack_into(shared, 0, COUNT.unpack_from(shared)[0] + 1)

    Peers.observe = staticmethod(count)
    sys.argv = ["roundelay", *arguments]
    runpy.run_module("roundelay", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _, counted, *command = sys.argv
    main(counted, *command[command.index("roundelay") + 1 :])
