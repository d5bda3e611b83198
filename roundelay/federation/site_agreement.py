"""Ask sites to describe their private data before a job: a site says by its name what is wrong with them.

A site that is there but busy is waited for as in a round; one that is away or drained is left out at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError, NotAllowed
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.leaf_directory import refresh_leaves
from roundelay.federation.requests import Order, TrainingFile
from roundelay.federation.retry import refresh_members
from roundelay.federation.roster import Roster
from roundelay.federation.site_drain import find_drained
from roundelay.federation.site_waits import SiteWaits
from roundelay.federation.site_work import SiteWork
from roundelay.federation.tasks import CompareTask, DescribeTask
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.ml.sliced import as_bytes
from roundelay.ml.task import ROWS_MAX
from roundelay.store.blobs import digest_of

AWAY, IS_DRAINED = "does not answer", "is drained"
REFRESH_TRIES = 2  # of a crawl between two tries


@dataclass(frozen=True)
class Descriptions:
    """What sites have answered, by address."""

    found: Mapping[str, bytes]  # of all files of a site; decoded by the reader that asked
    problems: Mapping[str, str]  # why a site's data cannot be read so


class DescriptionWork(SiteWork):
    """Has sites describe their files. No job runs yet, so nothing else looks for sites that come back."""

    unable_tries = 1  # there are no weights that a site could have lost
    final = (NotAllowed,)  # the client's role is the same at all sites

    def _before_retry(self) -> Procedure[None]:
        with suppress(ChordError):  # the site may be reached even so
            yield from refresh_members(self._roster, REFRESH_TRIES)
            yield from refresh_leaves(self._roster)


def describe_sites(
    start: NodeRef,
    ring: Ring,
    name: str,
    files: Sequence[TrainingFile],
    homes: Sequence[str],
    task: DescribeTask | CompareTask,
    clock: Callable[[], float],
    waits: SiteWaits,
) -> Procedure[Descriptions]:
    """Have each home describe its files of a name as the task says. Raises WorkFailed, ChordError."""
    roster = Roster(ring, start, homes)
    yield from refresh_members(roster)
    yield from refresh_leaves(roster)
    waits.drained = yield from find_drained(roster.entry(), ring, name)
    waits.expect_no_answer(set(homes) - {str(node.address) for node in roster.trainers})
    left_out = {home for home in homes if waits.is_over(home)}
    # The time that a description takes goes with the bytes that are read; the rows of a table are not known yet.
    by_bytes = (replace(file, rows=min(max(1, file.size_bytes), ROWS_MAX)) for file in files)

    def order(some: tuple[TrainingFile, ...], may_refuse: bool) -> Order:
        return Order(f"{task.asks} {digest_of(repr(task).encode())[:16]}", 0, some, task, "", 0, may_refuse)

    work = DescriptionWork(roster, ThroughputEstimate(), clock, order, b"", waits, failing_max=len(files))
    outcome = yield from work.run([file for file in by_bytes if homes[file.index] not in left_out])
    found = {homes[part.files[0].index]: as_bytes(part.result) for part in outcome.parts}
    left_out |= {homes[file.index] for file in outcome.missing}
    problems = {home: _problem(home, roster, waits) for home in left_out}
    return Descriptions({home: each for home, each in found.items() if home not in problems}, problems)


def _problem(home: str, roster: Roster, waits: SiteWaits) -> str:
    """Return why a site has described nothing."""
    if reason := roster.reasons.get(home):
        return reason
    if home in waits.drained:
        return IS_DRAINED
    absence = waits.absences.get(home)
    return absence.why if absence is not None and absence.since else AWAY
