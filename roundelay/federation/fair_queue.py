"""Which job's order a node carries out next: start-time fair queueing (Goyal, Guo and Vin, OSDI 1996).

Each job has a tag: the virtual time at which its next order may start. The order of the job with the lowest tag is
next; when it ends, the tag grows by the seconds that it took, divided by the job's priority. So jobs that always have
an order in the queue get the node's time in proportion to their priorities, whatever their orders cost. How long an
order takes need not be known before it ends. A job that had no order for a while is set to the present virtual time:
it gets no credit for the time when it asked for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

TAGS_MAX = 256  # jobs that are remembered; of those without an order, the ones furthest behind are forgotten first


class FairQueue:
    """The tags of the jobs whose orders one node carries out."""

    def __init__(self) -> None:
        self._tags: dict[str, float] = {}
        self._now = 0.0  # virtual time: the tag of the job whose order was started last

    def join(self, job: str) -> None:
        """Note that a job has an order in the queue, after it had none."""
        self._tags[job] = max(self._tags.get(job, 0.0), self._now)

    def first(self, waiting: Iterable[str]) -> str:
        """Return the job that is next, of those that are waiting; of equal ones, the first."""
        return min(waiting, key=lambda job: self._tags.get(job, self._now))

    def start(self, job: str) -> None:
        """Note that an order of this job is carried out from now on."""
        self._now = self._tags.setdefault(job, self._now)

    def end(self, job: str, seconds: float, priority: float, waiting: Iterable[str]) -> None:
        """Charge a job for its order; `waiting` are the jobs that have one in the queue."""
        self._tags[job] = self._tags.get(job, self._now) + seconds / priority
        queued = set(waiting)
        if not queued:  # idle: whoever comes next starts level with the others
            self._now = max(self._tags.values())
        idle = sorted(self._tags.keys() - queued, key=lambda each: self._tags[each])
        for each in idle[: max(0, len(self._tags) - TAGS_MAX)]:
            del self._tags[each]
