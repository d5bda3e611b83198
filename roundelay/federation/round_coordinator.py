"""Collect one round's partial results: every file is trained by some node, following the job's topology.

A file that no live node has is waited for, unless the job may go on without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from roundelay.chord.effects import Procedure, Sleep, gather_or_raise
from roundelay.federation.client_sampling import sampled_files
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import NobodyFits
from roundelay.federation.file_waits import FileWaits
from roundelay.federation.order_sender import WeightsDelta
from roundelay.federation.partial_result import Files, PartialResult
from roundelay.federation.placement import BALANCING, Groups
from roundelay.federation.requests import Order, Share, TrainingFile, names
from roundelay.federation.retry import refresh_members
from roundelay.federation.roster import Roster
from roundelay.federation.rounds import Meanwhile, RoundWork
from roundelay.federation.secure_rounds import SecureRound
from roundelay.federation.secure_sum import Ballot, Masking
from roundelay.federation.settings import PRIORITY
from roundelay.federation.site_waits import SiteWaits
from roundelay.federation.site_work import SiteWork
from roundelay.federation.spec import JobSpec
from roundelay.federation.tasks import Task
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.federation.topologies.groups import Nodes, group_nodes
from roundelay.federation.topologies.tree_reduce import TreeResult, reduce, tiers
from roundelay.federation.verification import Verifier
from roundelay.ml.task import FILES_MAX, RECEIPT_BYTES
from roundelay.store.blobs import Content, digest_of

FILES_RETRY_S = 1.0
NAMES_SHOWN = 8  # sites
SINGLE_BYTES_MAX = 256 << 20  # of the updates in the answer to an order, unless one alone is larger
WITHOUT_TREES = ("star", "gossip", "buffered")


@dataclass(frozen=True)
class Assignment:
    """A round's task, before it is divided among nodes.

    attempt: the driver's attempt at a round of gossip, else 0. priority: of the job. delta: of the weights to those of
    the round before, where nodes are sent that.
    """

    number: int
    task: Task
    weights: Content = b""
    attempt: int = 0
    priority: float = PRIORITY
    delta: WeightsDelta | None = None

    @cached_property
    def digest(self) -> str:
        """The digest of the weights, if there are any. It is computed once, not for each order."""
        return digest_of(self.weights) if self.weights else ""

    def order(
        self, job: str, files: tuple[TrainingFile, ...], may_refuse: bool = False, shares: tuple[Share, ...] = ()
    ) -> Order:
        """Return the order for some of the files."""
        return Order(
            job,
            self.number,
            files,
            self.task,
            self.digest,
            len(self.weights),
            may_refuse,
            shares,
            attempt=self.attempt,
            priority=self.priority,
        )


class RoundCoordinator:
    """Collects the partial results of one driver's rounds; `require_running` raises once the job has ended."""

    def __init__(
        self,
        spec: JobSpec,
        roster: Roster,
        clocks: Clocks,
        log: Callable[[str], None],
        require_running: Callable[[], None],
        driver: str = "",
    ) -> None:
        self.verifier = (
            Verifier(spec, roster, self._report_unverified, clocks.monotonic) if spec.settings.verify else None
        )
        self.tiers: dict[str, list[str]] = {}  # of the last round's tree
        self.passed_on = 0
        self._spec = spec
        self._roster = roster
        self._clock = clocks.monotonic
        self._log = log
        self._require_running = require_running
        self._ballot: Callable[[], Ballot] = lambda: (clocks.version(), driver)
        self._estimate = ThroughputEstimate()
        self.waits = SiteWaits(
            clocks,
            spec.settings.wait_for,
            spec.settings.required,
            lambda line: log(f"job {spec.job[:8]}: {line}"),
            require_running,
        )

    def expect_left_out(self, files: Sequence[int]) -> None:
        """Wait for none of the sites of these private files, before they answer: an earlier driver has waited."""
        if self._spec.pinned:
            self.waits.expect_no_answer({self._spec.homes[index] for index in files})

    def update_drained(self, drained: frozenset[str]) -> None:
        """Take the sites that are drained by now."""
        self.waits.drained = drained

    def collect(
        self, work: Assignment, meanwhile: Meanwhile | None = None, verify_all: bool = False
    ) -> Procedure[list[PartialResult]]:
        """Have all files of a round trained, and run `meanwhile` once beside that. The verified share stands.

        Raises WorkFailed, StepTooLarge, NobodyFits, FileUnavailable, JobEnded, ChordError.
        """
        spec, number = self._spec, work.number
        self.tiers, self.passed_on = {}, 0
        if self.verifier is not None:
            self.verifier.begin_round(number)
        # Moments take another time than training; gossip has no backup tasks, as both nodes would keep their results.
        estimate = self._estimate if number > 0 and not work.attempt else ThroughputEstimate()
        parts: list[PartialResult] = []
        files = chosen = sampled_files(spec, number)
        secure = self._secure_round(work, estimate) if spec.settings.secure_aggregation else None
        waits = FileWaits(self._clock, bool(spec.pinned))
        while True:  # ends: waits do, and each result that does not stand excludes a node
            orders = self._orders(work, estimate)
            if secure is None and self._has_trees and not parts:
                parts += yield from self._collect_trees(work, files, estimate, meanwhile)
                meanwhile = None
                trained = {f.index for p in parts for f in p.files}
                files = tuple(f for f in files if f.index not in trained)  # the star trains the others
            if secure is None:
                outcome = yield from orders.run(files, meanwhile)
            else:
                may_leave_out = partial(self._may_leave_out, number, chosen=chosen)
                outcome = yield from secure.run(files, meanwhile, may_leave_out)
            meanwhile = None
            parts += outcome.parts
            files = tuple(sorted(outcome.missing, key=lambda f: f.index))
            if not files and self.verifier is not None:
                parts, files = yield from self.verifier.verify(
                    orders, work.task, work.digest, parts, verify_all or number == 0
                )
                if files:
                    continue
            if not files or self._may_leave_out(number, files, chosen):
                self.report_left_out(files)
                return parts
            waits.end(file.index for part in outcome.parts for file in part.files)
            waits.wait(files)
            yield from self._wait_for_files(files, number, secure.why if secure is not None else "")

    def _wait_for_files(self, files: Files, number: int, why: str = "") -> Procedure[None]:
        """Wait a moment before files that no live node has are tried again. Raises NobodyFits, JobEnded, ChordError."""
        self._report_waiting(files, number, why)
        self._require_running()
        yield Sleep(FILES_RETRY_S)
        self._roster.forgive()
        yield from refresh_members(self._roster)

    def _may_leave_out(self, number: int, missing: Files, chosen: Files) -> bool:
        """Return whether a round may end without these of its files."""
        spec, quorum = self._spec, self._spec.settings.quorum
        absent = {file.index for file in missing}
        trained = tuple(file for file in chosen if file.index not in absent)
        if spec.pinned:
            sites = {spec.homes[file.index] for file in trained}
            is_needed = any(self.waits.is_required(spec.homes[file.index]) for file in missing)
            if not sites or is_needed:
                return False
            if quorum > 1.0:
                return len(sites) >= min(quorum, len({spec.homes[file.index] for file in chosen}))
            if quorum == 1.0:
                return True
        return (number > 0 or bool(spec.pinned)) and _rows(trained) >= quorum * _rows(chosen)

    def _orders(self, work: Assignment, estimate: ThroughputEstimate) -> RoundWork:
        """Return the star's orders. In gossip each node has its own weights from the second round on."""
        settings, job = self._spec.settings, self._spec.job
        weights = b"" if work.attempt and work.number > 1 else work.weights

        def make_order(files: Files, may_refuse: bool) -> Order:
            return work.order(job, files, may_refuse)

        if self._spec.pinned:
            files_max, failing_max = self._files_max(work), self._spec.failing_max
            return SiteWork(
                self._roster, estimate, self._clock, make_order, weights, self.waits, files_max, failing_max
            )
        return RoundWork(
            self._roster,
            estimate,
            self._clock,
            make_order,
            weights,
            settings.placement,
            f"{settings.seed} {work.number}",
            self.verifier.doubt if self.verifier is not None else None,
            self._files_max(work),
            work.delta,
        )

    def _files_max(self, work: Assignment) -> int:
        """Return how many files an order may have: single updates of all of them must fit into one content."""
        one = work.order(self._spec.job, self._spec.files[:1])
        if not one.is_single:
            return FILES_MAX
        return max(1, SINGLE_BYTES_MAX // (one.vector_bytes + RECEIPT_BYTES))

    def _secure_round(self, work: Assignment, estimate: ThroughputEstimate) -> SecureRound:
        order = work.order(self._spec.job, ())

        def trees(masking: Masking, files: Files, meanwhile: Meanwhile | None) -> Procedure[list[PartialResult]]:
            return self._collect_trees(work, files, estimate, meanwhile, masking)

        return SecureRound(
            self._spec,
            self._roster,
            estimate,
            self._clock,
            self.waits,
            order,
            work.weights,
            self._ballot,
            trees if self._has_trees else None,
        )

    @property
    def _has_trees(self) -> bool:
        return self._spec.settings.topology not in WITHOUT_TREES

    def _collect_trees(
        self,
        work: Assignment,
        files: tuple[TrainingFile, ...],
        estimate: ThroughputEstimate,
        meanwhile: Meanwhile | None,
        masking: Masking | None = None,
    ) -> Procedure[list[PartialResult]]:
        """Try each tree once, with `meanwhile` beside them. Return their partial results."""
        settings, placed = self._spec.settings, self._orders(work, estimate).placed(files)
        groups = {node: group for node, group in placed.items() if not node.relays}  # not leaves
        beside = meanwhile(frozenset()) if meanwhile is not None else _nothing()
        if not groups:
            yield from beside
            return []
        procedures: list[Procedure[TreeResult | None]] = [beside]
        for roots, members in self._trees(groups, work.number):
            shares = tuple(Share(node, tuple(sorted(f.index for f in groups[node]))) for node in members)
            own = tuple(f for f in files if any(f.index in share.files for share in shares))
            order = replace(work.order(self._spec.job, own, settings.placement in BALANCING, shares), masking=masking)
            procedures.append(reduce(self._roster, estimate, self._clock, order, work.weights, roots))
        found = yield from gather_or_raise(procedures, limit=len(procedures))
        trees = [tree for tree in found if tree is not None]
        self.tiers = tiers((work for tree in trees for work in tree.done), settings.tiers)
        self.passed_on = sum(tree.passed_on for tree in trees)
        return [part for tree in trees for part in tree.parts]

    def _trees(self, groups: Groups, number: int) -> list[tuple[Nodes, Nodes]]:
        """Return for each tree the nodes that may be its root, in their order, and the nodes that train in it."""
        topology = self._spec.settings.topology
        if topology == "tree":
            return [((), tuple(groups))]
        return [(group, group) for group in group_nodes(topology, tuple(groups), number)]

    # --- missing files

    def _report_waiting(self, files: tuple[TrainingFile, ...], number: int, why: str = "") -> None:
        """Log once what the round waits for; `why`, if not for files. Raises NobodyFits as `report_wait`."""
        line = f"{why}: waiting" if why else f"no live node has {names(files)}: waiting"
        common = set(self._roster.reasons.values()) - {""}
        if not why and len(common) == 1 and len(files) == len(self._spec.files):  # such as a plugin that all lack
            line = f"no node can train any file: {common.pop()}: waiting"
        if self._spec.pinned and self._roster.reasons:  # no other node may train them
            reasons = [f"{home}: {why}" for home, why in sorted(self._roster.reasons.items())]
            line = f"{'; '.join([why] * bool(why) + reasons[:NAMES_SHOWN])}: waiting"
        self.report_wait(line, number)

    def report_wait(self, line: str, number: int) -> None:
        """Log once why a round waits. Raises NobodyFits while no round is completed and every node is excluded."""
        if self._roster.nobody_fits:
            line = (
                f"none of {len(self._roster.nodes)} nodes may train this job: their processor or numpy computes "
                f"different bits from the job's fingerprint {self._spec.bits[:8]}"
            )
            if number <= 1:
                raise NobodyFits(f"{line}; start the job on a machine like theirs, or a node on a machine like yours")
            line = f"{line}: waiting for a node that may"
        if line not in self._roster.disturbances:
            self._log(f"job {self._spec.job[:8]}, round {number}: {line}")
        self._roster.record_disturbance(line)

    def _report_unverified(self, files: tuple[TrainingFile, ...]) -> None:
        """Log once which files too few nodes can repeat. Raises JobEnded."""
        line = f"too few nodes to verify the results for {names(files)}: waiting for one more"
        if line not in self._roster.disturbances:
            self._log(f"job {self._spec.job[:8]}: {line}")
        self._roster.record_disturbance(line)
        self._require_running()

    def report_left_out(self, files: Files) -> None:
        """Report the files that a round goes on without, and why."""
        if files and not self._spec.pinned:
            self._roster.record_disturbance(f"left out, because no live node has them: {names(files)}")
        for absence, count in self._absences(files).items():
            self._roster.record_disturbance(f"{absence}: its {count} private file{'s' * (count != 1)} left out")

    def why_missing(self, files: Files) -> str:
        """Return why no node can train these files now."""
        return "; ".join([*self._absences(files)][:NAMES_SHOWN]) or f"no live node has {names(files)}"

    def _absences(self, files: Files) -> dict[str, int]:
        """Return what is wrong with the sites of private files, and how many of these files each has."""
        counts = Counter(self._spec.homes[file.index] for file in files if self._spec.pinned)
        return {self._absence(home): count for home, count in sorted(counts.items())}

    def _absence(self, home: str) -> str:
        if why := self._roster.reasons.get(home):
            return f"{home}: {why}"
        return f"{home} is {'drained' if home in self.waits.drained else 'away'}"


def _rows(files: Files) -> int:
    return sum(file.rows for file in files)


def _nothing() -> Procedure[None]:
    return
    yield  # makes this a procedure
