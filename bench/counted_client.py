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

from roundelay.rpc.exchange import MeasuredCall
from roundelay.rpc.peers import Peers


def main(file: str, *arguments: str) -> None:
    counts: Counter[str] = Counter()
    lock = threading.Lock()

    def count(call: MeasuredCall) -> None:
        with lock:
            counts[call.method] += call.sent_bytes + call.received_bytes

    Peers.observe = staticmethod(count)
    sys.argv = ["roundelay", *arguments]
    try:
        runpy.run_module("roundelay", run_name="__main__", alter_sys=True)
    finally:
        with lock:  # threads of the client may still count
            Path(file).write_text(json.dumps(counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
