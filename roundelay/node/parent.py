"""The contract of --end-with-parent between a process and the program that started it.

It announces on one line of standard output that it is ready, as a JSON object, and it ends when its standard input
closes: however the parent ends, no child is left behind.
"""

from __future__ import annotations

import json
import os
import threading

READY = '{"ready": '


def ready_line(role: str, address: object) -> str:
    """Return the line that says where this process serves."""
    return json.dumps({"ready": {"role": role, "address": str(address)}})


def ready_address(output: str) -> str | None:
    """Return the address in the readiness line of `output`, or None if there is none yet."""
    for line in output.splitlines(keepends=True):
        if line.startswith(READY) and line.endswith("\n"):
            return str(json.loads(line)["ready"]["address"])
    return None


def end_with_parent() -> None:
    """End this process, from now on, at the end of standard input."""
    threading.Thread(target=_wait, name="parent", daemon=True).start()


def _wait() -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock would block the interpreter's exit
        pass
    os._exit(0)
