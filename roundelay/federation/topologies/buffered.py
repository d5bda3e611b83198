"""Buffered rounds: updates are taken as they come, and count the less the staler they are. No node waits for another.

FedBuff: Nguyen, Malik, Zhan, Yousefpour, Rabbat, Malek and Huba, Federated learning with buffered asynchronous
aggregation, AISTATS 2022. The files of a node are trained together. Their update goes into the driver's buffer, and as
soon as the buffer has those of enough files, a round takes all of them: it adds their weighted mean to the weights of
the round before. A file that was taken is trained again at once, from the new weights.

Time decides which updates a round takes. RESULT names them, so that anybody can repeat the round, and a driver that
takes over orders exactly those that are under way (roundelay.federation.staleness).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from roundelay.chord.effects import Effect, Procedure, Sleep, gather_or_raise, intercept, offload
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import NodeRef
from roundelay.federation import receipts, result_sums, round_tasks, server_step
from roundelay.federation.errors import FederationError, StepTooLarge
from roundelay.federation.partial_result import Files, PartialResult, RoundOutcome
from roundelay.federation.requests import Order, TrainingFile, names
from roundelay.federation.roster import Roster
from roundelay.federation.round_coordinator import FILES_RETRY_S, Assignment, RoundCoordinator
from roundelay.federation.rounds import MakeOrder, Meanwhile, RoundWork
from roundelay.federation.spec import JobSpec
from roundelay.federation.staleness import Bases, staleness_of
from roundelay.federation.step_size import StepControl
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.federation.tickets import Elapsed
from roundelay.federation.topologies.order_plan import OrderPlan, PlannedOrder
from roundelay.federation.trained_round import TrainedRound
from roundelay.store.blobs import Content

ORDERS_MAX = 128  # under way at a time
POLL_S, POLL_MAX_S = 0.01, 0.5  # how often the buffer is looked at, and whether there are files to train
POLL_SHARE = 0.05  # of the time that it has been in vain


class _Ended(FederationError):
    """The job needs no more updates, or an order or a round has failed."""


class _TooOld(FederationError):
    """The update that an order asks for would be thrown away."""


@dataclass(frozen=True)
class _Arrived:
    """Updates that were trained together, and wait in the buffer."""

    base: int
    files: Files
    parts: list[PartialResult]


class _Patient(ThroughputEstimate):
    """No order is late: nothing waits for it."""

    def backup_after_s(self, files: Sequence[TrainingFile]) -> float:
        return float("inf")


class _BufferedWork(RoundWork):
    """The orders for updates that start from the same weights, as long as they are wanted."""

    def __init__(
        self,
        roster: Roster,
        estimate: ThroughputEstimate,
        clock: Callable[[], float],
        make_order: MakeOrder,
        weights: Content,
        require_wanted: Callable[[Files, NodeRef | None], None],
    ) -> None:
        super().__init__(roster, estimate, clock, make_order, weights)
        self._require_wanted = require_wanted

    def run(
        self, files: Sequence[TrainingFile], meanwhile: Meanwhile | None = None, busy: frozenset[NodeRef] = frozenset()
    ) -> Procedure[RoundOutcome]:
        """Have these files trained, each by one node. Raises _Ended or _TooOld once their updates are not wanted."""
        self._require_wanted(tuple(files), None)
        return (yield from super().run(files, meanwhile, busy))

    def _run_group(
        self, node: NodeRef, order: Order, answer: str | ChordError, busy: frozenset[NodeRef]
    ) -> Procedure[RoundOutcome]:
        """Have one node carry out its order. Raises _Ended or _TooOld once its update is not wanted."""

        def observe(effect: Effect, outcome: object) -> None:
            self._require_wanted(order.files, node)

        return (yield from intercept(super()._run_group(node, order, answer, busy), observe))


class BufferedTraining:
    """The updates of one driver's job that are under way, and the buffer of those that have come."""

    def __init__(
        self,
        spec: JobSpec,
        roster: Roster,
        coordinator: RoundCoordinator,
        clock: Callable[[], float],
        moments: bytes,
        bases: Bases,
        weights: Mapping[int, bytes],
        require_running: Callable[[], None],
    ) -> None:
        """weights: of the rounds that updates start from, by round. require_running: raises once the job has ended."""
        self._require_running = require_running
        self._spec = spec
        self._roster = roster
        self._coordinator = coordinator
        self._clock = clock
        self.task = round_tasks.training_task(spec, moments)
        self._estimate = _Patient()
        self._bases = bases
        self._assignments = {number: self._assignment(number, each) for number, each in weights.items()}
        self._plan = OrderPlan(spec, roster, bases, clock, lambda: coordinator.waits.drained)
        self._look_at = clock() + FILES_RETRY_S  # when nodes are looked for again
        self._buffer: list[_Arrived] = []
        self._is_over = False

    def run(self, rounds: Procedure[None]) -> Procedure[None]:
        """Keep all files in training beside `rounds`, until that ends or something fails.

        Raises what `rounds` raises; WorkFailed, StepTooLarge, NobodyFits, FileUnavailable, JobEnded, ChordError.
        """
        yield from offload(lambda: [each.digest for each in self._assignments.values()])  # which are kept
        workers = [self._until_over(self._work()) for _ in self._spec.files[:ORDERS_MAX]]
        yield from gather_or_raise([self._until_over(rounds), *workers], limit=1 + len(workers))

    def require_more(self) -> None:
        """Raise an error that ends `run` if the job needs no more updates or something has failed."""
        if self._is_over:
            raise _Ended("no more updates are needed")
        self._require_running()

    def resume(self) -> None:
        """Go on after a pause, in which no node was looked for: it counts for no wait."""
        self._plan.restart_waits()

    def next_round(self, before: TrainedRound) -> Procedure[tuple[TrainedRound, list[PartialResult]]]:
        """Wait until the buffer is full; return the round that takes what is in it, and the results that it took.

        Raises StepTooLarge, NobodyFits, FileUnavailable.
        """
        arrived = yield from self._full_buffer(before.number + 1)
        number, parts = before.number + 1, [part for each in arrived for part in each.parts]
        taken = tuple((file.index, each.base) for each in arrived for part in each.parts for file in part.files)
        staleness = staleness_of(number, taken)
        weights, state = yield from offload(
            lambda: server_step.step(self._spec, before.weights, parts, before.state, staleness=staleness)
        )
        assignment = self._assignment(number, weights)
        yield from offload(lambda: assignment.digest)  # which is kept
        loss, _ = result_sums.mean_of_progress(self.task, parts)
        proven = receipts.merged(part.receipts for part in parts)
        self._is_over = self._is_over or number >= self._spec.settings.rounds_allowed
        self._assignments[number] = assignment
        ordered = self._plan.ordered
        if too_old := [file for file in self._bases.take(number, taken) if file in ordered]:
            started = f"started more than {self._spec.settings.max_staleness} rounds ago"
            files = names([self._spec.files[index] for index in too_old])
            self._roster.record_disturbance(f"updates that {started} are thrown away: {files}")
        self._assignments = {base: self._assignments[base] for base in self._bases.rounds}
        self._plan.expire()
        return TrainedRound(number, weights, state, loss, receipts=proven, taken=taken), parts

    # --- helpers

    def _until_over(self, procedure: Procedure[None]) -> Procedure[None]:
        """Run a procedure; when it ends, all others do."""
        try:
            yield from procedure
        except _Ended:
            pass
        finally:
            self._is_over = True

    def _assignment(self, number: int, weights: bytes) -> Assignment:
        """Return the work of updates that start from a round's weights, numbered as the round after it."""
        return Assignment(number + 1, self.task, weights, priority=self._spec.settings.priority)

    def _orders(self, base: int) -> _BufferedWork:
        """Return the orders for updates that start from a round's weights."""
        work, job = self._assignments[base], self._spec.job

        def require_wanted(files: Files, node: NodeRef | None) -> None:
            self.require_more()
            if self._bases[files[0].index] != base:
                if node is not None:
                    self._plan.end_waits(files)
                    self._roster.mark_lost(node, f"has taken too long for {names(files)}")
                raise _TooOld(f"the update started from round {base}")

        def make_order(files: Files, may_refuse: bool) -> Order:
            return work.order(job, files, may_refuse)

        return _BufferedWork(self._roster, self._estimate, self._clock, make_order, work.weights, require_wanted)

    def _work(self) -> Procedure[None]:
        """Have files trained, one order after the other, until no more updates are needed."""
        idle = Elapsed(self._clock)
        while True:  # _Ended ends it
            self.require_more()
            order = self._plan.pop()
            if order is None:
                yield Sleep(min(POLL_MAX_S, max(POLL_S, idle.seconds * POLL_SHARE)))
                idle.observe([])
                continue
            yield from self._carry_out(order)
            idle = Elapsed(self._clock)

    def _carry_out(self, order: PlannedOrder) -> Procedure[None]:
        """Have the files of an order trained, and put the updates of those that a node could train into the buffer."""
        parts: list[PartialResult] = []
        try:
            parts = (yield from self._orders(order.base).run(order.files)).parts
        except StepTooLarge as error:
            StepControl(self._spec, order.base + 1, 0.0, 0).reject(error)
            raise
        except _TooOld:
            pass
        finally:
            trained = tuple(file for part in parts for file in part.files)
            self._plan.end(order, {file.index for file in trained})
        if parts:
            self._buffer.append(_Arrived(order.base, trained, parts))

    def _full_buffer(self, number: int) -> Procedure[list[_Arrived]]:
        """Wait until the buffer is full, and empty it. Updates that have become too old in it are thrown away."""
        while True:  # _Ended ends it
            self._buffer = [each for each in self._buffer if self._bases[each.files[0].index] == each.base]
            count = sum(len(each.files) for each in self._buffer)
            if self._clock() >= self._look_at:
                self._look_for_nodes(number, count)
            if count >= self._spec.buffer_files:
                break
            self.require_more()
            yield Sleep(POLL_S)
        self._coordinator.report_left_out(self._plan.unplaced)
        arrived, self._buffer = self._buffer, []
        return arrived

    def _look_for_nodes(self, number: int, count: int) -> None:
        """Plan the orders again, and say what the round waits for if none is left. count: the files in the buffer.

        Raises NobodyFits, FileUnavailable.
        """
        self._look_at = self._clock() + FILES_RETRY_S
        self._plan.update()
        if self._plan.is_stuck and count < self._spec.buffer_files:
            buffer = f"the buffer has {count} of {self._spec.buffer_files} files"
            why = self._coordinator.why_missing(self._plan.unplaced)
            self._coordinator.report_wait(f"{buffer}, and {why}: waiting", number)
        self._plan.retry_unplaced()
