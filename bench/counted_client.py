"""Runs the client and counts the bytes of its messages: `python -m bench.counted_client FILE ARGUMENTS`.

FILE gets them as JSON when the client ends: by method, frames that were sent and received, headers included.
"""

from __future__ import annotations

import json
import runpy
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from roundelay.rpc.method import MESSAGE
from roundelay.rpc.transport import HEADER, FramedSocket


def main(file: str, *arguments: str) -> None:
    counts: Counter[str] = Counter()
    lock, flush, receive = threading.Lock(), FramedSocket.flush, FramedSocket.receive

    def count(frame: bytes, size: int) -> None:
        _, length = MESSAGE.unpack_from(frame)
        with lock:
            counts[frame[MESSAGE.size : MESSAGE.size + length].decode()] += HEADER.size + size

    def counted_flush(self: FramedSocket) -> Any:
        message = b"".join(self.unsent)
        count(message, len(message))
        return flush(self)

    def counted_receive(self: FramedSocket) -> Any:
        receive(self)
        count(self.cstringio_buf.getvalue(), self.frame_bytes)

    FramedSocket.flush, FramedSocket.receive = counted_flush, counted_receive  # type: ignore[method-assign]
    sys.argv = ["roundelay", *arguments]
    try:
        runpy.run_module("roundelay", run_name="__main__", alter_sys=True)
    finally:
        with lock:  # threads of the client may still count
            Path(file).write_text(json.dumps(counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
