"""One round's work: every file on one node, whatever becomes of the nodes.

Files go to their holders in groups, one order a node. A node that is lost passes its files on to
the next holders in the same round; one that takes far too long is raced by another. Training is a
pure function, so it does not matter who of them answers first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from roundelay.chord.effects import Ask, AskAll, Procedure, Sleep, ask, ask_all, gather
from roundelay.chord.errors import Busy, ChordError, NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.federation.errors import WorkFailed
from roundelay.federation.placement import BALANCING, Groups, PlacementView, assign
from roundelay.federation.requests import Collect, Order, Progress, TrainingFile
from roundelay.federation.roster import Roster
from roundelay.store.blobs import digest_of
from roundelay.store.items import CHUNK_BYTES, Receipt, Write
from roundelay.store.read_path import fetch
from roundelay.store.write_path import write

DISTRIBUTE_TIMEOUT_S = 0.5  # for the weights to reach those who are to train, all at once
COLLECT_WAIT_S = 1.0
COLLECT_PAUSE_S = 0.1
GRACE_S = 1.0  # for an answer beyond the time that it was asked to wait
COLLECTS_MAX = 1_000_000  # of one order
WORKERS_MAX = 2
BACKUP_AFTER_MIN_S = 3.0
BACKUP_FACTOR = 4.0  # so many times as long as others take: for as many rows, and for an order
SAMPLES_MAX = 32


class MissingInput(NodeUnreachable):
    """It lives, and lacks what its order takes: one of the files, or room."""


@dataclass(frozen=True)
class PartialResult:
    """What one node made of one order."""

    node: NodeRef
    files: tuple[TrainingFile, ...]
    progress: Progress
    result: bytes
    trained_by: Mapping[int, str] = field(default_factory=dict)  # file -> address, where it was not `node` itself

    def trainer_of(self, file: TrainingFile) -> str:
        """The address of the node that has worked on a file."""
        return self.trained_by.get(file.index, str(self.node.address))


class ThroughputEstimate:
    """How long a row takes, as the last orders have shown."""

    def __init__(self) -> None:
        self.costs: dict[NodeRef, float] = {}  # seconds a row, of each node
        self._seconds_a_row: list[float] = []
        self._seconds: list[float] = []
        self._trees: list[float] = []  # seconds of whole trees: every level adds the time of its messages

    def record_tree(self, seconds: float) -> None:
        self._trees = [*self._trees[-SAMPLES_MAX:], seconds]

    def tree_timeout_s(self, files: Sequence[TrainingFile]) -> float:
        """How long to wait for a tree in which nobody has more to do than these files."""
        return max(self.backup_after_s(files), BACKUP_FACTOR * median(self._trees or [0.0]))

    def record(self, part: PartialResult) -> None:
        rows = sum(f.rows for f in part.files)
        latest = part.progress.seconds / rows
        self.costs[part.node] = (self.costs.get(part.node, latest) + latest) / 2
        self._seconds_a_row = [*self._seconds_a_row[-SAMPLES_MAX:], latest]
        self._seconds = [*self._seconds[-SAMPLES_MAX:], part.progress.seconds]

    def backup_after_s(self, files: Sequence[TrainingFile]) -> float:
        """How long to wait before somebody else is asked as well; without experience, for ever."""
        if not self._seconds_a_row:
            return float("inf")
        expected_s = median(self._seconds_a_row) * sum(f.rows for f in files)
        return max(BACKUP_AFTER_MIN_S, BACKUP_FACTOR * expected_s, BACKUP_FACTOR * median(self._seconds))


class RoundWork:
    """The orders of one round. `make_order` says what to do with some files, and whether that may be refused.

    weights: what training starts from, to be written to each node; nothing, where each has its own.
    """

    def __init__(
        self,
        roster: Roster,
        pace: ThroughputEstimate,
        clock: Callable[[], float],
        make_order: Callable[[tuple[TrainingFile, ...], bool], Order],
        weights: bytes,
        policy: str = "hash",
        chance: str = "",
    ) -> None:
        self._policy = policy
        self._chance = chance
        self._roster = roster
        self._estimate = pace
        self._clock = clock
        self._make_order = make_order
        self._weights = weights
        self._has_weights: set[NodeRef] = set()  # who has the weights already
        self.missing: list[TrainingFile] = []  # those that nobody who was asked can work on

    def run(
        self, files: Sequence[TrainingFile], refused: frozenset[NodeRef] = frozenset()
    ) -> Procedure[list[PartialResult]]:
        """Have all these files worked on, except those that end up in `missing`. Raises WorkFailed.

        refused: who has said that it is busy, and is asked again only when nobody else can be.
        """
        groups, left = assign(self._policy, files, self._view(files).without(refused))
        last, missing = assign(self._policy, left, self._view(left)) if refused else (Groups(), left)
        self.missing += missing
        yield from self._distribute_weights([*groups, *last])
        may_refuse = self._policy in BALANCING
        largest = sorted(groups.items(), key=lambda each: -sum(file.rows for file in each[1]))  # begins first
        work = [self._run_or_reassign(node, group, refused, may_refuse) for node, group in largest]
        work += [self._run_or_reassign(node, group, refused, False) for node, group in last.items()]
        parts = yield from self._all(work)
        return parts

    def _distribute_weights(self, nodes: Sequence[NodeRef]) -> Procedure[None]:
        """Weights to all at once, before anybody trains: what follows is small, and finds every node awake.

        Who does not take them in time gets them with its order.
        """
        weights, lacking = self._weights, [node for node in nodes if node not in self._has_weights]
        if len(lacking) < 2 or not 0 < len(weights) <= CHUNK_BYTES:
            return
        request = Write(digest_of(weights), len(weights), 0, weights)
        receipts = yield AskAll(
            [Ask(node, request, DISTRIBUTE_TIMEOUT_S) for node in lacking], None, DISTRIBUTE_TIMEOUT_S
        )
        self._has_weights.update(
            n for n, r in zip(lacking, receipts, strict=True) if isinstance(r, Receipt) and r.stored
        )

    def _all(self, work: Sequence[Procedure[list[PartialResult]]]) -> Procedure[list[PartialResult]]:
        """Each group by its node, side by side. Raises WorkFailed."""
        outcomes = yield from gather(work, limit=max(1, len(work)))
        parts: list[PartialResult] = []
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
            parts += outcome
        return parts

    def placed(self, files: Sequence[TrainingFile]) -> Groups:
        """Who would be asked for what, if all were asked at once."""
        return assign(self._policy, files, self._view(files))[0]

    def _view(self, files: Sequence[TrainingFile]) -> PlacementView:
        roster = self._roster
        holders = {f.index: roster.holders(f) for f in files}
        return PlacementView(roster.eligible(files), holders, self._chance, self._estimate.costs, roster.ring.replicas)

    def _run_or_reassign(
        self, node: NodeRef, files: tuple[TrainingFile, ...], refused: frozenset[NodeRef], may_refuse: bool
    ) -> Procedure[list[PartialResult]]:
        try:
            part = yield from self._run_with_backup(node, files, may_refuse)
        except MissingInput as error:
            if len(files) > 1:  # it may be one of them that it lacks
                each = [self._run_or_reassign(node, (file,), refused, may_refuse) for file in files]
                parts = yield from self._all(each)
                return parts
            self._roster.mark_missing_file(node, files[0], str(error))
            parts = yield from self.run(files, refused)
            return parts
        except ChordError as error:
            if isinstance(error, Busy) and node not in refused:
                refused |= {node}
            else:
                self._roster.mark_lost(node, str(error))
            parts = yield from self.run(files, refused)
            return parts
        self._estimate.record(part)
        return [part]

    def _run_with_backup(
        self, node: NodeRef, files: tuple[TrainingFile, ...], may_refuse: bool
    ) -> Procedure[PartialResult]:
        """One order, until somebody has carried it out.

        Raises WorkFailed; Busy when it was refused; another ChordError when all racers are lost.
        """
        order = self._make_order(files, may_refuse)
        racers = [node]
        yield from self._submit(node, order)
        began, ticket = self._clock(), order.ticket
        for _ in range(COLLECTS_MAX):
            asked = self._clock()
            answers = yield from ask_all(
                [(racer, Collect(ticket, COLLECT_WAIT_S)) for racer in racers],
                need=1,
                deadline_s=COLLECT_WAIT_S + GRACE_S,
            )
            for racer, answer in zip(list(racers), answers, strict=True):
                if isinstance(answer, Progress) and answer.state == "done":
                    result = yield from fetch((racer,), answer.result, answer.size_bytes)
                    if racer != node:
                        self._roster.mark_lost(node, f"took too long: {racer.address} has done its work")
                    return PartialResult(racer, files, answer, result)
                self._remove_failed(racers, racer, answer)
            if self._clock() - asked < COLLECT_PAUSE_S:
                yield Sleep(COLLECT_PAUSE_S)  # who answers at once that it is not done is not asked at once again
            if len(racers) < WORKERS_MAX and self._clock() - began > self._estimate.backup_after_s(files):
                yield from self._start_backup(racers, order)
        raise NodeUnreachable(f"{node.address} has not finished after {COLLECTS_MAX} questions")

    def _submit(self, node: NodeRef, order: Order) -> Procedure[None]:
        if order.weights and self._weights and node not in self._has_weights:
            yield from write(node, order.weights, self._weights)
        yield from ask(node, order)

    def _remove_failed(self, racers: list[NodeRef], racer: NodeRef, answer: Progress | ChordError) -> None:
        """Who has failed races no more. Raises WorkFailed where another would fail as well."""
        if isinstance(answer, Progress):
            if answer.state == "failed":
                raise WorkFailed(f"{racer.address}: {answer.message}")
            if answer.state not in ("unable", "unfit"):
                return
            error: ChordError = MissingInput(answer.message)
            if answer.state == "unfit":
                self._roster.exclude(racer)
                self._roster.record_disturbance(f"{racer.address}: {answer.message}")
                error = NodeUnreachable(answer.message)
        else:
            error = answer
        if isinstance(error, NodeUnreachable) and len(racers) > 1 and not isinstance(answer, Progress):
            return  # the other has answered first: that is all we know
        racers.remove(racer)
        if not racers:
            raise error

    def _start_backup(self, racers: list[NodeRef], order: Order) -> Procedure[None]:
        """Ask the next holder as well; it fetches what it lacks."""
        others = [n for n in self._roster.holders(order.files[0]) if n not in racers]
        if not others:
            return
        try:
            yield from self._submit(others[0], order)
        except Busy:
            return
        except ChordError as error:
            self._roster.mark_lost(others[0], str(error))
            return
        racers.append(others[0])
        self._roster.record_disturbance(f"{racers[0].address} is slow: {others[0].address} does its work as well")
