"""The driver's side of a tree: one order to the node at the top, one partial sum back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from roundelay.chord.effects import Procedure, ask
from roundelay.chord.errors import Busy, ChordError, NotFound
from roundelay.chord.refs import NodeRef
from roundelay.federation.errors import BadRecord, WorkFailed
from roundelay.federation.requests import Order, Progress, TrainingFile
from roundelay.federation.roster import Roster
from roundelay.federation.rounds import PartialResult
from roundelay.federation.throughput import ThroughputEstimate
from roundelay.federation.tickets import TicketTimeout, await_done
from roundelay.federation.topologies.partial import PartialSum, bitmap, partial_from_bytes
from roundelay.store.read_path import fetch
from roundelay.store.write_path import write

TOLD = tuple(kind.__name__ for kind in (Busy, WorkFailed, NotFound))  # who says why is not lost
TOPS_MAX = 3  # nodes tried at the top: then the star does it all


@dataclass(frozen=True)
class TreeResult:
    """What came down from the tree."""

    parts: list[PartialResult]
    partial: PartialSum | None = None

    @property
    def passed_on(self) -> int:
        """Orders from node to node."""
        return self.partial.messages if self.partial else 0

    def tiers(self, names: str) -> dict[str, list[str]]:
        """The nodes that have worked, by level; the last name is for all levels below as well."""
        levels: dict[str, list[str]] = {}
        known = names.split(",") if names else []
        for work in sorted(self.partial.done if self.partial else (), key=lambda work: (work.level, work.address)):
            name = known[min(work.level, len(known) - 1)] if known else f"level {work.level}"
            levels.setdefault(name, []).append(work.address)
        return levels


def reduce(
    roster: Roster, pace: ThroughputEstimate, clock: Callable[[], float], order: Order, weights: bytes
) -> Procedure[TreeResult]:
    """Have an order with shares carried out by the tree. What it could not do is not in the parts."""
    for _ in range(TOPS_MAX):
        tops = [n for n in roster.successors_of(roster.ring.key(order.job)) if n in roster.live]
        if not tops:
            break
        top = tops[0]
        try:
            partial = yield from _ask_top(top, pace, clock, replace(order, limit=top.id), weights)
            return _accept(roster, pace, order, top, partial)
        except TicketTimeout:
            roster.record_disturbance(f"{top.address}: the tree below it has taken too long")
            break  # whichever node is slow in it gets a backup task in the star
        except (ChordError, BadRecord) as error:
            roster.mark_lost(top, str(error))
    return TreeResult([])


def _ask_top(
    top: NodeRef, pace: ThroughputEstimate, clock: Callable[[], float], order: Order, weights: bytes
) -> Procedure[PartialSum]:
    if order.weights:
        yield from write(top, order.weights, weights)
    yield from ask(top, order)
    began, largest = clock(), _largest(order)
    progress = yield from await_done(
        top, order.ticket, lambda: clock() - began > pace.tree_timeout_s(largest), silent_polls_max=1
    )
    pace.record_tree(clock() - began)
    content = yield from fetch((top,), progress.result, progress.size_bytes)
    return partial_from_bytes(content)


def _accept(roster: Roster, pace: ThroughputEstimate, order: Order, top: NodeRef, partial: PartialSum) -> TreeResult:
    """The partial sum as a part of the round; who was lost on the way is lost to the round, too."""
    if not PartialSum(order.job, order.round, order.weights, 0).fits(partial):
        raise BadRecord(f"{top.address} has added something else")
    by_address = {str(n.address): n for n in roster.nodes}
    for address, why in partial.lost:
        if address in by_address and not why.startswith(TOLD):
            roster.mark_lost(by_address[address], why)
    files = tuple(f for f in order.files if partial.files >> f.index & 1)
    if bitmap(f.index for f in files) != partial.files:
        raise BadRecord(f"{top.address} has added files that are not the round's")
    if not files:
        return TreeResult([], partial)
    rows = {f.index: f.rows for f in files}
    for work in partial.done:
        node = by_address.get(work.address, top)
        its = tuple(f for f in files if f.index in work.files)
        pace.record(node, its, work.seconds)
    weighed = [(sum(rows[i] for i in work.files), work) for work in partial.done]
    total = sum(count for count, _ in weighed)
    progress = Progress(
        "done",
        seconds=max(work.seconds for work in partial.done),
        loss=sum(count * work.loss for count, work in weighed) / total,
        accuracy=sum(count * work.accuracy for count, work in weighed) / total,
    )
    trained_by = {index: work.address for work in partial.done for index in work.files}
    return TreeResult([PartialResult(top, files, progress, partial.sum, trained_by)], partial)


def _largest(order: Order) -> list[TrainingFile]:
    """The files of whoever has most to do."""
    rows = {f.index: f for f in order.files}
    groups = [[rows[i] for i in share.files] for share in order.shares]
    return max(groups, key=lambda group: sum(f.rows for f in group))
