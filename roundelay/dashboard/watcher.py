"""Polls the ring, once for all open pages, and keeps its latest state.

Three loops, so that none waits for another: the nodes that answer, those that are silent, and the jobs. A paused node
therefore delays only what is shown of itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from roundelay.chord.crawl import crawl_reachable
from roundelay.chord.effects import Procedure, Sleep, ask_all
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetStatus, Status
from roundelay.client.connection import find_member
from roundelay.dashboard.events import Event, changes
from roundelay.dashboard.model import NodeState, RingState, updated_scores
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
    """The latest state of one ring, and the log of its events. Only its loops change them."""

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
        self._silent: set[NodeRef] = set()  # they did not answer the last time
        self._failures: dict[str, str] = {}  # of each loop's last poll, if it failed unexpectedly

    def start(self, runtime: Runtime) -> None:
        """Watch, in threads, until the runtime stops."""
        runtime.keep("watch", self.watch)
        runtime.keep("watch silent nodes", self.watch_silent)
        runtime.keep("watch jobs", self.watch_jobs)

    def watch(self) -> Procedure[None]:
        """Poll the nodes forever."""
        return self._poll(
            self._look, lambda: SMALL_EVERY_S if len(self.ring_state.nodes) <= SMALL_RING else EVERY_S, "nodes"
        )

    def watch_silent(self) -> Procedure[None]:
        """Ask the silent nodes forever, until they answer."""
        return self._poll(self._look_at_silent, lambda: EVERY_S, "silent nodes")

    def watch_jobs(self) -> Procedure[None]:
        """Poll the jobs forever."""
        return self._poll(self._look_at_jobs, lambda: jobs_every_s(self.ring_state.jobs), "jobs")

    # --- helpers

    def _poll(self, look: Callable[[], Procedure[None]], every_s: Callable[[], float], what: str) -> Procedure[None]:
        while True:
            began = self._clock()
            try:
                yield from look()
                self._failures.pop(what, None)
            except Exception as error:  # the next poll may succeed
                self._fail(what, error)
            pause_s = every_s()
            yield Sleep(max(pause_s - (self._clock() - began), pause_s / 4))

    def _look(self) -> Procedure[None]:
        supernode = self.ring_state.supernode
        admitted = None if supernode is None else (yield from members(supernode))
        known = [member.ref for member in self.ring_state.nodes]
        starts = [*known, *(admitted or ())]
        if not any(member.answers for member in self.ring_state.nodes) and not admitted:
            starts += yield from self._way_in()
        skipped = frozenset(self._silent)
        found = yield from crawl_reachable(starts, ANSWER_TIMEOUT_S, skipped)
        found |= dict.fromkeys(skipped)
        recovered = skipped - self._silent  # meanwhile
        self._show(replace(self._see(found), supernode_answers=admitted is not None))
        shown = {member.ref for member in self.ring_state.nodes}
        named = {peer for status in found.values() if status is not None for peer in status.successors}
        self._silent = {node for node, status in found.items() if status is None and node in shown | named} - recovered

    def _look_at_silent(self) -> Procedure[None]:
        """Ask the silent nodes; the next poll asks those that answer."""
        silent = list(self._silent)
        answers = yield from ask_all([(node, GetStatus()) for node in silent], deadline_s=ANSWER_TIMEOUT_S)
        self._silent -= {node for node, answer in zip(silent, answers, strict=True) if isinstance(answer, Status)}

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
        scores = updated_scores(self.ring_state.scores, [member.status for member in living])
        return replace(self.ring_state, nodes=nodes, ring=ring, colours=colours, scores=scores)

    def _look_at_jobs(self) -> Procedure[None]:
        start = next((member for member in self.ring_state.nodes if member.answers), None)
        if start is None:
            return
        known = self.ring_state.jobs
        try:
            jobs = yield from look_at_jobs(start.ref, start.status.ring, known)
        except (ChordError, FederationError):
            return  # the next poll tries again
        read = {snapshot.job for snapshot in jobs}
        missed = [old for old in known if old.job not in read]  # the nodes that list them may be away
        self._show(replace(self.ring_state, jobs=(*missed, *jobs)[-JOBS_MAX:]))

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

    def _fail(self, what: str, error: Exception) -> None:
        """Report an unexpected error, once: nothing of this kind changes on the page until a poll succeeds."""
        if repr(error) != self._failures.get(what):
            report_failure(f"this page cannot read the {what} now", error)
            self._note(Event("gone", f"this page cannot read the {what} now: {error}"))
            self.version += 1
        self._failures[what] = repr(error)


def jobs_every_s(jobs: Sequence[JobSnapshot]) -> float:
    """Return the seconds between two polls of the jobs; finished ones are not read again."""
    return JOBS_EVERY_S + A_ROUND_S * sum(snapshot.rounds_done for snapshot in jobs if not snapshot.is_over)
