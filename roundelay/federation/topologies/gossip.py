"""A node's side of a round without anybody who adds: it trains its own model, and gives halves of it away.

Push-sum (Kempe, Dobra and Gehrke 2003): a node holds a sum of models and its weight, in rows. In each exchange it
keeps half of both and pushes the other half to a random finger. Every node's sum over its weight comes near to the mean
over all, whoever talks to whom. The mass of the whole ring stays what it is: a push has a number and is repeated until
it is acknowledged, and counts once; one that was certainly not taken is taken back; one of which nothing is known in
the end is given up, and that is said. With a node that dies, the mass that it holds is lost.
"""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from roundelay.chord.effects import Procedure, Sleep, ask
from roundelay.chord.errors import ChordError, NodeUnreachable, NotFound
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.federation import records
from roundelay.federation.effects import offload
from roundelay.federation.errors import WorkFailed
from roundelay.federation.requests import Order, Push
from roundelay.federation.tasks import EvaluateTask, MixTask, TrainTask
from roundelay.ml.errors import BadTask
from roundelay.store.blobs import digest_of
from roundelay.store.items import Release
from roundelay.store.read_path import fetch, get
from roundelay.store.write_path import write

if TYPE_CHECKING:  # brings numpy, which a node that does not gossip does without
    from roundelay.ml.push_sum import WeightedModel

JOBS_KEPT = 8  # whose models stay
ATTEMPTS_KEPT = 4  # at rounds of one job
PUSHES_MAX = 10_000  # taken in one attempt
PUSH_TRIES = 8
PAUSE_S = 0.02  # of who has nothing to give away yet


@dataclass
class _Attempt:
    """One attempt of a driver's at a round: what this node holds of it, and what has come in."""

    mass: WeightedModel
    pushed: deque[Push] = field(default_factory=deque)  # in any thread
    heard: set[tuple[NodeRef, int]] = field(default_factory=set)  # sender and number of every push
    settled: bool = False


@dataclass
class _Job:
    """This node's own model, as of the round that was settled last; and the attempts that go on."""

    round: int = -1
    model: bytes = b""
    attempts: OrderedDict[tuple[int, int], _Attempt] = field(default_factory=OrderedDict)


class Gossip:
    """All that one node holds of jobs that gossip."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, _Job] = OrderedDict()

    def receive_push(self, push: Push) -> None:
        """A half that somebody gives away; its content was written here before. Raises NotFound: not taken."""
        attempt = self._attempt(push.job, push.round, push.attempt)
        if attempt.settled:
            raise NotFound(f"round {push.round} of job {push.job[:8]} is settled here")
        if (push.sender, push.number) not in attempt.heard:
            if len(attempt.heard) >= PUSHES_MAX:
                raise NotFound(f"{PUSHES_MAX} pushes of round {push.round} have been taken: no more are")
            attempt.heard.add((push.sender, push.number))
            attempt.pushed.append(push)

    def weights(self, node: ChordNode, order: Order) -> Procedure[bytes]:
        """What the trainer is to begin with, or to evaluate: this node's own model; where it has none, the ring's.

        Raises WorkFailed for an order that is neither, ChordError where the ring cannot say.
        """
        if not isinstance(order.task, TrainTask | EvaluateTask):
            raise WorkFailed(f"{order.task.activity} is no task of a round without aggregation")
        attempt = self._attempt(order.job, order.round, order.attempt)
        if isinstance(order.task, EvaluateTask):
            yield from self._settle(node, order, attempt)
        job = self._jobs[order.job]
        if job.model and job.round in (order.round - 1, order.round):  # the latter: by an attempt that was left
            return job.model
        content = yield from _from_ring(node, order)
        return content

    def keep(self, order: Order, base: bytes, result: bytes) -> Procedure[bytes]:
        """What an order has come to, as the driver may have it: of a training nothing, of an evaluation the model."""
        from roundelay.ml import push_sum

        if not isinstance(order.task, TrainTask):
            return base
        attempt, rows = self._attempt(order.job, order.round, order.attempt), sum(file.rows for file in order.files)
        bits = order.task.plan.fraction_bits
        attempt.mass = yield from offload(
            lambda: push_sum.added([attempt.mass, push_sum.from_training(base, result, rows, bits)])
        )
        return b""

    def mix(self, node: ChordNode, order: Order) -> Procedure[str]:
        """The exchanges of one round, with those that the order names. Returns what was given up, in words."""
        attempt = self._attempt(order.job, order.round, order.attempt)
        rng = random.Random(f"{order.job} {order.round} {order.attempt} {node.ref.id}")
        others = [share.node for share in order.shares if share.node != node.ref]
        if not isinstance(order.task, MixTask):
            raise WorkFailed(f"{order.task.activity} is no task to carry out with other nodes")
        exchanges, given_up = order.task.exchanges, 0.0
        for number in range(exchanges if others else 0):
            yield from self._merge(node, attempt)
            near = _near(node, others)
            if attempt.mass.rows and near:
                given_up += yield from self._exchange(node, order, attempt, number, rng.choice(near))
            else:
                yield Sleep(PAUSE_S)
        return f"{given_up:.0f} rows were given away, and nobody says that they have come" if given_up else ""

    # --- helpers

    def _attempt(self, job: str, number: int, attempt: int) -> _Attempt:
        """Found or begun; the oldest of too many are let go of."""
        from roundelay.ml.push_sum import WeightedModel

        known = self._jobs.setdefault(job, _Job())
        self._jobs.move_to_end(job)
        if len(self._jobs) > JOBS_KEPT:
            self._jobs.popitem(last=False)
        found = known.attempts.setdefault((number, attempt), _Attempt(WeightedModel()))
        if len(known.attempts) > ATTEMPTS_KEPT:
            known.attempts.popitem(last=False)
        return found

    def _exchange(self, node: ChordNode, order: Order, attempt: _Attempt, number: int, to: NodeRef) -> Procedure[float]:
        """Give half away. Returns the rows of which nobody knows where they are."""
        from roundelay.ml import push_sum

        given = yield from offload(lambda: push_sum.split(attempt.mass))
        try:
            yield from _push(node, order, number, to, given.to_bytes(f"{node.ref} {number}"))
        except NodeUnreachable:
            attempt.mass = given  # it may have come: taken back, it could count twice
            return given.rows
        except ChordError:
            return 0.0  # certainly not taken
        attempt.mass = given
        return 0.0

    def _merge(self, node: ChordNode, attempt: _Attempt) -> Procedure[None]:
        """Add what has been pushed here; what cannot be read is not added."""
        while attempt.pushed:  # ends: every sender makes so many exchanges and no more
            push = attempt.pushed.popleft()
            try:
                content = yield from fetch((node.ref,), push.digest, push.size_bytes)
                attempt.mass = yield from offload(partial(_with, attempt.mass, content))
            except (NotFound, BadTask):
                continue
            yield from ask(node.ref, Release(contents=(push.digest,)))

    def _settle(self, node: ChordNode, order: Order, attempt: _Attempt) -> Procedure[None]:
        """The exchanges are over: what is held now is this node's model."""
        from roundelay.ml import push_sum

        job = self._jobs[order.job]
        if attempt.settled and job.round == order.round:
            return
        attempt.settled = True
        yield from self._merge(node, attempt)
        otherwise = job.model if job.round == order.round - 1 else b""
        job.model = yield from offload(lambda: push_sum.model_of(attempt.mass, otherwise))
        job.round = order.round


def _with(mine: WeightedModel, content: bytes) -> WeightedModel:
    """Raises BadTask."""
    from roundelay.ml.push_sum import added, weighted_model_from_bytes

    return added([mine, weighted_model_from_bytes(content)])


def _push(node: ChordNode, order: Order, number: int, to: NodeRef, content: bytes) -> Procedure[None]:
    """Once, however often it must be tried. Raises NodeUnreachable where it may have come, ChordError otherwise."""
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


def _near(node: ChordNode, others: list[NodeRef]) -> list[NodeRef]:
    """Those of them that this node knows as fingers or successors: an order sends it nowhere else."""
    known = {*node.fingers, *node.live_successors()}
    return [other for other in others if other in known]


def _from_ring(node: ChordNode, order: Order) -> Procedure[bytes]:
    """The model of the round before, written here or kept by the ring. Raises ChordError."""
    try:
        content = yield from fetch((node.ref,), order.weights, order.weights_bytes)
    except NotFound:
        key, name = node.ring.key(order.job), records.weights_name(order.job, order.round - 1)
        content = yield from get(node.ref, node.ring, key, name, order.weights)
    return content
