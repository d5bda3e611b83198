"""Quarantine: what has failed unexpectedly is left alone for a while, so that nothing else suffers from it.

An unexpected error is a defect in our code that some job, peer or order has brought to light. It is reported, and the
work goes on with the rest. The name is tried again after a pause that doubles with each failure.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

PAUSE_MIN_S = 10.0
PAUSE_MAX_S = 600.0
NAMES_MAX = 256  # the name that failed longest ago is forgotten first

Report = Callable[[str, Exception], None]


@dataclass(frozen=True)
class _Case:
    until: float
    pause_s: float
    error: str  # as it was reported


class Quarantine:
    """Names that have failed unexpectedly. `report` is given each failure once, with its error."""

    def __init__(self, clock: Callable[[], float], report: Report) -> None:
        self._clock = clock
        self._report = report
        self._cases: OrderedDict[str, _Case] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        """Return whether this name is to be left alone now."""
        case = self._cases.get(name)
        return case is not None and self._clock() < case.until

    def add(self, name: str, error: Exception) -> None:
        """Leave a name alone because of an error, which is reported unless it is the one before."""
        before, text = self._cases.pop(name, None), f"{type(error).__name__}: {error}"
        pause_s = min(2 * before.pause_s, PAUSE_MAX_S) if before else PAUSE_MIN_S
        if before is None or before.error != text:
            self._report(f"{name} is left alone for {pause_s:.0f} s after an unexpected error", error)
        self._cases[name] = _Case(self._clock() + pause_s, pause_s, text)
        if len(self._cases) > NAMES_MAX:
            self._cases.popitem(last=False)


def _raise(what: str, error: Exception) -> None:
    raise error


UNCONTAINED = Quarantine(lambda: 0.0, _raise)  # of the simulator and the tests: every failure is raised
