"""Ends this process when its parent has gone, however that came about: the pipe on standard input closes."""

from __future__ import annotations

import os
import threading


def end_with_parent() -> None:
    """From now on, end at the end of standard input."""
    threading.Thread(target=_wait, name="parent", daemon=True).start()


def _wait() -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock would be in the way when the interpreter ends
        pass
    os._exit(0)
