"""Look up whether a job is over, or was never published: a node drops the orders of such jobs."""

from __future__ import annotations

from collections import OrderedDict

from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.federation import jobs

PUBLISHED_MAX = 256  # jobs that are known to be published


class JobLookup:
    """Looks up jobs, and remembers which were published once."""

    def __init__(self) -> None:
        self._published: OrderedDict[str, None] = OrderedDict()  # jobs whose specs were found; the oldest is forgotten

    def why_over(self, node: ChordNode, job: str) -> Procedure[str]:
        """Return why a job's orders are to be dropped; an empty string if the job may go on."""
        try:
            is_published, end = yield from jobs.look_up(node.ref, node.ring, job)
        except ChordError:
            return ""  # its records cannot be read now: it may well go on
        if is_published:
            self._published[job] = None
            if len(self._published) > PUBLISHED_MAX:
                self._published.popitem(last=False)
        elif job in self._published or _is_cut_off(node):
            return ""  # its records are out of reach
        return f"job {job[:8]} is {end}" if end else "" if is_published else f"no job {job[:8]} on this ring"


def _is_cut_off(node: ChordNode) -> bool:
    """Return whether a node has lost all its successors: what it does not find may be with them."""
    others = [each for each in node.live_successors() if each != node.ref]
    return not others and node.failure_detector.any_dead
