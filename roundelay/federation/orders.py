"""A node's queue of orders, and the procedures that carry them out.

One order runs at a time; jobs share the node by fair queueing (fair_queue.py), and the orders of one job run in the
order of their arrival. A ticket is a digest of its order, so a repeated order is the same ticket; results are kept for
a while, for drivers that ask again. The states are in roundelay.federation.states.

Anybody can send an order. Its size, its work and the number that wait are bounded, and while it holds up others, or
runs for long, its job is looked up on the ring: an order of a job that has ended, or never existed, is dropped. A node
that is cut off from the ring drops none: it works on, and its results wait until a driver collects them.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from roundelay.chord.dispatch import Handlers
from roundelay.chord.effects import Procedure, Sleep, ask, offload
from roundelay.chord.errors import Busy, ChordError, Malformed, NotFound
from roundelay.chord.node import ChordNode
from roundelay.chord.quarantine import UNCONTAINED, Quarantine
from roundelay.chord.requests import TrainingStatus
from roundelay.federation import jobs
from roundelay.federation.effects import AwaitOrder, CancelOrder, Compute, Done, compute
from roundelay.federation.errors import FederationError, FilesLacking, OtherBits, StepTooLarge, WorkFailed
from roundelay.federation.fair_queue import FairQueue
from roundelay.federation.large_contents import own_content
from roundelay.federation.requests import Collect, Order, Progress, Push
from roundelay.federation.secure_orders import answer, masked
from roundelay.federation.states import RETRIABLE_STATES
from roundelay.federation.tasks import CompareTask, DescribeTask, PromiseTask, RevealTask, TrainTask
from roundelay.ml.errors import MLError
from roundelay.ml.sliced import Sliced, as_bytes
from roundelay.store.blobs import Content, digest_of
from roundelay.store.items import CHUNK_BYTES, Release
from roundelay.store.own_contents import Stage
from roundelay.store.packing import SUM_BYTES, pack
from roundelay.store.read_path import fetch, get
from roundelay.store.staging import LARGE_BYTES_MIN
from roundelay.store.transfer import write

if TYPE_CHECKING:
    from roundelay.federation.masker import Masker  # needs the extra `secure`
    from roundelay.federation.site_gate import SiteGate
    from roundelay.federation.topologies.gossip import Gossip

QUEUED_MAX = 64
QUEUED_PER_JOB_MAX = 48
ORDERS_BYTES_MAX = 12 << 20  # of the orders that are kept, waiting and finished
FINISHED_MAX = 64  # tickets whose results are kept
WATCH_INTERVAL_S = 1.0  # how often unfinished orders are looked at
UNWATCHED_S = 5.0  # an order may run for this long before its job is looked up, if it holds up no other job's
PUBLISHED_MAX = 256  # jobs that are known to be published
LOOKUPS_MAX = 16  # jobs looked up at a time


class Orders:
    """Every ticket's order and progress.

    is_busy: returns whether this node may refuse an order because of other work. launch: runs `run_collective` for an
    order that is shared with other nodes; such orders wait for one another, so they must not wait in one queue.
    quarantine: is given each order that fails unexpectedly. gate: the site's policy for its private files. masker:
    masks what leaves the site, where the package for that is installed. noise_secret: what a site's own noise follows
    from, with the order.
    """

    def __init__(
        self,
        is_busy: Callable[[], bool] = lambda: False,
        launch: Callable[[Order], None] | None = None,
        quarantine: Quarantine = UNCONTAINED,
        gate: SiteGate | None = None,
        masker: Masker | None = None,
        noise_secret: bytes = b"",
    ) -> None:
        self._noise_secret = noise_secret
        self._gate = gate
        self._masker = masker
        self._quarantine = quarantine
        self._is_busy = is_busy
        self._launch = launch
        self._orders: dict[str, Order] = {}
        self._sizes_bytes: dict[str, int] = {}  # of the orders
        self._progress: OrderedDict[str, Progress] = OrderedDict()
        self._published: OrderedDict[str, None] = OrderedDict()  # jobs whose specs were found; the oldest is forgotten
        self._fair = FairQueue()

    def handlers(self) -> Handlers:
        """Return the handlers of orders, polls and pushes."""
        return {Order: self.accept, Collect: self._answer, Push: lambda push: self._gossip.receive_push(push)}

    @property
    def masking_key(self) -> str:
        """The public key with which this node takes part in secure aggregation; empty if it does not."""
        return self._masker.key if self._masker is not None else ""

    @cached_property
    def _gossip(self) -> Gossip:
        from roundelay.federation.topologies.gossip import Gossip  # loads numpy, which most nodes do without

        return Gossip()

    def accept(self, order: Order) -> str:
        """Queue an order, once; one that failed is queued again. Return its ticket. Raises Busy, Malformed."""
        ticket = order.ticket
        known = self._progress.get(ticket)
        if known is not None and known.state not in RETRIABLE_STATES:
            return ticket
        if order.may_refuse and self._is_busy():
            raise Busy("busy with other work")
        if order.shares and self._launch is None:
            raise Malformed("orders are not passed on here")
        self._make_room(order, ticket)
        self._orders[ticket] = order
        if self._launch is None or not order.shares:
            if order.job not in self._waiting:
                self._fair.join(order.job)
            self._progress[ticket] = Progress("queued")
        else:
            self._progress[ticket] = Progress("running", training=order.status)
            self._launch(order)
        return ticket

    def claims(self) -> Set[str]:
        """Return the digests of the weights and results that are still needed here. May be called from any thread."""
        results = {progress.result for progress in list(self._progress.values())}
        return results | {order.weights for order in list(self._orders.values())}

    def progress(self, ticket: str) -> Progress:
        if ticket not in self._progress:
            raise NotFound(f"no order {ticket[:8]} here")
        return self._progress[ticket]

    @property
    def known(self) -> Mapping[str, Progress]:
        """The progress of all orders, by ticket."""
        return self._progress

    def _answer(self, poll: Collect) -> Progress:
        found = self.progress(poll.ticket)
        return found.packed(self._orders[poll.ticket].receipts_bytes) if poll.packed else found

    def is_over(self, ticket: str) -> bool:
        """Return True if a poll of this ticket need not wait: its order has ended, or is unknown."""
        return ticket not in self._progress or self._progress[ticket].is_final

    def set_training(self, ticket: str, training: TrainingStatus) -> None:
        """Record the trainer's progress with an order, unless the site's scores must not be seen."""
        if self._orders[ticket].masking is None:
            self._update(ticket, training=training)

    @property
    def training(self) -> TrainingStatus | None:
        """The progress of the running order."""
        return next((p.training for p in self._progress.values() if p.state == "running"), None)

    @property
    def states(self) -> Counter[str]:
        """The number of orders in each state."""
        return Counter(progress.state for progress in self._progress.values())

    @property
    def next(self) -> Order | None:
        """The order to carry out next; None if none is queued."""
        waiting = self._waiting
        return waiting[self._fair.first(waiting)] if waiting else None

    @property
    def _waiting(self) -> dict[str, Order]:
        """The order of each job that has waited longest."""
        waiting: dict[str, Order] = {}
        for ticket, progress in self._progress.items():
            if progress.state == "queued":
                order = self._orders[ticket]
                waiting.setdefault(order.job, order)
        return waiting

    def _make_room(self, order: Order, ticket: str) -> None:
        """Forget finished orders in favour of a new one. Raises Busy if too many are unfinished, or too large."""
        waiting = [self._orders[t].job for t, p in self._progress.items() if not p.is_final]
        if len(waiting) >= QUEUED_MAX or waiting.count(order.job) >= QUEUED_PER_JOB_MAX:
            raise Busy(f"{len(waiting)} orders are waiting already")
        size_bytes = order.memory_bytes
        finished = [t for t, p in self._progress.items() if p.is_final and t != ticket]
        excess = size_bytes + sum(self._sizes_bytes.values()) - ORDERS_BYTES_MAX
        gone: list[str] = []
        while excess > 0 and finished:
            gone.append(finished.pop(0))
            excess -= self._sizes_bytes[gone[-1]]
        if excess > 0 and waiting:
            raise Busy(f"{len(waiting)} orders of {sum(self._sizes_bytes.values())} bytes are waiting already")
        for old in gone:
            self._forget(old)
        self._sizes_bytes[ticket] = size_bytes

    def _forget(self, ticket: str) -> list[str]:
        """Forget a ticket. Return the digests that it named."""
        progress, order = self._progress.pop(ticket), self._orders.pop(ticket)
        del self._sizes_bytes[ticket]
        return list(filter(None, (progress.result, order.weights)))

    # --- watching

    def watch(self, node: ChordNode, clock: Callable[[], float]) -> Procedure[None]:
        """Drop the orders of jobs that have ended or never existed, forever."""
        since: dict[str, float] = {}  # when an unfinished order was first seen
        while True:
            yield Sleep(WATCH_INTERVAL_S)
            waiting = {t: self._orders[t] for t, p in self._progress.items() if not p.is_final}
            unfinished = {t: o.job for t, o in waiting.items() if not isinstance(o.task, DescribeTask | CompareTask)}
            since = {ticket: since.get(ticket, clock()) for ticket in unfinished}
            is_contended = len(set(unfinished.values())) > 1
            doubtful = dict.fromkeys(
                job for ticket, job in unfinished.items() if is_contended or clock() - since[ticket] >= UNWATCHED_S
            )
            for job in list(doubtful)[:LOOKUPS_MAX]:
                yield from self._drop_if_over(node, job)

    def _drop_if_over(self, node: ChordNode, job: str) -> Procedure[None]:
        try:
            is_published, end = yield from jobs.look_up(node.ref, node.ring, job)
        except ChordError:
            return  # its records cannot be read now: it may well go on
        if is_published:
            self._published[job] = None
            if len(self._published) > PUBLISHED_MAX:
                self._published.popitem(last=False)
        elif job in self._published or _is_cut_off(node):
            return  # its records are out of reach
        why = f"job {job[:8]} is {end}" if end else "" if is_published else f"no job {job[:8]} on this ring"
        tickets = [ticket for ticket, order in self._orders.items() if why and order.job == job]
        for ticket in [t for t in tickets if self._progress[t].state == "queued"]:
            self._update(ticket, state="unable", message=why)
        for ticket in [t for t in tickets if self._progress[t].state == "running"]:
            yield CancelOrder(ticket, why)

    # --- carrying out

    def run_queue(self, node: ChordNode, clock: Callable[[], float]) -> Procedure[None]:
        """Carry out queued orders, forever. clock: by which the jobs are charged."""
        while True:
            order = self.next
            if order is None:
                yield AwaitOrder()
                continue
            began = clock()
            self._fair.start(order.job)
            yield from self._run_order(node, order)
            self._fair.end(order.job, clock() - began, order.priority, self._waiting)

    def run_collective(self, node: ChordNode, order: Order) -> Procedure[None]:
        """Carry out an order together with other nodes: a branch of a tree, or the exchanges of gossip."""
        try:
            if order.attempt:
                message = yield from self._gossip.mix(node, order)
                self._update(order.ticket, state="done", message=message)
            else:
                yield from self._reduce(node, order)
        except (ChordError, FederationError, MLError) as error:
            self._update(order.ticket, state="unable", message=f"{type(error).__name__}: {error}")
        except Exception as error:
            self._fail(order, error)
        yield from ask(node.ref, Release(contents=tuple(self._evict_old(order))))

    def _reduce(self, node: ChordNode, order: Order) -> Procedure[None]:
        from roundelay.federation.topologies.tree_reduce import aggregate  # loads numpy, which most nodes do without

        partial = yield from aggregate(node, order)
        result = yield from _keep(node, order, partial.to_content())
        self._update(
            order.ticket, state="done", **result, seconds=max((work.seconds for work in partial.done), default=0.0)
        )

    def _run_order(self, node: ChordNode, order: Order) -> Procedure[None]:
        yield from self._carry_out(node, order)
        yield from ask(node.ref, Release(contents=tuple(self._evict_old(order))))

    def _carry_out(self, node: ChordNode, order: Order) -> Procedure[None]:
        ticket = order.ticket
        self._update(ticket, state="running", training=order.status)
        try:
            gate = self._gate if self._gate is not None and self._gate.concerns(order) else None
            if gate is not None:
                yield from gate.admit(node, order)
            weights = yield from self._weights(node, order)
            withheld = gate.withheld(order) if gate is not None else None
            done = withheld or (yield from self._compute(node, order, weights))
            if gate is not None:
                done = yield from gate.protect(order, done)
            done = yield from self._with_noise(order, done)
            if order.masking is not None:
                done = yield from masked(self._masker, node, order, done)
            if order.attempt:
                kept = yield from self._gossip.keep(order, as_bytes(weights), done.result)
                done = replace(done, result=kept)
            result = yield from _keep(node, order, done.result)
        except OtherBits as error:
            self._update(ticket, state="unfit", message=str(error))
            return
        except StepTooLarge as error:
            self._update(ticket, state="unstable", message=str(error))
            return
        except FederationError as error:
            self._update(ticket, state="failed", message=str(error))
            return
        except ChordError as error:  # another node may have what is missing here
            self._update(ticket, state="unable", message=str(error))
            return
        except Exception as error:
            self._fail(order, error)
            return
        self._update(ticket, state="done", **result, seconds=done.seconds, loss=done.loss, accuracy=done.accuracy)

    def _fail(self, order: Order, error: Exception) -> None:
        """End an order that has failed unexpectedly here; another node may succeed.

        What the error says stays here: it may quote a row of private data.
        """
        self._update(order.ticket, state="unable", message=f"unexpected {type(error).__name__}: see the node's log")
        self._quarantine.add(f"an order of job {order.job[:8]}", error)

    def _weights(self, node: ChordNode, order: Order) -> Procedure[Content]:
        """Return the weights that an order starts from; empty if it needs none. Raises ChordError."""
        if order.attempt:
            return (yield from self._gossip.weights(node, order))
        if order.weights:
            return (yield from own_content(node.ref, order.weights, order.weights_bytes))
        return b""

    def _compute(self, node: ChordNode, order: Order, weights: Content) -> Procedure[Done]:
        """Have the trainer carry an order out. It keeps files between rounds; the ones that it lacks are read."""
        if isinstance(order.task, PromiseTask | RevealTask):
            return (yield from answer(self._masker, node, order))
        contents: dict[str, Content] = {order.weights: weights} if order.weights else {}
        for _ in range(len(order.files) + 1):  # each attempt adds files, so that they are not missing again
            try:
                return (yield from compute(Compute(order, contents)))
            except FilesLacking as error:
                contents |= yield from _file_contents(node, order, error.digests)
        raise WorkFailed("the trainer asks again for files that it was given")

    def _with_noise(self, order: Order, done: Done) -> Procedure[Done]:
        """Return a result with the noise that a job asks of each site; an order has one noise. Raises NotFound."""
        if not isinstance(order.task, TrainTask) or not order.task.plan.config.update_noise:
            return done
        if not self._noise_secret:
            raise NotFound("adds no noise of its own")
        from roundelay.ml.privacy import noised, stream_of  # loads numpy, which most nodes do without

        config, bits = order.task.plan.config, order.task.plan.fraction_bits
        draw = stream_of(self._noise_secret + bytes.fromhex(order.ticket))
        clip, noise = config.update_clip, config.update_noise
        result = yield from offload(lambda: noised(as_bytes(done.result), clip, noise, bits, draw))
        return replace(done, result=result)

    def _update(self, ticket: str, **changes: Any) -> None:
        made = replace(self._progress[ticket], **changes)
        self._progress[ticket] = replace(made, training=None) if made.is_final else made

    def _evict_old(self, latest: Order) -> Sequence[str]:
        """Drop this job's tickets of two rounds ago and before. Return the digests that no other ticket names."""
        finished = [t for t, p in self._progress.items() if p.is_final]
        stale = {t for t in finished if self._orders[t].job == latest.job and self._orders[t].round < latest.round - 1}
        released: list[str] = []
        for ticket in stale.union(finished[:-FINISHED_MAX]):
            released += self._forget(ticket)
        claimed = self.claims()  # rounds that change nothing have equal results
        return [digest for digest in released if digest not in claimed]


def _is_cut_off(node: ChordNode) -> bool:
    """Return whether a node has lost all its successors: what it does not find may be with them."""
    others = [each for each in node.live_successors() if each != node.ref]
    return not others and node.failure_detector.any_dead


def _keep(node: ChordNode, order: Order, result: Sliced) -> Procedure[dict[str, Any]]:
    """Return how a result is kept: in its progress if it is small, else in the staging area. Raises ChordError.

    Of a model in a round of gossip the driver reads only a sample. A sum of rounded updates may be small when packed.
    """
    if len(result) < LARGE_BYTES_MIN:
        return (yield from _keep_in_memory(node, order, as_bytes(result)))
    digest = yield from offload(lambda: digest_of(result))
    yield from ask(node.ref, Stage(digest, result))
    return {"result": digest, "size_bytes": len(result), "content": b""}


def _keep_in_memory(node: ChordNode, order: Order, result: bytes) -> Procedure[dict[str, Any]]:
    digest, content = digest_of(result), result
    if len(content) > CHUNK_BYTES and isinstance(order.task, TrainTask) and order.task.units:
        content = yield from offload(lambda: pack(result, SUM_BYTES, order.receipts_bytes))
    is_along = len(content) <= CHUNK_BYTES and not order.attempt
    if not is_along:
        yield from write(node.ref, digest, result)
    return {"result": digest, "size_bytes": len(result), "content": content if is_along else b""}


def _file_contents(node: ChordNode, order: Order, digests: Set[str]) -> Procedure[dict[str, bytes]]:
    """Return these of an order's files, by digest: those that are not here come from the ring. Raises ChordError."""
    contents: dict[str, bytes] = {}
    for file in (f for f in order.files if f.digest in digests):
        try:
            contents[file.digest] = yield from fetch((node.ref,), file.digest, file.size_bytes)
        except NotFound:
            key = node.ring.key(file.name)
            contents[file.digest] = yield from get(node.ref, node.ring, key, file.name, file.digest)
    return contents
