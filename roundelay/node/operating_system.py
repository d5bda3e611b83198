"""All that differs between operating systems. Developed on Linux; docs/platforms.md says what was tried elsewhere."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

KILL = int(getattr(signal, "SIGKILL", signal.SIGTERM))  # on Windows both end a process at once
PAUSE = int(getattr(signal, "SIGSTOP", 0))  # 0: processes cannot be paused here
RESUME = int(getattr(signal, "SIGCONT", 0))
NAP_S = 1.0
ONE_PRESS_S = 0.1  # some wrappers (timeout, for one) pass a signal on twice


def lock(file: IO[Any], exclusive: bool) -> None:
    """Lock a file until it is closed. Windows has no such lock: there, do not register two nodes at the same time."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)


def sync_folder(folder: Path) -> None:
    """Sync a folder: a new file survives a crash only if its entry is on the disk, too. Windows cannot."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def wait_for_signals() -> NoReturn:
    """Wait until a signal's handler raises an exception."""
    while True:
        if hasattr(signal, "pause"):
            signal.pause()
        else:
            time.sleep(NAP_S)


def handler_of_later_signals() -> Callable[[int, FrameType | None], None]:
    """Return the handler of the signals after the first one, which came now: they end the process at once.

    One that follows within ONE_PRESS_S is the same press.
    """
    first = time.monotonic()

    def handle(number: int, _: FrameType | None) -> None:
        if time.monotonic() - first >= ONE_PRESS_S:
            os._exit(128 + number)

    return handle


def print_stacks_on_signal() -> None:
    """From now on print what every thread is doing to standard error at SIGUSR1, which Windows does not have."""
    if hasattr(signal, "SIGUSR1"):
        with suppress(OSError, ValueError, AttributeError):  # standard error may be closed
            faulthandler.register(signal.SIGUSR1, all_threads=True, chain=False)
