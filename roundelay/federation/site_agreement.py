"""Ask sites to describe their private data before a job: a site says by its name what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from roundelay.chord.effects import Procedure
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.leaf_directory import refresh_leaves
from roundelay.federation.requests import Order, TrainingFile
from roundelay.federation.retry import refresh_members
from roundelay.federation.roster import Roster
from roundelay.federation.rounds import RoundWork
from roundelay.federation.tasks import DescribeTask
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.store.blobs import digest_of

AWAY = "does not answer"


@dataclass(frozen=True)
class Descriptions:
    """What sites have answered, by address."""

    found: Mapping[str, bytes]  # of all files of a site; decoded by the reader that asked
    problems: Mapping[str, str]  # why a site's data cannot be read so


def describe_sites(
    start: NodeRef,
    ring: Ring,
    files: Sequence[TrainingFile],
    homes: Sequence[str],
    reading: str,
    clock: Callable[[], float],
) -> Procedure[Descriptions]:
    """Have each home describe its files, which are read as `reading` says. Raises WorkFailed, ChordError."""
    roster = Roster(ring, start, homes)
    yield from refresh_members(roster)
    yield from refresh_leaves(roster)
    asked = tuple(replace(file, rows=max(1, file.rows)) for file in files)

    def order(some: tuple[TrainingFile, ...], may_refuse: bool) -> Order:
        return Order(f"describe {digest_of(reading.encode())[:16]}", 0, some, DescribeTask(reading), "", 0, may_refuse)

    work = RoundWork(roster, ThroughputEstimate(), clock, order, b"")
    outcome = yield from work.run(asked)
    found = {homes[part.files[0].index]: part.result for part in outcome.parts}
    absent = dict.fromkeys(homes[file.index] for file in outcome.missing)
    problems = {home: roster.reasons.get(home) or AWAY for home in absent}
    return Descriptions({home: each for home, each in found.items() if home not in problems}, problems)
