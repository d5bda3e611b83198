"""Tree: an order is broadcast over the fingers, and exact partial sums are added on the way back.

A node gives each of its fingers the part of the ring up to the next finger: N - 1 messages, at most log2 N levels, no
part given twice (El-Ansary, Alima, Brand and Haridi, Efficient broadcast in structured P2P networks, IPTPS 2003). The
files of a child that is lost are not in the sum, and the driver has them trained by a star.

Masked vectors of secure aggregation are added in the same way, modulo 2^64, and their sealed shares travel behind the
sum (masked_sum.py).

The node's side is `aggregate`, the driver's side `reduce`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, ask_all, gather, offload
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import between
from roundelay.federation import masked_sum, result_sums
from roundelay.federation.effects import OpenBuffer
from roundelay.federation.errors import BadRecord, FederationError, StepTooLarge, WorkFailed
from roundelay.federation.large_contents import own_content
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.receipts import split_result
from roundelay.federation.requests import Collect, Order, Progress, Share, TrainingFile
from roundelay.federation.result_check import check_announced, check_result
from roundelay.federation.roster import Roster
from roundelay.federation.tasks import Task
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.federation.tickets import Elapsed, TicketTimeout, await_done, result_of, submit
from roundelay.federation.topologies.partial import Lost, NodeWork, PartialSum, bitmap, partial_from
from roundelay.ml.sliced import as_bytes
from roundelay.store.blobs import Buffer, Content
from roundelay.store.staging import LARGE_BYTES_MIN

ROOTS_MAX = 3  # nodes tried as the root of one round's tree
LOOK_INTERVAL_S = 1.0  # between two questions to nodes of a first tree
LOOKED_AT = 8  # nodes that are asked at a time


# --- the node's side


def aggregate(node: ChordNode, order: Order) -> Procedure[PartialSum]:
    """Have an order carried out by this node and the nodes below it, and add their sums."""
    branches = split(node, order)
    weights: Content = b""
    if order.weights:
        weights = yield from own_content(node.ref, order.weights, order.weights_bytes)
    procedures = [_run_branch(node.ref, child, part, weights) for child, part in branches]
    outcomes = yield from gather(procedures, limit=max(1, len(branches)))
    children = [child for child, _ in branches if child != node.ref]
    own = PartialSum(order.job, order.round, order.weights, 0)
    below: list[PartialSum] = []
    failed: list[Lost] = []
    for (child, _), outcome in zip(branches, outcomes, strict=True):
        if isinstance(outcome, ChordError | FederationError):
            failed.append(Lost.from_error(str(child.address), outcome))
        elif isinstance(outcome, Exception):
            raise outcome
        elif child == node.ref:
            own = outcome
        else:
            below.append(outcome)
    own = replace(own, messages=len(children), lost=tuple(failed))
    buffer: Buffer | None = None
    if order.masking is None and order.vector_bytes >= LARGE_BYTES_MIN:
        buffer = yield OpenBuffer(order.vector_bytes)
    return (yield from offload(lambda: add(own, below, order, buffer)))


def split(node: ChordNode, order: Order) -> list[tuple[NodeRef, Order]]:
    """Return the order's branches: this node's own share, and for each finger its part of the ring."""
    me, branches = node.ref, []
    own = tuple(share for share in order.shares if share.node == me)
    if own:
        branches.append((me, _narrow(order, own, 0)))
    children = _children(node, order.limit)
    ends = [*(c.id for c in children), order.limit][1:]
    for child, end in zip(children, ends, strict=True):
        shares = tuple(s for s in order.shares if s.node.id == child.id or between(child.id, s.node.id, end))
        shares = tuple(s for s in shares if s.node != me)
        if shares:
            branches.append((child, _narrow(order, shares, end, child)))
    return branches


def add(own: PartialSum, below: Sequence[PartialSum], order: Order, buffer: Buffer | None = None) -> PartialSum:
    """Add partial sums; one that overlaps, or is of another round, is left out and listed as lost.

    buffer: where a large sum is written.
    """
    addends = [own] if own.files else []
    total = own
    for other in below:
        if not total.fits(other):
            address = other.done[0].address if other.done else ""
            misfit = Lost(address, "mismatch", "its sum does not fit the others")
            total = replace(total, lost=(*total.lost, *other.lost, misfit))
            continue
        if other.files:
            addends.append(other)
        total = replace(
            total,
            files=total.files | other.files,
            done=(*total.done, *other.lower().done),
            lost=(*total.lost, *other.lost),
            messages=total.messages + other.messages,
        )
    if order.masking is not None:
        masked = [(each.files, as_bytes(each.sum)) for each in addends]
        return replace(total, sum=masked_sum.added(order, order.masking, masked))
    return replace(total, sum=result_sums.added(order.task, [each.sum for each in addends], buffer))


def _run_branch(me: NodeRef, child: NodeRef, order: Order, weights: Content) -> Procedure[PartialSum]:
    """Have one branch carried out. Raises ChordError, FederationError."""
    yield from submit(child, order, weights if child != me else b"")
    progress = yield from await_done(child, order.ticket)
    check_announced(order, progress.size_bytes)
    if child == me and not progress.content:
        content = yield from own_content(me, progress.result, progress.size_bytes)
    else:
        content = yield from result_of(child, progress)
    if order.shares:
        return (yield from offload(lambda: _possible(order, partial_from(content))))
    result, receipts = split_result(order, content)
    yield from offload(lambda: check_result(order, order.files, result))
    files, proven = tuple(f.index for f in order.files), b"".join(receipts.values()).hex()
    work = NodeWork(str(child.address), files, progress.seconds, progress.loss, progress.accuracy, 0, proven)
    return PartialSum(order.job, order.round, order.weights, bitmap(files), (work,), sum=result)


def _possible(order: Order, partial: PartialSum) -> PartialSum:
    """Return a partial sum that honest trainers can have computed. Raises BadRecord."""
    files = tuple(file for file in order.files if partial.files >> file.index & 1)
    if bitmap(file.index for file in files) != partial.files:
        raise BadRecord("a sum with files that are not in its order")
    if files:
        check_result(order, files, partial.sum)
    if order.has_receipts and len(partial.receipts) != partial.files.bit_count():
        raise BadRecord(f"not the result of an honest trainer: {len(partial.receipts)} receipts of {len(files)} files")
    return partial


def _children(node: ChordNode, limit: int) -> list[NodeRef]:
    """Return the live fingers between this node and the limit, the nearest first."""
    known = dict.fromkeys((*node.live_successors()[:1], *node.fingers))
    inside = [n for n in known if not n.is_vacant and n != node.ref and between(node.ref.id, n.id, limit)]
    live = [n for n in inside if not node.failure_detector.is_dead(n)]
    return sorted(live, key=lambda n: node.ring.distance(node.ref.id, n.id))


def _narrow(order: Order, shares: tuple[Share, ...], limit: int, child: NodeRef | None = None) -> Order:
    """Return the order for these shares only; where they are all one node's, the order that a star would give it."""
    wanted = {index for share in shares for index in share.files}
    is_plain = child is None or all(share.node == child for share in shares)
    return replace(
        order,
        files=tuple(file for file in order.files if file.index in wanted),
        shares=() if is_plain else shares,
        limit=0 if is_plain else limit,
    )


# --- the driver's side


@dataclass(frozen=True)
class TreeResult:
    """What a tree returned to the driver."""

    parts: list[PartialResult]
    partial: PartialSum | None = None

    @property
    def passed_on(self) -> int:
        """The number of orders sent from node to node."""
        return self.partial.messages if self.partial else 0

    @property
    def done(self) -> tuple[NodeWork, ...]:
        """What each node below the root did, and the root itself."""
        return self.partial.done if self.partial else ()


def tiers(done: Iterable[NodeWork], names: str) -> dict[str, list[str]]:
    """Return the addresses of the nodes that worked, by level; the last name stands for all levels below it."""
    levels: dict[str, list[str]] = {}
    known = names.split(",") if names else []
    for work in sorted(done, key=lambda work: (work.level, work.address)):
        name = known[min(work.level, len(known) - 1)] if known else f"level {work.level}"
        levels.setdefault(name, []).append(work.address)
    return levels


def reduce(
    roster: Roster,
    estimate: ThroughputEstimate,
    clock: Callable[[], float],
    order: Order,
    weights: Content,
    roots: Sequence[NodeRef] = (),
) -> Procedure[TreeResult]:
    """Have an order with shares carried out by a tree. Files that it could not do are in none of the parts.

    The root is the first live node of `roots`; without them, the owner of the job's key.
    """
    for _ in range(ROOTS_MAX):
        candidates = roots or roster.successors_of(roster.ring.key(order.job))
        root = next((n for n in candidates if n in roster.live), None)
        if root is None:
            break
        members = {str(node.address): node for node in roster.nodes}  # before one of them is known to be gone
        try:
            partial = yield from _ask_root(root, estimate, clock, replace(order, limit=root.id), weights)
            return _accept(roster, estimate, order, root, partial, members)
        except TicketTimeout:
            roster.record_disturbance(f"{root.address}: the tree below it has taken too long")
            break  # the slow node gets a backup task in the star
        except (ChordError, BadRecord, WorkFailed) as error:
            roster.mark_lost(root, str(error))
    return TreeResult([])


def _ask_root(
    root: NodeRef, estimate: ThroughputEstimate, clock: Callable[[], float], order: Order, weights: Content
) -> Procedure[PartialSum]:
    """Have the tree below a root carry an order out. Raises TicketTimeout, another ChordError, WorkFailed, BadRecord.

    While no order of the job has finished, nothing says how long a tree may take. Then the nodes below the root are
    asked how far they are, until one has finished.
    """
    yield from submit(root, order, weights)
    began, largest, elapsed, looks = clock(), _largest_share(order), Elapsed(clock), _Looks(order, estimate, clock)

    def is_late() -> bool:
        return clock() - began > estimate.tree_timeout_s(largest)

    while True:  # ends: the root does, or another node has finished, and then the tree is late at some time
        try:
            progress = yield from await_done(root, order.ticket, lambda: is_late() or looks.is_due, 1, elapsed)
            break
        except TicketTimeout:  # if more jobs have come to the ring, the next trees take as long
            if is_late():
                estimate.record_tree(clock() - began)
                raise
        yield from looks.take()
        if not estimate.is_empty:  # the way to the first node that has finished counts, too
            estimate.record_tree(clock() - began)
    estimate.record_tree(clock() - began)
    content = yield from result_of(root, progress)
    return (yield from offload(lambda: _possible(order, partial_from(content))))


class _Looks:
    """Asks nodes of a tree, in turn, whether they have finished their own orders, as long as none is known to have."""

    def __init__(self, order: Order, estimate: ThroughputEstimate, clock: Callable[[], float]) -> None:
        self._own = deque((share.node, _narrow(order, (share,), 0)) for share in order.shares)
        self._estimate = estimate
        self._clock = clock
        self._looked_at = clock()

    @property
    def is_due(self) -> bool:
        """Whether some nodes should be asked now."""
        return self._estimate.is_empty and self._clock() - self._looked_at > LOOK_INTERVAL_S

    def take(self) -> Procedure[None]:
        """Ask the next nodes, and record the times of the orders that they have finished."""
        self._looked_at = self._clock()
        some = list(islice(self._own, LOOKED_AT))
        self._own.rotate(-LOOKED_AT)
        answers = yield from ask_all([(node, Collect(own.ticket)) for node, own in some], deadline_s=CALL_TIMEOUT_S)
        for (node, own), answer in zip(some, answers, strict=True):
            if isinstance(answer, Progress) and answer.state == "done":
                self._estimate.record(node, own.files, answer.seconds)


def _accept(
    roster: Roster,
    estimate: ThroughputEstimate,
    order: Order,
    root: NodeRef,
    partial: PartialSum,
    members: Mapping[str, NodeRef],
) -> TreeResult:
    """Check a partial sum and return it as a part of the round. members: by address, when the order was given.

    Raises BadRecord, StepTooLarge.
    """
    if not PartialSum(order.job, order.round, order.weights, 0).fits(partial):
        raise BadRecord(f"{root.address} returned the sum of another round")
    files = tuple(f for f in order.files if partial.files >> f.index & 1)
    for each in partial.lost:
        if each.kind == "unstable":
            raise StepTooLarge(each.message)
        if each.address in members and not each.is_alive:
            roster.mark_lost(members[each.address], each.message)
    if not files:
        return TreeResult([], partial)
    for work in partial.done:
        own = tuple(f for f in files if f.index in work.files)
        estimate.record(members.get(work.address, root), own, work.seconds)
    trained_by = {index: work.address for work in partial.done for index in work.files}
    progress = _mean_progress(partial, {f.index: f.rows for f in files}, order.task)
    seconds = {work.address: work.seconds for work in partial.done}
    part = PartialResult(root, files, progress, partial.sum, trained_by, partial.receipts, seconds)
    return TreeResult([part], partial)


def _mean_progress(partial: PartialSum, rows: dict[int, int], task: Task) -> Progress:
    """Return the means of loss and accuracy by rows, and the longest time."""
    weighted = [(sum(rows[i] for i in work.files), work) for work in partial.done]
    total = sum(count for count, _ in weighted)
    return Progress(
        "done",
        seconds=max(work.seconds for work in partial.done),
        loss=result_sums.mean_loss(task, [(count, work.loss) for count, work in weighted]),
        accuracy=sum(count * work.accuracy for count, work in weighted) / total,
    )


def _largest_share(order: Order) -> list[TrainingFile]:
    """Return the files of the node that has most rows to train."""
    files = {f.index: f for f in order.files}
    shares = [[files[i] for i in share.files] for share in order.shares]
    return max(shares, key=lambda share: sum(f.rows for f in share))
