"""A node whose calls are counted from outside: before its command stands `python counted_node.py FILE`.

FILE has the number of questions that it has asked of others so far: eight bytes, written at each of them.
"""

from __future__ import annotations

import mmap
import runpy
import struct
import sys
import threading
from pathlib import Path
from typing import Any

COUNT = struct.Struct("!Q")


def calls(file: Path) -> int:
    """How many by now."""
    return int(COUNT.unpack(file.read_bytes())[0])


def main(file: str, script: str, *arguments: str) -> None:
    sys.path[0] = str(Path(script).parent)
    from roundelay.rpc.peers import Peers  # found only now, where this file was run by its path

    Path(file).write_bytes(COUNT.pack(0))
    with Path(file).open("r+b") as opened:
        shared = mmap.mmap(opened.fileno(), COUNT.size)
    lock, plain = threading.Lock(), Peers.ask

    def ask(self: Peers, ask: Any) -> Any:
        with lock:
            COUNT.pack_into(shared, 0, COUNT.unpack_from(shared)[0] + 1)
        return plain(self, ask)

    Peers.ask = ask  # type: ignore[method-assign]
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    _, counted, _python, entry, *rest = sys.argv
    main(counted, entry, *rest)
