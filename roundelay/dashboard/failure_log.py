"""A filter of the log: a failure is logged once for each place in the code, however often a browser repeats it."""

from __future__ import annotations

import logging
import traceback

PLACES_MAX = 64  # later ones are not logged


class OncePerPlace(logging.Filter):
    """Pass each failure once, and every line without one."""

    def __init__(self) -> None:
        super().__init__()
        self._places: set[tuple[str, int]] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or error.__traceback__ is None:
            return True
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = (last.filename, last.lineno or 0)
        if place in self._places or len(self._places) >= PLACES_MAX:
            return False
        self._places.add(place)
        return True
