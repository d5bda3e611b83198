"""One round's orders: every file is trained by one node, even if nodes fail or are slow.

Files are grouped by node, one order each. The files of a node that fails are assigned to other nodes in the same
round. An order that takes far too long gets a backup task on another node (Dean and Ghemawat, MapReduce, OSDI 2004,
section 3.6). Training is a pure function, so whichever node ends first counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from roundelay.chord.effects import Procedure, ask, ask_all, gather_or_raise
from roundelay.chord.errors import Busy, ChordError, NodeUnreachable, NotFound
from roundelay.chord.refs import NodeRef
from roundelay.federation.errors import BadRecord, StepTooLarge, WorkFailed
from roundelay.federation.placement import BALANCING, Groups, PlacementView, assign
from roundelay.federation.requests import Collect, Order, Progress, TrainingFile
from roundelay.federation.result_check import check_result
from roundelay.federation.roster import Roster
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.federation.tickets import COLLECTS_MAX, await_ticket
from roundelay.store.blobs import digest_of
from roundelay.store.items import CHUNK_BYTES, Receipt, Write
from roundelay.store.read_path import fetch
from roundelay.store.write_path import write

DISTRIBUTE_TIMEOUT_S = 0.5  # for the weights to reach all trainers at once
WORKERS_MAX = 2  # of one order: a node and its backup

Files = tuple[TrainingFile, ...]
MakeOrder = Callable[[Files, bool], Order]  # the files, and whether a busy node may refuse them


class MissingInput(NodeUnreachable):
    """The node is alive but lacks what the order needs: one of its files, or memory."""


class UnfitNode(NodeUnreachable):
    """The node computes different bits from the job's, or what no honest trainer would, and has been excluded."""


@dataclass(frozen=True)
class PartialResult:
    """The result of one order."""

    node: NodeRef
    files: Files
    progress: Progress
    result: bytes
    trained_by: Mapping[int, str] = field(default_factory=dict)  # file -> address, where it was not `node` itself

    def trainer_of(self, file: TrainingFile) -> str:
        """Return the address of the node that trained a file."""
        return self.trained_by.get(file.index, str(self.node.address))


@dataclass(frozen=True)
class RoundOutcome:
    """The results of a round's orders, and the files that no node could train."""

    parts: list[PartialResult]
    missing: list[TrainingFile]


class RoundWork:
    """Runs the orders of one round."""

    def __init__(
        self,
        roster: Roster,
        estimate: ThroughputEstimate,
        clock: Callable[[], float],
        make_order: MakeOrder,
        weights: bytes,
        policy: str = "hash",
        chance: str = "",
    ) -> None:
        """weights: what training starts from, to be sent to each trainer; empty where each has its own.

        chance: what the policy `random` draws from.
        """
        self._roster = roster
        self._estimate = estimate
        self._clock = clock
        self._make_order = make_order
        self._weights = _Weights(weights)
        self._policy = policy
        self._chance = chance

    def run(self, files: Sequence[TrainingFile], busy: frozenset[NodeRef] = frozenset()) -> Procedure[RoundOutcome]:
        """Have these files trained, each by one node. Raises WorkFailed.

        busy: nodes that have refused; they are asked again only for files that no other node can be given.
        """
        groups, left = assign(self._policy, files, self._view(files).without(busy))
        last, missing = assign(self._policy, left, self._view(left)) if busy else (Groups(), left)
        yield from self._weights.send_ahead([*groups, *last])
        may_refuse = self._policy in BALANCING
        largest_first = sorted(groups.items(), key=lambda group: -sum(file.rows for file in group[1]))
        orders = [self._run_group(node, group, busy, may_refuse) for node, group in largest_first]
        orders += [self._run_group(node, group, busy, False) for node, group in last.items()]
        outcome = yield from _gather(orders)
        return RoundOutcome(outcome.parts, [*missing, *outcome.missing])

    def placed(self, files: Sequence[TrainingFile]) -> Groups:
        """Return which node would be given which files, without asking any."""
        return assign(self._policy, files, self._view(files))[0]

    def _view(self, files: Sequence[TrainingFile]) -> PlacementView:
        roster = self._roster
        holders = {f.index: roster.holders(f) for f in files}
        nodes, costs = roster.eligible(files), self._estimate.costs
        return PlacementView(nodes, holders, self._chance, costs, roster.ring.replicas, roster.round_trips)

    def _run_group(
        self, node: NodeRef, files: Files, busy: frozenset[NodeRef], may_refuse: bool
    ) -> Procedure[RoundOutcome]:
        """Have one node train these files; if it fails, assign them to others.

        This ends: each failure takes the node, or the file on this node, out of what can be assigned.
        """
        try:
            part = yield from self._run_order(node, self._make_order(files, may_refuse))
        except MissingInput as error:
            if len(files) > 1:  # the node may lack only one of them
                singles = [self._run_group(node, (file,), busy, may_refuse) for file in files]
                return (yield from _gather(singles))
            self._roster.mark_missing_file(node, files[0], str(error))
        except ChordError as error:
            if isinstance(error, Busy) and node not in busy:
                busy |= {node}
            elif not isinstance(error, UnfitNode):
                self._roster.mark_lost(node, str(error))
        else:
            self._estimate.record(part.node, part.files, part.progress.seconds)
            return RoundOutcome([part], [])
        return (yield from self.run(files, busy))

    def _run_order(self, node: NodeRef, order: Order) -> Procedure[PartialResult]:
        """Have an order carried out by a node or, once that is slow, by its backup.

        Raises WorkFailed; Busy when the node refused; another ChordError when all workers are lost, or when the only
        node that has the files, which are private, is slow.
        """
        yield from self._require_answer(node)
        yield from self._submit(node, order)
        workers, failed, began = [node], set[NodeRef](), self._clock()

        def needs_backup() -> bool:
            elapsed_s = self._clock() - began
            return len(workers) < WORKERS_MAX and elapsed_s > self._estimate.backup_after_s(order.files)

        for _ in range(COLLECTS_MAX):
            for worker, answer in (yield from await_ticket(workers, order.ticket, needs_backup, clock=self._clock)):
                if isinstance(answer, Progress) and answer.state == "done":
                    result = yield from fetch((worker,), answer.result, answer.size_bytes)
                    error = self._impossible(worker, order, result)
                    if error is None:
                        return self._take_result(node, worker, order, answer, result)
                else:
                    error = self._failure(worker, answer)
                workers.remove(worker)
                failed.add(worker)
                if not workers:
                    raise error
            if needs_backup():
                yield from self._start_backup(workers, failed, order)
        raise NodeUnreachable(f"{node.address} has not finished after {COLLECTS_MAX} polls")

    def _submit(self, node: NodeRef, order: Order) -> Procedure[None]:
        yield from self._weights.send_with(node, order)
        yield from ask(node, order)

    def _start_backup(self, workers: list[NodeRef], failed: set[NodeRef], order: Order) -> Procedure[None]:
        """Give the order to the next holder as well; it fetches the files that it lacks."""
        others = [n for n in self._roster.holders(order.files[0]) if n not in {*workers, *failed}]
        if not others:
            self._give_up_private(workers, order)
            return
        backup = others[0]
        try:
            yield from self._submit(backup, order)
        except Busy:
            return
        except ChordError as error:
            self._roster.mark_lost(backup, str(error))
            return
        self._roster.record_disturbance(f"{workers[0].address} is slow: backup task on {backup.address}")
        workers.append(backup)

    def _give_up_private(self, workers: list[NodeRef], order: Order) -> None:
        """Raise NodeUnreachable if the files are private: the round goes on without their site."""
        if self._roster.is_private and len(workers) == 1:
            self._roster.abandoned[workers[0]] = order.ticket
            after_s = self._estimate.backup_after_s(order.files)
            raise NodeUnreachable(f"has not finished within {after_s:.1f} s, and no other node has its files")

    def _require_answer(self, node: NodeRef) -> Procedure[None]:
        """Raise NodeUnreachable while a node still works on an order that an earlier round has given up."""
        ticket = self._roster.abandoned.get(node)
        if ticket is None:
            return
        try:
            progress = yield from ask(node, Collect(ticket))
        except NotFound:
            progress = None
        if progress is not None and not progress.is_final:
            raise NodeUnreachable("has still not finished an order of an earlier round")
        del self._roster.abandoned[node]

    def _impossible(self, worker: NodeRef, order: Order, result: bytes) -> ChordError | None:
        """Exclude a worker whose result no honest trainer can have computed; return None if it may be honest."""
        try:
            check_result(order, order.files, result)
        except BadRecord as error:
            self._roster.exclude(worker)
            self._roster.record_disturbance(f"{worker.address} is excluded: {error}")
            return UnfitNode(str(error))
        return None

    def _take_result(
        self, node: NodeRef, worker: NodeRef, order: Order, progress: Progress, result: bytes
    ) -> PartialResult:
        if worker != node:
            self._roster.mark_lost(node, f"took too long: {worker.address} finished first")
        return PartialResult(worker, order.files, progress, result)

    def _failure(self, worker: NodeRef, answer: Progress | ChordError) -> ChordError:
        """Return why a worker failed. Raises WorkFailed, StepTooLarge where every other node would fail as well."""
        if isinstance(answer, ChordError):
            return answer
        if answer.state == "failed":
            raise WorkFailed(f"{worker.address}: {answer.message}")
        if answer.state == "unstable":
            raise StepTooLarge(answer.message)
        if answer.state == "unable":
            return MissingInput(answer.message)
        self._roster.exclude(worker)
        self._roster.record_disturbance(f"{worker.address}: {answer.message}")
        return UnfitNode(answer.message)


class _Weights:
    """The round's weights, sent to each trainer once."""

    def __init__(self, weights: bytes) -> None:
        self._weights = weights
        self._sent: set[NodeRef] = set()

    def send_ahead(self, nodes: Sequence[NodeRef]) -> Procedure[None]:
        """Send the weights to all trainers at once, so that training starts everywhere at the same time.

        A node that does not store them in time gets them with its order.
        """
        weights, receivers = self._weights, [node for node in nodes if node not in self._sent]
        if len(receivers) < 2 or not 0 < len(weights) <= CHUNK_BYTES:
            return
        request = Write(digest_of(weights), len(weights), 0, weights)
        receipts = yield from ask_all([(node, request) for node in receivers], deadline_s=DISTRIBUTE_TIMEOUT_S)
        answered = zip(receivers, receipts, strict=True)
        self._sent.update(node for node, receipt in answered if isinstance(receipt, Receipt) and receipt.stored)

    def send_with(self, node: NodeRef, order: Order) -> Procedure[None]:
        """Send the weights that an order needs to a node that does not have them yet."""
        if order.weights and self._weights and node not in self._sent:
            yield from write(node, order.weights, self._weights)


def _gather(orders: Sequence[Procedure[RoundOutcome]]) -> Procedure[RoundOutcome]:
    """Run all orders concurrently and join their outcomes. Raises the first error."""
    outcomes = yield from gather_or_raise(orders, limit=max(1, len(orders)))
    return RoundOutcome([p for o in outcomes for p in o.parts], [f for o in outcomes for f in o.missing])
