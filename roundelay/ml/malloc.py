"""Tune glibc's malloc for what a process does; do nothing where another malloc is in use.

A trainer keeps freed memory. By default malloc returns large blocks to the system at once. Every training fills the
same few megabytes again, and mapping and zeroing their pages took a third of a short training's time (decision 11).

A reader of tables reuses what it frees. Each block of lines needs the same arrays as the one before, and mapping their
pages anew took a third of the time.

A server returns it. By default each of its threads may get a heap of its own, and each heap keeps the largest message
that one of its threads has handled: a node's memory grew by 100 MB in ten minutes of hostile messages, of which 10 MB
were in use. The interpreter's lock lets one thread allocate at a time anyway.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

KEPT_BYTES = 1 << 25  # the most free memory that a trainer keeps at the end of the heap; larger blocks are never kept
REUSED_BYTES = 1 << 22  # the largest block that a reader reuses
RETURNED_BYTES = 1 << 16  # a server returns blocks of this size, and as much free memory at the end of the heap
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h


def keep_freed_memory() -> None:
    """Keep freed memory in the process, for the next training to reuse."""
    _set({_TRIM_THRESHOLD: KEPT_BYTES, _MMAP_THRESHOLD: KEPT_BYTES})


def reuse_freed_blocks() -> None:
    """Reuse freed blocks of up to REUSED_BYTES, unless the process has called one of the other functions.

    When a block that was mapped is freed, glibc keeps later ones of this size (mallopt(3), M_MMAP_THRESHOLD).
    """
    bytearray(REUSED_BYTES)


def return_freed_memory() -> None:
    """Use one heap for all threads, and return large blocks to the system. Call it before threads are started."""
    _set({_ARENA_MAX: 1, _TRIM_THRESHOLD: RETURNED_BYTES, _MMAP_THRESHOLD: RETURNED_BYTES})


def _set(options: dict[int, int]) -> None:
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in options.items():
            mallopt(option, value)
