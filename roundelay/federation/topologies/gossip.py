"""Gossip: no node aggregates; each trains its own model and exchanges halves of it with its neighbours.

Push-sum (Kempe, Dobra and Gehrke, Gossip-based computation of aggregate information, FOCS 2003): a node holds a sum of
models and its weight, in rows. In each exchange it keeps half of both and pushes the other half to a random finger, and
every node's sum divided by its weight converges to the mean over all rows. The total weight is conserved: a push has a
number, is repeated until it is acknowledged, and counts once. A push that was refused is taken back; one whose fate is
unknown is given up and reported. The weight that a dead node held is lost.

The node's side is `Gossip`, the driver's side `mix_and_evaluate`.
"""

from __future__ import annotations

import math
import random
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from roundelay.chord.effects import Procedure, Sleep, ask, gather, offload
from roundelay.chord.errors import ChordError, NodeUnreachable, NotFound
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.federation import records
from roundelay.federation.errors import WorkFailed
from roundelay.federation.job_keys import key_of
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.requests import Order, Progress, Push, Share
from roundelay.federation.roster import Roster
from roundelay.federation.tasks import EvaluateTask, MixTask, TrainTask
from roundelay.federation.tickets import await_done
from roundelay.ml import push_sum
from roundelay.ml.data import moments_from_bytes
from roundelay.ml.errors import BadTask
from roundelay.ml.metrics import FIT_DIGITS
from roundelay.ml.push_sum import WeightedModel
from roundelay.ml.sliced import Sliced, as_bytes
from roundelay.store.blobs import digest_of
from roundelay.store.items import CHUNK_BYTES, Read, Release
from roundelay.store.read_path import fetch, get
from roundelay.store.transfer import write

JOBS_KEPT = 8
ATTEMPTS_KEPT = 4  # per job
PUSHES_MAX = 10_000  # accepted per attempt
EARLY_PUSHES_MAX = 256  # in all, of attempts in which this node has no order yet
DISTRUSTED_MAX = 64  # senders of malformed pushes that are remembered, in a job
PUSH_TRIES = 8
PAUSE_S = 0.02  # before another try, and while there is nothing to give away
SAMPLE_BYTES = 1 << 16  # of each model, to measure how far models lie apart
assert SAMPLE_BYTES <= CHUNK_BYTES


# --- the node's side


@dataclass
class _Attempt:
    """This node's state in one driver's attempt at a round."""

    mass: WeightedModel = field(default_factory=WeightedModel)
    pushed: deque[Push] = field(default_factory=deque)  # accepted, not merged yet; filled by any thread
    accepted: set[tuple[NodeRef, int]] = field(default_factory=set)  # sender and number of every push
    settled: bool = False  # the exchanges are over


@dataclass
class _Job:
    """This node's model, as of the last settled round, and the attempts that it takes part in."""

    round: int = -1
    model: bytes = b""
    attempts: OrderedDict[tuple[int, int], _Attempt] = field(default_factory=OrderedDict)
    distrusted: dict[NodeRef, str] = field(default_factory=dict)  # senders of malformed pushes, and what was wrong
    reported: set[NodeRef] = field(default_factory=set)  # of these

    def distrust(self, sender: NodeRef, error: BadTask) -> None:
        """Charge a malformed push to its sender."""
        if len(self.distrusted) < DISTRUSTED_MAX:
            self.distrusted.setdefault(sender, str(error))

    def new_charges(self) -> list[str]:
        """Return a message for each sender that has been distrusted since the last call."""
        new = [sender for sender in self.distrusted if sender not in self.reported]
        self.reported.update(new)
        return [
            f"{each.address} has pushed a malformed half, which was left out: {self.distrusted[each]}" for each in new
        ]


class Gossip:
    """One node's models in the jobs that gossip."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        self._early: dict[tuple[str, int, int], _Attempt] = {}  # by job, round and attempt: pushes before any order

    def receive_push(self, push: Push) -> None:
        """Accept a half whose content was written here before. Raises NotFound: it was not accepted.

        A push may come before this node's own order, or be a stranger's invention: few of these are accepted, and the
        sender of another one keeps its half.
        """
        job = self._jobs.get(push.job, _Job())
        if push.sender in job.distrusted:
            raise NotFound(f"an earlier push of {push.sender.address} was malformed: its pushes are left out")
        known = job.attempts.get((push.round, push.attempt))
        attempt = self._early_attempt(push) if known is None else known
        if attempt.settled:
            raise NotFound(f"round {push.round} of job {push.job[:8]} is settled here")
        if (push.sender, push.number) not in attempt.accepted:
            if len(attempt.accepted) >= PUSHES_MAX:
                raise NotFound(f"round {push.round} has had {PUSHES_MAX} pushes here, and takes no more")
            attempt.accepted.add((push.sender, push.number))
            attempt.pushed.append(push)

    def _early_attempt(self, push: Push) -> _Attempt:
        if sum(len(attempt.accepted) for attempt in self._early.values()) >= EARLY_PUSHES_MAX:
            raise NotFound(f"no order of job {push.job[:8]}, round {push.round} has come here yet")
        return self._early.setdefault((push.job, push.round, push.attempt), _Attempt())

    def weights(self, node: ChordNode, order: Order) -> Procedure[bytes]:
        """Return the model to train or to evaluate: this node's own or, if it has none, the ring's.

        Raises WorkFailed for any other task, ChordError if the ring's model cannot be read.
        """
        if not isinstance(order.task, TrainTask | EvaluateTask):
            raise WorkFailed(f"{order.task.activity} is not a task of a round without aggregation")
        attempt = self._attempt(order.job, order.round, order.attempt)
        if isinstance(order.task, EvaluateTask):
            yield from self._settle(node, order, attempt)
        job = self._jobs[order.job]
        if job.model and job.round in (order.round - 1, order.round):  # the latter: from an attempt that was abandoned
            return job.model
        return (yield from _model_of_ring(node, order))

    def keep(self, order: Order, base: bytes, result: Sliced) -> Procedure[bytes]:
        """Keep a training's result here. Return what the driver may read: nothing after training, else the model."""
        if not isinstance(order.task, TrainTask):
            return base
        attempt, rows = self._attempt(order.job, order.round, order.attempt), sum(file.rows for file in order.files)
        bits = order.task.plan.fraction_bits
        attempt.mass = yield from offload(
            lambda: push_sum.add([attempt.mass, push_sum.from_training(base, as_bytes(result), rows, bits)])
        )
        return b""

    def mix(self, node: ChordNode, order: Order) -> Procedure[str]:
        """Make one round's exchanges with the nodes that the order names. Return what went wrong, as a message."""
        if not isinstance(order.task, MixTask):
            raise WorkFailed(f"{order.task.activity} is not a task to carry out with other nodes")
        attempt, lost_rows = self._attempt(order.job, order.round, order.attempt), 0.0
        rng = random.Random(f"{order.job} {order.round} {order.attempt} {node.ref.id}")
        others = [share.node for share in order.shares if share.node != node.ref]
        for number in range(order.task.exchanges if others else 0):
            yield from self._merge(node, order, attempt)
            neighbours = _neighbours(node, others)
            if attempt.mass.rows and neighbours:
                lost_rows += yield from self._exchange(node, order, attempt, number, rng.choice(neighbours))
            else:
                yield Sleep(PAUSE_S)
        lost = [f"{lost_rows:.0f} rows were sent but never acknowledged"] if lost_rows else []
        return "; ".join(lost + self._jobs[order.job].new_charges())

    def _attempt(self, job: str, number: int, attempt: int) -> _Attempt:
        """Return an attempt, new or known; the oldest of too many are dropped."""
        known = self._jobs.setdefault(job, _Job())
        self._jobs.move_to_end(job)
        if len(self._jobs) > JOBS_KEPT:
            self._jobs.popitem(last=False)
        early = self._early.pop((job, number, attempt), _Attempt())
        found = known.attempts.setdefault((number, attempt), early)
        if len(known.attempts) > ATTEMPTS_KEPT:
            known.attempts.popitem(last=False)
        return found

    def _exchange(self, node: ChordNode, order: Order, attempt: _Attempt, number: int, to: NodeRef) -> Procedure[float]:
        """Give half away. Return the rows whose fate is unknown."""
        half = yield from offload(lambda: push_sum.split(attempt.mass))
        try:
            yield from _push(node, order, number, to, half.to_bytes(f"{node.ref} {number}"))
        except NodeUnreachable:
            attempt.mass = half  # the push may have arrived: taken back, it could count twice
            return half.rows
        except ChordError:
            return 0.0  # it was refused
        attempt.mass = half
        return 0.0

    def _merge(self, node: ChordNode, order: Order, attempt: _Attempt) -> Procedure[None]:
        """Add what has been pushed here, except what is lost or malformed; the latter is charged to its sender."""
        while attempt.pushed:  # ends: the number of pushes is bounded
            push = attempt.pushed.popleft()
            try:
                _require_size(push, order.weights_bytes)
                content = yield from fetch((node.ref,), push.digest, push.size_bytes)
                attempt.mass = yield from offload(partial(_add, attempt.mass, content))
            except NotFound:
                continue
            except BadTask as error:
                self._jobs[order.job].distrust(push.sender, error)
            yield from ask(node.ref, Release(contents=(push.digest,)))

    def _settle(self, node: ChordNode, order: Order, attempt: _Attempt) -> Procedure[None]:
        """End the exchanges: what is held now is this node's model of the round."""
        job = self._jobs[order.job]
        if attempt.settled and job.round == order.round:
            return
        attempt.settled = True
        yield from self._merge(node, order, attempt)
        before = job.model if job.round == order.round - 1 else b""
        job.model = yield from offload(lambda: push_sum.mean_of(attempt.mass, before))
        job.round = order.round


def _require_size(push: Push, model_bytes: int) -> None:
    """Raise BadTask if what was pushed cannot be half of a model of this job."""
    if push.size_bytes != push_sum.encoded_bytes(model_bytes):
        raise BadTask(f"{push.size_bytes} bytes are no half of a model of {model_bytes}")


def _add(mass: WeightedModel, content: bytes) -> WeightedModel:
    """Add a pushed half. Raises BadTask."""
    return push_sum.add([mass, push_sum.weighted_model_from_bytes(content)])


def _push(node: ChordNode, order: Order, number: int, to: NodeRef, content: bytes) -> Procedure[None]:
    """Push a half until it is acknowledged. Raises NodeUnreachable if it may have arrived, else another ChordError."""
    digest = digest_of(content)
    push = Push(order.job, order.round, order.attempt, number, node.ref, digest, len(content))
    for _ in range(PUSH_TRIES):
        try:
            yield from write(to, digest, content)
            yield from ask(to, push)
            return
        except NodeUnreachable:
            yield Sleep(PAUSE_S)
    raise NodeUnreachable(f"{to.address} has not acknowledged a push in {PUSH_TRIES} tries")


def _neighbours(node: ChordNode, others: list[NodeRef]) -> list[NodeRef]:
    """Return those of `others` that are fingers or successors: an order cannot send a node anywhere else."""
    known = {*node.fingers, *node.live_successors()}
    return [other for other in others if other in known]


def _model_of_ring(node: ChordNode, order: Order) -> Procedure[bytes]:
    """Return the model of the round before, as written here or stored on the ring. Raises ChordError."""
    try:
        return (yield from fetch((node.ref,), order.weights, order.weights_bytes))
    except NotFound:
        name = records.weights_name(order.job, order.round - 1)
        key = key_of(node.ring, order.job, f"weights-{order.round - 1}")
        return (yield from get(node.ref, node.ring, key, name, order.weights))


# --- the driver's side


@dataclass(frozen=True)
class GossipResult:
    """The result of a round of gossip."""

    weights: bytes  # one node's model, for the chain
    errors: dict[str, float]  # address -> validation error of its model
    spread: float  # how far the models lie apart: push_sum.spread_of


def mix_and_evaluate(
    roster: Roster, parts: Sequence[PartialResult], exchanges: int, evaluation: Order
) -> Procedure[GossipResult]:
    """Have all live nodes exchange halves and then evaluate their models. Raises NodeUnreachable: no model is left."""
    nodes = roster.live
    shares = tuple(Share(node, ()) for node in nodes)
    mixing = replace(evaluation, files=(), task=MixTask(exchanges), shares=shares)
    mixed = yield from _run_everywhere(roster, nodes, mixing, parts)
    for node, progress in mixed.items():
        if progress.message:
            roster.record_disturbance(f"{node.address}: {progress.message}")
    found = yield from _run_everywhere(roster, tuple(mixed), evaluation, parts)
    settled = {node: each for node, each in found.items() if _has_size(roster, node, each, evaluation.weights_bytes)}
    if not settled:
        raise NodeUnreachable(f"none of {len(nodes)} nodes has a model of round {evaluation.round}")
    samples = yield from _samples(settled, evaluation.weights_bytes)
    spread = yield from offload(lambda: push_sum.spread_of(samples))
    weights = yield from _one_model(roster, settled, evaluation)
    assert isinstance(evaluation.task, EvaluateTask)
    honest = [(node, progress) for node, progress in settled.items() if not roster.is_excluded(node)]
    errors = {str(node.address): _error_of(evaluation.task, progress) for node, progress in honest}
    return GossipResult(weights, errors, spread)


def _error_of(task: EvaluateTask, progress: Progress) -> float:
    """Return the error of a node's own model, as RoundResult.error."""
    if task.plan.design.task == "classification":
        return round(1 - progress.accuracy, 6)
    unit = float(moments_from_bytes(task.moments).std[-1]) if task.moments else 1.0
    return float(f"{math.sqrt(progress.loss) * unit:.{FIT_DIGITS}g}")


def _run_everywhere(
    roster: Roster, nodes: Sequence[NodeRef], order: Order, parts: Sequence[PartialResult]
) -> Procedure[dict[NodeRef, Progress]]:
    """Give the order to all nodes. Return the progress of those that carried it out; the others are lost."""
    outcomes = yield from gather([_run_order(node, order) for node in nodes], limit=max(1, len(nodes)))
    done: dict[NodeRef, Progress] = {}
    for node, outcome in zip(nodes, outcomes, strict=True):
        if isinstance(outcome, Progress):
            done[node] = outcome
        elif isinstance(outcome, ChordError):
            rows = sum(f.rows for p in parts if p.node == node for f in p.files)
            roster.mark_lost(node, f"{outcome}. Its model of this round is lost, trained on {rows} rows")
        else:
            raise outcome
    return done


def _run_order(node: NodeRef, order: Order) -> Procedure[Progress]:
    yield from ask(node, order)
    return (yield from await_done(node, order.ticket))


def _has_size(roster: Roster, node: NodeRef, progress: Progress, model_bytes: int) -> bool:
    """Return whether a node's model has the size of the job's; a node with another one is excluded."""
    if progress.size_bytes == model_bytes:
        return True
    _exclude(roster, node, f"its model has {progress.size_bytes} bytes, expected {model_bytes}")
    return False


def _exclude(roster: Roster, node: NodeRef, why: str) -> None:
    roster.exclude(node)
    roster.record_disturbance(f"{node.address} is excluded: {why}")


def _samples(settled: dict[NodeRef, Progress], model_bytes: int) -> Procedure[list[bytes]]:
    """Return the first weights of each model that can be read."""
    size_bytes = min(model_bytes, SAMPLE_BYTES)
    outcomes = yield from gather([ask(node, Read(p.result, 0, size_bytes)) for node, p in settled.items()])
    return [each for each in outcomes if isinstance(each, bytes) and push_sum.is_model(each, size_bytes)]


def _one_model(roster: Roster, settled: dict[NodeRef, Progress], evaluation: Order) -> Procedure[bytes]:
    """Return the model of the first node after the job's key. Raises NodeUnreachable."""
    ring, size_bytes = roster.ring, evaluation.weights_bytes
    for node in sorted(settled, key=lambda n: ring.distance(ring.key(evaluation.job), n.id)):
        try:
            weights = yield from fetch((node,), settled[node].result, size_bytes)
        except ChordError as error:
            roster.mark_lost(node, str(error))
            continue
        if push_sum.is_model(weights, size_bytes):
            return weights
        _exclude(roster, node, "its model is not finite")
    raise NodeUnreachable(f"none of {len(settled)} models can be read")
