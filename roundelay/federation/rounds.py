"""One round's orders: every file is trained by one node, even if nodes fail or are slow.

Files are grouped by node, one order each. The files of a node that fails are assigned to other nodes in the same
round. An order that takes far too long gets a backup task on another node (Dean and Ghemawat, MapReduce, OSDI 2004,
section 3.6). Training is a pure function, so whichever node ends first counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from roundelay.chord.effects import Procedure
from roundelay.chord.errors import Busy, ChordError, Malformed, NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.federation.errors import BadRecord, StepTooLarge, WorkFailed
from roundelay.federation.order_sender import OrderSender, WeightsDelta
from roundelay.federation.partial_result import Files, PartialResult, RoundOutcome, fetch_result, join_outcomes
from roundelay.federation.placement import BALANCING, BY_HOLDER, STORING, Groups, PlacementView, assign
from roundelay.federation.requests import Order, Progress, TrainingFile
from roundelay.federation.roster import Roster
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.federation.tickets import COLLECTS_MAX, SILENT_POLLS_MAX, Elapsed, await_ticket
from roundelay.ml.task import FILES_MAX
from roundelay.store.blobs import Content

WORKERS_MAX = 2  # of one order: a node and its backup
AGAIN_FACTOR = 2  # a node that repeats an order has orders of its own before it

MakeOrder = Callable[[Files, bool], Order]  # the files, and whether a busy node may refuse them
Meanwhile = Callable[[frozenset[NodeRef]], Procedure[None]]  # the nodes that have the round's weights
# Called with a node's answer that an order fails on every node. Raises that failure, or excludes the node.
Doubt = Callable[["RoundWork", NodeRef, Order, Progress], Procedure[None]]


class MissingInput(NodeUnreachable):
    """The node is alive but lacks what the order needs: one of its files, or memory."""


class UnfitNode(NodeUnreachable):
    """The node computes different bits from the job's, or what no honest trainer would, and has been excluded."""


class RoundWork:
    """Runs the orders of one round."""

    def __init__(
        self,
        roster: Roster,
        estimate: ThroughputEstimate,
        clock: Callable[[], float],
        make_order: MakeOrder,
        weights: Content,
        policy: str = "hash",
        chance: str = "",
        doubt: Doubt | None = None,
        files_max: int = FILES_MAX,
        delta: WeightsDelta | None = None,
    ) -> None:
        """weights: what training starts from, to be sent to each trainer; empty where each has its own.

        chance: what the policy `random` draws from. doubt: without it, a node's word that an order fails is taken.
        files_max: in one order. delta: what is sent in place of the weights to nodes that have those before.
        """
        self._roster = roster
        self._estimate = estimate
        self._clock = clock
        self._make_order = make_order
        self._sender = OrderSender(weights, roster, delta)
        self._result_bytes = 0  # of all orders, about: sums have twice as many bytes as weights
        self._policy = policy
        self._chance = chance
        self._doubt = doubt
        self._files_max = files_max

    def run(
        self, files: Sequence[TrainingFile], meanwhile: Meanwhile | None = None, busy: frozenset[NodeRef] = frozenset()
    ) -> Procedure[RoundOutcome]:
        """Have these files trained, each by one node. Raises WorkFailed.

        meanwhile: what runs beside the training, from the time when all orders have been sent. busy: nodes that have
        refused; they are asked again only for files that no other node can be given.
        """
        groups, left = assign(self._policy, files, self._view(files).without(busy))
        last, missing = assign(self._policy, left, self._view(left)) if busy else (Groups(), left)
        may_refuse, most = self._policy in BALANCING, self._files_max
        largest_first = sorted(groups.items(), key=lambda group: -sum(file.rows for file in group[1]))
        orders = [(node, self._make_order(group[:most], may_refuse)) for node, group in largest_first]
        orders += [(node, self._make_order(group[:most], False)) for node, group in last.items()]
        later = [file for group in (*groups.values(), *last.values()) for file in group[most:]]
        self._result_bytes = max(self._result_bytes, sum(2 * order.weights_bytes for _, order in orders))
        answers = yield from self._sender.submit(orders)
        works = [self._run_group(node, order, answers[node], busy) for node, order in orders]
        beside = [meanwhile(self._sender.sent)] if meanwhile is not None else []
        outcome = yield from join_outcomes(works, beside)
        rest = (yield from self.run(later, busy=busy)) if later else RoundOutcome([], [])
        return RoundOutcome([*outcome.parts, *rest.parts], [*missing, *outcome.missing, *rest.missing])

    def placed(self, files: Sequence[TrainingFile]) -> Groups:
        """Return which node would be given which files, without asking any."""
        return assign(self._policy, files, self._view(files))[0]

    def ask_again(self, node: NodeRef, files: Files) -> Procedure[Progress | None]:
        """Have one more node carry out the order for these files. Return its answer, or None if it has none.

        The answer is `done`, `failed` or `unstable`; for every other, the roster is told what is wrong with the node.
        """
        order = self._make_order(files, False)
        answer: Progress | ChordError | str = (yield from self._sender.submit([(node, order)]))[node]
        if isinstance(answer, str):
            answer = yield from self._await_answer(node, order)
        if isinstance(answer, Progress) and answer.state in ("done", "failed", "unstable"):
            return answer
        if isinstance(answer, ChordError):
            self._roster.mark_lost(node, str(answer))
        elif answer.state == "unable":
            self._roster.mark_missing_file(node, files[0], answer.message)
        else:
            self._exclude(node, answer.message)
        return None

    def take(self, node: NodeRef, files: Files, progress: Progress) -> Procedure[PartialResult]:
        """Fetch the result of a node's `done` order. Raises ChordError, BadRecord."""
        return (yield from fetch_result(node, self._make_order(files, False), progress))

    def _await_answer(self, node: NodeRef, order: Order) -> Procedure[Progress | ChordError]:
        elapsed, patience_s = Elapsed(self._clock), AGAIN_FACTOR * self._estimate.backup_after_s(order.files)
        ended = yield from await_ticket(
            (node,),
            order.ticket,
            lambda: elapsed.seconds > patience_s,
            SILENT_POLLS_MAX,
            elapsed,
            self._result_bytes,
            self._roster.far,
        )
        return ended[0][1] if ended else NodeUnreachable(f"has not finished within {patience_s:.1f} s")

    def _view(self, files: Sequence[TrainingFile]) -> PlacementView:
        roster = self._roster
        holders = {f.index: roster.holders(f, self._policy in STORING) for f in files}
        nodes, costs = () if self._policy in BY_HOLDER else roster.eligible(files), self._estimate.costs
        return PlacementView(nodes, holders, self._chance, costs, roster.ring.replicas, roster.round_trips)

    def _run_group(
        self, node: NodeRef, order: Order, answer: str | ChordError, busy: frozenset[NodeRef]
    ) -> Procedure[RoundOutcome]:
        """Have one node carry out its order, which it has answered; if it fails, assign the files to others.

        This ends: each failure takes the node, or the file on this node, out of what can be assigned.
        """
        files = order.files
        try:
            if isinstance(answer, ChordError):
                raise answer
            part = yield from self._await_result(node, order)
        except MissingInput as error:
            if len(files) > 1:  # the node may lack only one of them
                return (yield from self._run_singly(node, order, busy))
            self._roster.mark_missing_file(node, files[0], str(error))
        except ChordError as error:
            if isinstance(error, Busy) and node not in busy:
                busy |= {node}
            elif not isinstance(error, UnfitNode):
                self._roster.mark_lost(node, str(error))
        else:
            self._estimate.record(part.node, part.files, part.progress.seconds)
            return RoundOutcome([part], [])
        return (yield from self.run(files, busy=busy))

    def _run_singly(self, node: NodeRef, order: Order, busy: frozenset[NodeRef]) -> Procedure[RoundOutcome]:
        """Have a node train each file of an order by itself."""

        def run_one(file: TrainingFile) -> Procedure[RoundOutcome]:
            single = self._make_order((file,), order.may_refuse)
            answers = yield from self._sender.submit([(node, single)])
            return (yield from self._run_group(node, single, answers[node], busy))

        return (yield from join_outcomes([run_one(file) for file in order.files]))

    def _await_result(self, node: NodeRef, order: Order) -> Procedure[PartialResult]:
        """Wait until an order has been carried out by its node or, once that is slow, by its backup.

        Raises WorkFailed; Busy when the node refused; another ChordError when all workers are lost.
        """
        workers, failed, elapsed = [node], set[NodeRef](), Elapsed(self._clock)

        def needs_backup() -> bool:
            return len(workers) < WORKERS_MAX and elapsed.seconds > self._estimate.backup_after_s(order.files)

        for _ in range(COLLECTS_MAX):
            ended = yield from await_ticket(
                workers,
                order.ticket,
                needs_backup,
                elapsed=elapsed,
                result_bytes=self._result_bytes,
                far=self._roster.far,
            )
            for worker, answer in ended:
                found = yield from self._result_or_error(worker, order, answer)
                if isinstance(found, PartialResult):
                    if worker != node:
                        self._roster.mark_lost(node, f"took too long: {worker.address} finished first")
                    return found
                workers.remove(worker)
                failed.add(worker)
                if not workers:
                    raise found
            if needs_backup():
                yield from self._start_backup(workers, failed, order)
        raise NodeUnreachable(f"{node.address} has not finished after {COLLECTS_MAX} polls")

    def _start_backup(self, workers: list[NodeRef], failed: set[NodeRef], order: Order) -> Procedure[None]:
        """Give the order to the next holder as well; it fetches the files that it lacks."""
        others = [n for n in self._roster.holders(order.files[0]) if n not in {*workers, *failed}]
        if not others:
            return
        backup = others[0]
        answer = (yield from self._sender.submit([(backup, order)]))[backup]
        if isinstance(answer, Busy):
            return
        if isinstance(answer, ChordError):
            self._roster.mark_lost(backup, str(answer))
            return
        self._roster.record_disturbance(f"{workers[0].address} is slow: backup task on {backup.address}")
        workers.append(backup)

    def _result_or_error(
        self, worker: NodeRef, order: Order, answer: Progress | ChordError
    ) -> Procedure[PartialResult | ChordError]:
        """Return a worker's result, or why it failed. Raises the failure if every other node would fail as well."""
        if isinstance(answer, Progress) and answer.state == "done":
            return (yield from self._result(worker, order, answer))
        if self._doubt is not None and isinstance(answer, Progress) and answer.state in ("failed", "unstable"):
            yield from self._doubt(self, worker, order, answer)
            return UnfitNode(answer.message)
        return self._failure(worker, answer)

    def _result(self, worker: NodeRef, order: Order, progress: Progress) -> Procedure[PartialResult | UnfitNode]:
        """Return a worker's result. Exclude the worker, and say why, if no honest trainer can have sent it."""
        try:
            return (yield from fetch_result(worker, order, progress))
        except (BadRecord, Malformed) as error:
            self._roster.exclude(worker)
            self._roster.record_disturbance(f"{worker.address} is excluded: {error}")
            return UnfitNode(str(error))

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
        self._exclude(worker, answer.message)
        return UnfitNode(answer.message)

    def _exclude(self, worker: NodeRef, why: str) -> None:
        self._roster.exclude(worker)
        self._roster.reasons[str(worker.address)] = why
        self._roster.record_disturbance(f"{worker.address}: {why}")
