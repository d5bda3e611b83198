"""What a driver learns beside its rounds: once a second it looks at the ring and at what others say about its job.

It crawls the ring, tells the owner of the job's key that the job is driven, and reads whether the job has ended or is
paused, and which private sites are drained.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, Request, Sleep, ask_all
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import NodeRef
from roundelay.federation import jobs, leaf_directory, records, site_drain
from roundelay.federation.errors import JobEnded
from roundelay.federation.requests import DriverHeartbeat
from roundelay.federation.retry import refresh_members
from roundelay.federation.roster import Roster
from roundelay.federation.spec import JobSpec
from roundelay.store.items import Find, Item

HEARTBEAT_INTERVAL_S = 1.0
HEARTBEAT_TRIES = 2  # the next beat comes soon


class JobWatch:
    """One job as its driver sees it. on_drained: called with the sites that get no new orders."""

    def __init__(self, spec: JobSpec, roster: Roster, on_drained: Callable[[frozenset[str]], None]) -> None:
        self.end = ""  # how the job has ended, as of the last heartbeat
        self.sites = frozenset(spec.homes)
        self._spec = spec
        self._roster = roster
        self._on_drained = on_drained
        self._pause: Item | None = None  # the record that says whether the job is paused, as of the last heartbeat
        self._about_sites: tuple[Item, ...] = ()  # the latest record about each site that was ever drained

    @property
    def is_paused(self) -> bool:
        return jobs.is_pause(self._pause)

    def require_running(self) -> None:
        """Raise JobEnded once the job has ended."""
        if self.end:
            raise JobEnded(f"job {self._spec.job} is {self.end}")

    def run(self, is_over: Callable[[], bool]) -> Procedure[None]:
        """Look once a second until `is_over`. A node that falls silent is thus noticed even while nothing else asks."""
        while not is_over():
            yield from self.look()
            yield Sleep(HEARTBEAT_INTERVAL_S)

    def look(self) -> Procedure[None]:
        """Look once."""
        with suppress(ChordError):  # the next heartbeat tries again
            yield from refresh_members(self._roster, HEARTBEAT_TRIES)
            yield from self.refresh_leaves()
            yield from self.beat()

    def beat(self) -> Procedure[None]:
        """Tell the owner of the job's key that the job is driven, and read what has become of it. Raises ChordError."""
        job, ring = self._spec.job, self._roster.ring
        key = ring.key(job)
        nodes = self._roster.successors_of(key)
        names = tuple(records.record_name(job, what) for what in (*records.ENDS, records.PAUSED))
        asks: list[tuple[NodeRef, Request[Any]]] = [(node, DriverHeartbeat(job)) for node in nodes[: ring.replicas]]
        asks += [(node, Find(key, names)) for node in nodes]
        if self.sites:
            about_sites = site_drain.question(ring, self._spec.pinned, self.sites)
            asks += [(node, about_sites) for node in self._roster.successors_of(about_sites.key)]
        answers = yield from ask_all(asks, deadline_s=CALL_TIMEOUT_S)
        items = tuple(item for answer in answers if isinstance(answer, tuple) for item in answer)
        self.end = self.end or jobs.end_among(job, items)
        known = [self._pause] if self._pause is not None else []
        self._pause = jobs.pause_among(job, [*known, *items])
        latest = site_drain.latest_among(self._spec.pinned, (*self._about_sites, *items))
        self._about_sites = tuple(item for site, item in latest.items() if site in self.sites)
        self._on_drained(site_drain.drained_among(self._spec.pinned, self._about_sites))

    def refresh_leaves(self) -> Procedure[None]:
        """Read which leaves there are; in gossip, nodes exchange models with one another, which leaves cannot."""
        if self._spec.settings.topology != "gossip":
            yield from leaf_directory.refresh_leaves(self._roster)
