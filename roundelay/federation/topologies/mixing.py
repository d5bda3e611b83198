"""The driver's side of a round without anybody who adds: when all have trained, they mix, and then they are looked at.

The driver keeps time and takes one node's model for the chain; the others stay where they are. Who is lost while they
mix takes its mass along: the round goes on without it, and its report says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roundelay.chord.effects import Procedure, ask, gather
from roundelay.chord.errors import ChordError, NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.federation.effects import offload
from roundelay.federation.requests import Order, Progress, Share
from roundelay.federation.roster import Roster
from roundelay.federation.rounds import PartialResult
from roundelay.federation.tasks import MixTask
from roundelay.federation.tickets import await_done
from roundelay.store.items import CHUNK_BYTES, Read
from roundelay.store.read_path import fetch

SAMPLE_BYTES = 1 << 16  # of each model, to measure how far they lie apart: the whole of a small one
assert SAMPLE_BYTES <= CHUNK_BYTES


@dataclass(frozen=True)
class GossipResult:
    """What a round has come to: one node's model, every node's validation error, and how far the models lie apart."""

    weights: bytes
    errors: dict[str, float]  # address -> error of its model
    spread: float


def evaluate_and_mix(
    roster: Roster, parts: Sequence[PartialResult], exchanges: int, evaluation: Order
) -> Procedure[GossipResult]:
    """Have all live nodes exchange halves, and then evaluate what they hold. Raises NodeUnreachable: nobody is left."""
    from roundelay.ml.push_sum import spread_of

    nodes, task = roster.live, MixTask(exchanges)
    shares = tuple(Share(node, ()) for node in nodes)
    order = Order(evaluation.job, evaluation.round, (), task, shares=shares, attempt=evaluation.attempt)
    mixed = yield from _all(roster, nodes, order, parts)
    for node, progress in mixed.items():
        if progress.message:
            roster.record_disturbance(f"{node.address}: {progress.message}")
    settled = yield from _all(roster, tuple(mixed), evaluation, parts)
    if not settled:
        raise NodeUnreachable(f"none of {len(nodes)} nodes has a model of round {order.round}")
    samples = yield from _samples(settled)
    spread = yield from offload(lambda: spread_of(samples))
    weights = yield from _one_of(roster, settled, order.job)
    return GossipResult(weights, {str(n.address): round(1 - p.accuracy, 6) for n, p in settled.items()}, spread)


def _all(
    roster: Roster, nodes: Sequence[NodeRef], order: Order, parts: Sequence[PartialResult]
) -> Procedure[dict[NodeRef, Progress]]:
    """How the order has ended, with each node that has carried it out; with the others their mass is lost."""
    outcomes = yield from gather([_order(node, order) for node in nodes], limit=max(1, len(nodes)))
    done: dict[NodeRef, Progress] = {}
    for node, outcome in zip(nodes, outcomes, strict=True):
        if isinstance(outcome, Progress):
            done[node] = outcome
        elif isinstance(outcome, ChordError):
            rows = sum(f.rows for p in parts if p.node == node for f in p.files)
            roster.mark_lost(node, f"{outcome}. What it held of the round is lost: it had trained {rows} rows")
        else:
            raise outcome
    return done


def _order(node: NodeRef, order: Order) -> Procedure[Progress]:
    yield from ask(node, order)
    progress = yield from await_done(node, order.ticket)
    return progress


def _samples(settled: dict[NodeRef, Progress]) -> Procedure[list[bytes]]:
    """The first weights of each model; who cannot be read is not measured."""
    outcomes = yield from gather(
        [ask(node, Read(p.result, 0, min(p.size_bytes, SAMPLE_BYTES))) for node, p in settled.items()]
    )
    return [outcome for outcome in outcomes if isinstance(outcome, bytes)]


def _one_of(roster: Roster, settled: dict[NodeRef, Progress], job: str) -> Procedure[bytes]:
    """The model of the first node from the job's key on. Raises NodeUnreachable."""
    ring = roster.ring
    for node in sorted(settled, key=lambda n: ring.distance(ring.key(job), n.id)):
        progress = settled[node]
        try:
            weights = yield from fetch((node,), progress.result, progress.size_bytes)
        except ChordError as error:
            roster.mark_lost(node, str(error))
            continue
        return weights
    raise NodeUnreachable(f"none of {len(settled)} models can be read")
