"""Train one round: orders for its files, one step from their updates, and again with half the step if it diverges.

A round is a pure function of the spec and of the round before it: who trained which file, and who asked, leave no trace
in its weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from roundelay.chord.effects import Procedure, offload
from roundelay.federation import receipts, result_sums, round_tasks, server_step, trained_round, update_reader
from roundelay.federation.client_sampling import sampled_files
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import StepTooLarge, WorkFailed
from roundelay.federation.large_contents import open_buffer, written
from roundelay.federation.order_sender import WeightsDelta
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.records import RoundReport
from roundelay.federation.roster import Roster
from roundelay.federation.round_coordinator import Assignment, RoundCoordinator
from roundelay.federation.rounds import Meanwhile
from roundelay.federation.site_evaluation import FoundAtSites
from roundelay.federation.spec import JobSpec
from roundelay.federation.step_size import StepControl
from roundelay.federation.topologies.gossip import GossipResult, mix_and_evaluate
from roundelay.federation.trained_round import TrainedRound
from roundelay.federation.update_reader import UpdatesLost
from roundelay.store.blobs import Content

UPDATES_LOST_MAX = 100  # times in one round


@dataclass(frozen=True)
class PendingRound:
    """A round that is not validated yet."""

    report: RoundReport  # without validation at the driver
    trained: TrainedRound
    at_sites: FoundAtSites | None = None  # of a job whose sites evaluate


class RoundTraining:
    """Trains a job's rounds, each from the one before it."""

    def __init__(
        self,
        spec: JobSpec,
        roster: Roster,
        coordinator: RoundCoordinator,
        clocks: Clocks,
        name: str,
        require_clean_rounds: Callable[[], Procedure[None]],
    ) -> None:
        """Prepare to train rounds.

        name: of the driver, in reports. require_clean_rounds: called when a round's parts have come; it raises Replaced
        if a node that has contributed to earlier rounds was found to lie.
        """
        self._spec = spec
        self._roster = roster
        self._coordinator = coordinator
        self._clocks = clocks
        self._name = name
        self._require_clean_rounds = require_clean_rounds
        self._delta: WeightsDelta | None = None  # from the round before to the one that was trained last

    def train(self, number: int, before: TrainedRound, moments: bytes, meanwhile: Meanwhile) -> Procedure[PendingRound]:
        """Train a round, again with half the step as long as it diverges and the settings allow it.

        meanwhile: run beside the first attempt, once its orders are sent. Raises StepTooLarge, WorkFailed,
        FileUnavailable, Replaced.
        """
        self._roster.begin_round(number)
        control = StepControl(self._spec, number, before.loss, before.halvings)
        beside: Meanwhile | None = meanwhile
        is_verified = self._spec.settings.verify in (0.0, 1.0)  # as far as it can be
        while True:  # ends: the number of halvings is bounded
            try:
                work = yield from self._assign(number, before, moments, control.halvings)
                parts = yield from self._collect(work, beside, is_verified)
                made = yield from self._step(work, before, moments, parts, control.halvings, is_verified)
            except StepTooLarge as error:
                if is_verified:
                    control.reject(error)
            else:
                if (is_verified or control.is_usual(made.trained.loss)) and control.accepts(made.trained.loss):
                    break
            beside, is_verified = None, True  # it has run; no step is halved because of a lie
        self._delta = yield from self._delta_between(before, made.trained)
        disturbances, notices = tuple(self._roster.disturbances), (*control.notices, *_spent(self._spec, number))
        return replace(made, report=replace(made.report, disturbances=disturbances, notices=notices))

    def report(self, work: Assignment, parts: list[PartialResult]) -> RoundReport:
        """Return the report of a round, without validation."""
        loss, accuracy = result_sums.mean_of_progress(work.task, parts)
        verifier = self._coordinator.verifier
        confirmed = verifier.confirmed if verifier is not None else {}
        return RoundReport(
            self._spec.job,
            work.number,
            self._name,
            0.0,
            loss,
            accuracy,
            0.0,
            max((p.progress.seconds for p in parts), default=0.0),
            {f.name: p.trainer_of(f) for p in parts for f in p.files},
            tiers=self._coordinator.tiers,
            passed_on=self._coordinator.passed_on,
            verified={f.name: confirmed[f.index] for p in parts for f in p.files if f.index in confirmed},
            liars=tuple(verifier.liars.values()) if verifier is not None else (),
            trained_s=_added(p.trained_s for p in parts),
        )

    def _assign(self, number: int, before: TrainedRound, moments: bytes, halvings: int) -> Procedure[Assignment]:
        """Return a round's work: the task, and the weights that each file is trained from."""
        work = Assignment(
            number,
            round_tasks.training_task(self._spec, moments, halvings, round_tasks.units_of(self._spec, before)),
            (yield from offload(lambda: trained_round.start_of(self._spec, before))),
            delta=self._delta,
            attempt=self._clocks.version() if self._gossips else 0,
            priority=self._spec.settings.priority,
        )
        yield from offload(lambda: work.digest)  # which is kept
        return work

    def _collect(
        self, work: Assignment, meanwhile: Meanwhile | None, verify_all: bool
    ) -> Procedure[list[PartialResult]]:
        """Have every file trained. Raises Replaced if a liar has contributed to earlier rounds."""
        parts = yield from self._coordinator.collect(work, meanwhile, verify_all)
        yield from self._require_clean_rounds()
        return parts

    def _step(
        self,
        work: Assignment,
        before: TrainedRound,
        moments: bytes,
        parts: list[PartialResult],
        halvings: int,
        verify_all: bool,
    ) -> Procedure[PendingRound]:
        """Take one step with the updates, by the job's rule or by gossip. Raises StepTooLarge."""
        weights, state = before.content, before.state
        if self._spec.needs == "each":
            weights, parts = yield from self._aggregate(work, parts, halvings, verify_all)
        report = self.report(work, parts)
        if self._gossips:
            mixed = yield from self._mix(work, parts, moments)
            weights, report = mixed.weights, replace(report, errors=mixed.errors, spread=mixed.spread)
        elif self._spec.needs == "sum":
            buffer, number = (yield from open_buffer(len(weights))), work.number
            weights, state = yield from written(
                lambda: server_step.step_of_sums(
                    self._spec, before.content, parts, before.state, buffer, number=number
                ),
                len(weights),
            )
        trained = {f.index for p in parts for f in p.files}
        left_out = tuple(f.index for f in sampled_files(self._spec, work.number) if f.index not in trained)
        proven = receipts.merged(part.receipts for part in parts) if self._spec.has_receipts else {}
        loss = report.training_loss
        return PendingRound(
            report, TrainedRound(work.number, weights, state, loss, halvings, proven, left_out=left_out)
        )

    def _aggregate(
        self, work: Assignment, parts: list[PartialResult], halvings: int, verify_all: bool
    ) -> Procedure[tuple[Content, list[PartialResult]]]:
        """Apply a rule of single updates. Return the new weights, and the parts that they are computed from.

        Updates that are lost before they are read are trained again.
        """
        for _ in range(UPDATES_LOST_MAX):
            try:
                weights = yield from update_reader.aggregate(self._spec, work.weights, parts, halvings)
            except UpdatesLost as lost:
                self._record_loss(lost)
                parts = yield from self._collect(work, None, verify_all)
            else:
                return weights, parts
        raise WorkFailed(f"round {work.number}: single updates were lost {UPDATES_LOST_MAX} times")

    def _record_loss(self, lost: UpdatesLost) -> None:
        if lost.is_honest:
            self._roster.mark_lost(lost.node, lost.why)
        else:
            self._roster.exclude(lost.node)
            self._roster.record_disturbance(f"{lost.node.address} is excluded: {lost.why}")

    def _mix(self, work: Assignment, parts: list[PartialResult], moments: bytes) -> Procedure[GossipResult]:
        """Mix the models of a round of gossip."""
        evaluation = replace(work, task=round_tasks.evaluation_task(self._spec, moments))
        order = evaluation.order(self._spec.job, (self._spec.validation_file,))
        return (yield from mix_and_evaluate(self._roster, parts, self._spec.settings.exchanges, order))

    def _delta_between(self, before: TrainedRound, trained: TrainedRound) -> Procedure[WeightsDelta | None]:
        """Return how a round's weights follow from those before it, where the job rounds its steps."""
        if not self._spec.settings.rounds_updates:
            return None
        return (yield from offload(lambda: trained_round.delta_between(self._spec, before.content, trained)))

    @property
    def _gossips(self) -> bool:
        return self._spec.settings.topology == "gossip"


def _added(seconds: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Add up what several orders took on each node."""
    total: defaultdict[str, float] = defaultdict(float)
    for each in seconds:
        for address, spent in each.items():
            total[address] += spent
    return {address: round(spent, 4) for address, spent in sorted(total.items())}


def _spent(spec: JobSpec, number: int) -> tuple[str, ...]:
    """Return lines about the privacy that the rounds up to this one have spent; none without noise."""
    settings = spec.settings
    if not settings.dp_noise:
        return ()
    line = f"privacy spent: epsilon {settings.epsilon_after(number):.4g} at delta {settings.dp_delta:g}"
    if number < settings.rounds_allowed or settings.rounds_allowed == settings.rounds:
        return (line,)
    return (line, f"the job ends: one more round would spend more than --dp-epsilon {settings.dp_epsilon:g}")
