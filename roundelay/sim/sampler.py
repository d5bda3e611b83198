"""A sampling profiler: which functions the processor time is spent in.

The kernel interrupts after each INTERVAL_S of processor time, and the function that runs at that moment gets a sample.
A function in C counts for the one that calls it. Where Python has no such timer (Windows), there are no samples.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERVAL_S = 0.005
PACKAGE = "roundelay."


@contextmanager
def sampling() -> Iterator[Counter[str]]:
    """Sample the main thread while the block runs; the counter has the samples of each function."""
    samples = Counter[str]()

    def take(_: int, frame: FrameType | None) -> None:
        if frame is not None:
            module = str(frame.f_globals.get("__name__", "")).removeprefix(PACKAGE)
            samples[f"{module}.{frame.f_code.co_qualname.replace('.<locals>', '')}"] += 1

    if not hasattr(signal, "setitimer"):
        yield samples
        return
    before = signal.signal(signal.SIGPROF, take)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)
    try:
        yield samples
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)
