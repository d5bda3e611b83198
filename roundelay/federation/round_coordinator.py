"""A round's parts: every file worked on by somebody, in the way that the job's topology says.

What nobody has is waited for, unless the job may go on without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from roundelay.chord.effects import Procedure, Sleep
from roundelay.federation.client_sampling import sampled_files
from roundelay.federation.errors import FileUnavailable, NobodyFits
from roundelay.federation.placement import BALANCING
from roundelay.federation.requests import Order, Share, TrainingFile
from roundelay.federation.retry import refresh_members
from roundelay.federation.roster import Roster
from roundelay.federation.rounds import PartialResult, RoundWork
from roundelay.federation.spec import JobSpec
from roundelay.federation.tasks import Task
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.federation.topologies.tree_reduce import reduce
from roundelay.store.blobs import digest_of

FILES_RETRY_S = 1.0
FILES_RETRIES_MAX = 3600
NAMES_SHOWN = 8


@dataclass(frozen=True)
class Assignment:
    """What is to be done with the files of a round.

    attempt: of a round in which nobody adds, else 0.
    """

    number: int
    task: Task
    weights: bytes = b""
    attempt: int = 0

    def order(
        self, job: str, files: tuple[TrainingFile, ...], may_refuse: bool = False, shares: tuple[Share, ...] = ()
    ) -> Order:
        """The same for some of the files."""
        digest = digest_of(self.weights) if self.weights else ""
        return Order(
            job, self.number, files, self.task, digest, len(self.weights), may_refuse, shares, attempt=self.attempt
        )


class RoundCoordinator:
    """One driver's way to the parts of its rounds. `require_running` raises when the job has ended meanwhile."""

    def __init__(
        self,
        spec: JobSpec,
        roster: Roster,
        clock: Callable[[], float],
        say: Callable[[str], None],
        require_running: Callable[[], None],
    ) -> None:
        self.tiers: dict[str, list[str]] = {}  # of the last round, where there are any
        self.passed_on = 0
        self._spec = spec
        self._roster = roster
        self._clock = clock
        self._log = say
        self._require_running = require_running
        self._estimate = ThroughputEstimate()

    def collect(self, work: Assignment) -> Procedure[list[PartialResult]]:
        """All files of the round worked on. Raises WorkFailed, NobodyFits, FileUnavailable, JobEnded, ChordError."""
        spec, number = self._spec, work.number
        # Summing says nothing about training; where nobody adds, nobody is raced: both would keep what they make.
        pace = self._estimate if number > 0 and not work.attempt else ThroughputEstimate()
        parts: list[PartialResult] = []
        files = chosen = sampled_files(spec, number)
        for _ in range(FILES_RETRIES_MAX):
            orders = self._orders(work, pace)
            if spec.settings.topology == "tree" and not parts:
                parts += yield from self._collect_tree(work, files, pace, orders)
                trained = {f.index for p in parts for f in p.files}
                files = tuple(f for f in files if f.index not in trained)  # a second asking, file by file
            outcome = yield from orders.run(files)
            parts += outcome.parts
            files = tuple(sorted(outcome.missing, key=lambda f: f.index))
            rows = sum(f.rows for p in parts for f in p.files)
            if not files or (number > 0 and rows >= spec.settings.quorum * sum(f.rows for f in chosen)):
                self._report_left_out(files)
                return parts
            if parts and spec.pinned:
                self._report_absent_sites(files)
                return parts
            self._report_waiting(files, number)
            self._require_running()
            yield Sleep(FILES_RETRY_S)
            self._roster.forgive()
            yield from refresh_members(self._roster)
        raise FileUnavailable(f"no live node has {names(files)}")

    def _orders(self, work: Assignment, pace: ThroughputEstimate) -> RoundWork:
        """Orders to single nodes. Where nobody adds, each node has its own weights from the second round on."""
        settings, job = self._spec.settings, self._spec.job
        return RoundWork(
            self._roster,
            pace,
            self._clock,
            lambda files, may_refuse: work.order(job, files, may_refuse),
            b"" if work.attempt and work.number > 1 else work.weights,
            settings.placement,
            f"{settings.seed} {work.number}",
        )

    def _collect_tree(
        self, work: Assignment, files: tuple[TrainingFile, ...], pace: ThroughputEstimate, orders: RoundWork
    ) -> Procedure[list[PartialResult]]:
        """What one asking of the tree gives: a part, or none."""
        groups, settings = orders.placed(files), self._spec.settings
        if not groups:
            return []
        shares = tuple(Share(node, tuple(sorted(f.index for f in group))) for node, group in groups.items())
        order = work.order(self._spec.job, files, settings.placement in BALANCING, shares)
        climbed = yield from reduce(self._roster, pace, self._clock, order, work.weights)
        self.tiers, self.passed_on = climbed.tiers(settings.tiers), climbed.passed_on
        return climbed.parts

    # --- what is missing

    def _report_waiting(self, files: tuple[TrainingFile, ...], number: int) -> None:
        """Say once which files hold the round up. Raises NobodyFits while the job has made nothing yet."""
        line = f"no live node has {names(files)}: waiting"
        if self._spec.pinned and self._roster.reasons:  # nobody but their homes can be asked
            reasons = [f"{home}: {why}" for home, why in sorted(self._roster.reasons.items())]
            line = f"{'; '.join(reasons[:NAMES_SHOWN])}: waiting"
        if self._roster.nobody_fits:
            line = (
                f"none of {len(self._roster.nodes)} nodes may train: their arithmetic gives other bits than "
                f"the job's (fingerprint {self._spec.bits[:8]}), as on another kind of processor or numpy"
            )
            if number <= 1:
                raise NobodyFits(f"{line}. Start the job from a machine like theirs, or a node on one like yours")
            line = f"{line}: waiting for one that may"
        if line not in self._roster.disturbances:
            self._log(f"job {self._spec.job[:8]}, round {number}: {line}")
        self._roster.record_disturbance(line)

    def _report_absent_sites(self, files: tuple[TrainingFile, ...]) -> None:
        """Who has pinned files and is not there, or cannot train them: the round goes on without them."""
        away = Counter(self._spec.homes[f.index] for f in files)
        for home, count in sorted(away.items()):
            why = self._roster.reasons.get(home)
            how = f"{home}: {why}" if why else f"{home} is away"
            self._roster.record_disturbance(f"{how}: its {count} pinned file{'s' * (count != 1)} left out")

    def _report_left_out(self, files: tuple[TrainingFile, ...]) -> None:
        """The quorum is met without these, if there are any: the report names them."""
        if files:
            self._roster.record_disturbance(f"left out, as no live node has them: {names(files)}")


def names(files: tuple[TrainingFile, ...]) -> str:
    """The files, as a line can name them."""
    more = f" and {len(files) - NAMES_SHOWN} more" if len(files) > NAMES_SHOWN else ""
    return ", ".join(f.name for f in files[:NAMES_SHOWN]) + more
