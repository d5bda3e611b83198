"""A limit on the lines about progress on a node's console: an order of a million epochs must not fill a disk."""

from __future__ import annotations

import time
from collections.abc import Callable

LINES_PER_S = 100
LINES_AT_ONCE = 1000


class LineLimit:
    """Passes lines on to `say` at a limited rate (a token bucket), and says how many were left out."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._tokens = float(LINES_AT_ONCE)
        self._filled_at = clock()
        self._left_out = 0

    def __call__(self, line: str) -> None:
        now = self._clock()
        self._tokens = min(LINES_AT_ONCE, self._tokens + (now - self._filled_at) * LINES_PER_S)
        self._filled_at = now
        if self._tokens < 1:
            self._left_out += 1
            return
        self._tokens -= 1
        if self._left_out:
            self._say(f"{self._left_out} lines about epochs are left out")
            self._left_out = 0
        self._say(line)
