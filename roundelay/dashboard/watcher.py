"""Polls the ring, once for all open pages, and keeps its latest state."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from roundelay.chord.crawl import crawl_reachable
from roundelay.chord.effects import Procedure, Sleep
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Status
from roundelay.client.connection import find_member
from roundelay.dashboard.events import Event, changes
from roundelay.dashboard.model import NodeState, RingState
from roundelay.dashboard.palette import assign
from roundelay.dashboard.poll import ANSWER_TIMEOUT_S, JOBS_MAX, look_at_jobs, members
from roundelay.federation.errors import FederationError
from roundelay.federation.snapshot import JobSnapshot
from roundelay.node.runtime import Runtime, report_failure

SMALL_RING = 16  # nodes; up to this size the ring is polled twice a second
SMALL_EVERY_S, EVERY_S = 0.4, 1.0
JOBS_EVERY_S, A_ROUND_S = 0.8, 0.0005  # each poll lists all records of a job, so long jobs are polled less often
LOG_MAX = 200
SILENT_MAX_S = 10.0  # how long a node that does not answer is shown while its fate is unknown


@dataclass(frozen=True)
class Logged:
    """An event, and when it was seen (seconds since the epoch); `number` increases."""

    number: int
    at: float
    event: Event


class Watcher:
    """The latest state of one ring, and the log of its events. Only `watch` changes them."""

    def __init__(
        self,
        supernode: Address | None,
        listed: Callable[[], Iterable[Address]],
        clock: Callable[[], float],
        time: Callable[[], float],
    ) -> None:
        self.ring_state = RingState(supernode)
        self.version = 0  # grows with every change
        self.log: deque[Logged] = deque(maxlen=LOG_MAX)
        self._listed = listed
        self._clock = clock
        self._time = time
        self._events = 0
        self._answered: dict[NodeRef, float] = {}
        self._jobs_at = 0.0
        self._failure = ""  # of the last poll, if it failed unexpectedly

    def start(self, runtime: Runtime) -> None:
        """Watch, in a thread, until the runtime stops."""
        runtime.keep("watch", self.watch)

    def watch(self) -> Procedure[None]:
        """Poll forever."""
        while True:
            began = self._clock()
            try:
                yield from self._look()
                self._failure = ""
            except Exception as error:  # the next poll may succeed
                self._fail(error)
            every_s = SMALL_EVERY_S if len(self.ring_state.nodes) <= SMALL_RING else EVERY_S
            yield Sleep(max(every_s - (self._clock() - began), every_s / 4))

    # --- helpers

    def _look(self) -> Procedure[None]:
        supernode = self.ring_state.supernode
        admitted = None if supernode is None else (yield from members(supernode))
        known = [member.ref for member in self.ring_state.nodes]
        starts = [*known, *(admitted or ())]
        if not any(member.answers for member in self.ring_state.nodes) and not admitted:
            starts += yield from self._way_in()
        found = yield from crawl_reachable(starts, ANSWER_TIMEOUT_S)
        seen = replace(self._see(found), supernode_answers=admitted is not None)
        if self._clock() - self._jobs_at >= jobs_every_s(seen.jobs):
            seen = yield from self._with_jobs(seen)
            self._jobs_at = self._clock()
        self._show(seen)

    def _way_in(self) -> Procedure[Sequence[NodeRef]]:
        try:
            entry = yield from find_member(self.ring_state.supernode, self._listed())
        except ChordError:
            return ()
        return (entry.node,)

    def _see(self, found: dict[NodeRef, Status | None]) -> RingState:
        """Return the ring with the nodes that answer, and those whose silence is not yet explained."""
        now, before = self._clock(), {member.ref: member for member in self.ring_state.nodes}
        living = [NodeState(status) for status in found.values() if status is not None]
        self._answered.update({member.ref: now for member in living})
        named = {n for s in living for n in (s.status.predecessor, *s.status.successors)}
        silent = [
            replace(before[ref], answers=False)
            for ref, status in found.items()
            if status is None
            and ref in before
            and (ref in named or not living)
            and now - self._answered[ref] < SILENT_MAX_S
        ]
        nodes = tuple(sorted([*living, *silent], key=lambda member: (member.ref.id, member.ref.incarnation)))
        self._answered = {member.ref: self._answered[member.ref] for member in nodes}
        ring = living[0].status.ring if living else self.ring_state.ring
        colours = assign(self.ring_state.colours, [member.ref for member in nodes])
        return replace(self.ring_state, nodes=nodes, ring=ring, colours=colours)

    def _with_jobs(self, seen: RingState) -> Procedure[RingState]:
        start = next((member for member in seen.nodes if member.answers), None)
        if start is None:
            return seen
        try:
            jobs = yield from look_at_jobs(start.ref, start.status.ring, seen.jobs)
        except (ChordError, FederationError):
            return seen  # the next poll tries again
        read = {snapshot.job for snapshot in jobs}
        missed = [old for old in seen.jobs if old.job not in read]  # the nodes that list them may be away
        return replace(seen, jobs=(*missed, *jobs)[-JOBS_MAX:])

    def _show(self, seen: RingState) -> None:
        if seen == self.ring_state:
            return
        for event in changes(self.ring_state, seen):
            self._note(event)
        self.ring_state = seen
        self.version += 1

    def _note(self, event: Event) -> None:
        self._events += 1
        self.log.append(Logged(self._events, self._time(), event))

    def _fail(self, error: Exception) -> None:
        """Report an unexpected error, once: the page does not change until a poll succeeds."""
        if repr(error) != self._failure:
            report_failure("this page cannot read the ring now", error)
            self._note(Event("gone", f"this page cannot read the ring now: {error}"))
            self.version += 1
        self._failure = repr(error)


def jobs_every_s(jobs: Sequence[JobSnapshot]) -> float:
    """Return the seconds between two polls of the jobs; finished ones are not read again."""
    return JOBS_EVERY_S + A_ROUND_S * sum(snapshot.rounds_done for snapshot in jobs if not snapshot.is_over)
