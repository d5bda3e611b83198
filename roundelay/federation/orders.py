"""A node's queue of orders, their progress, and the loops that carry them out (order_executor.py).

One order runs at a time; jobs share the node by fair queueing (fair_queue.py), and the orders of one job run in the
order of their arrival. A ticket is a digest of its order, so a repeated order is the same ticket; results are kept for
a while, for drivers that ask again. The states are in roundelay.federation.states.

Anybody can send an order. Its size, its work and the number that wait are bounded, and while it holds up others, or
runs for long, its job is looked up on the ring: an order of a job that has ended, or never existed, is dropped. So is
a running order that its driver no longer polls, if it holds up one that the driver polls (polls.py). A node that is cut
off from the ring drops none: it works on, and its results wait until a driver collects them.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from roundelay.chord.dispatch import Handlers
from roundelay.chord.effects import Procedure, Sleep, ask
from roundelay.chord.errors import Busy, ChordError, Malformed, NotFound
from roundelay.chord.node import ChordNode
from roundelay.chord.quarantine import UNCONTAINED, Quarantine
from roundelay.chord.requests import TrainingStatus
from roundelay.federation.effects import AwaitOrder, CancelOrder
from roundelay.federation.errors import FederationError, OtherBits, StepTooLarge
from roundelay.federation.fair_queue import FairQueue
from roundelay.federation.job_lookup import JobLookup
from roundelay.federation.order_executor import OrderExecutor
from roundelay.federation.polls import Polls
from roundelay.federation.requests import Collect, Order, Progress, Push
from roundelay.federation.states import RETRIABLE_STATES
from roundelay.federation.tasks import CompareTask, DescribeTask
from roundelay.ml.errors import MLError
from roundelay.store.items import Release

QUEUED_MAX = 64
QUEUED_PER_JOB_MAX = 48
ORDERS_BYTES_MAX = 12 << 20  # of the orders that are kept, waiting and finished
FINISHED_MAX = 64  # tickets whose results are kept
WATCH_INTERVAL_S = 1.0  # how often unfinished orders are looked at
UNWATCHED_S = 5.0  # an order may run for this long before its job is looked up, if it holds up no other job's
LOOKUPS_MAX = 16  # jobs looked up at a time


class Orders:
    """Every ticket's order and progress.

    is_busy: returns whether this node may refuse an order because of other work. launch: runs `run_collective` for an
    order that is shared with other nodes; such orders wait for one another, so they must not wait in one queue.
    quarantine: is given each order that fails unexpectedly. executor: carries the orders out.
    """

    def __init__(
        self,
        is_busy: Callable[[], bool] = lambda: False,
        launch: Callable[[Order], None] | None = None,
        quarantine: Quarantine = UNCONTAINED,
        executor: OrderExecutor | None = None,
    ) -> None:
        self.executor = executor or OrderExecutor()
        self._quarantine = quarantine
        self._is_busy = is_busy
        self._launch = launch
        self._orders: dict[str, Order] = {}
        self._sizes_bytes: dict[str, int] = {}  # of the orders
        self._progress: OrderedDict[str, Progress] = OrderedDict()
        self._lookup = JobLookup()
        self._fair = FairQueue()
        self._polls = Polls()

    def handlers(self) -> Handlers:
        """Return the handlers of orders, polls and pushes."""
        return {Order: self.accept, Collect: self._answer, Push: lambda push: self.executor.gossip.receive_push(push)}

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
        self._polls.note(poll.ticket)
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
        """Drop the orders of jobs that have ended or never existed, and those that nobody polls, forever."""
        since: dict[str, float] = {}  # when an unfinished order was first seen
        while True:
            yield Sleep(WATCH_INTERVAL_S)
            waiting = {t: self._orders[t] for t, p in self._progress.items() if not p.is_final}
            self._polls.look(waiting, clock())
            for ticket in self._polls.abandoned(self._jobs_of("running"), self._jobs_of("queued"), clock()):
                yield CancelOrder(ticket, "its driver asks for it no more, and for another order of the job")
            unfinished = {t: o.job for t, o in waiting.items() if not isinstance(o.task, DescribeTask | CompareTask)}
            since = {ticket: since.get(ticket, clock()) for ticket in unfinished}
            is_contended = len(set(unfinished.values())) > 1
            doubtful = dict.fromkeys(
                job for ticket, job in unfinished.items() if is_contended or clock() - since[ticket] >= UNWATCHED_S
            )
            for job in list(doubtful)[:LOOKUPS_MAX]:
                yield from self._drop_if_over(node, job)

    def _jobs_of(self, state: str) -> dict[str, str]:
        """Return the jobs of the orders in a state, by ticket."""
        return {t: self._orders[t].job for t, p in self._progress.items() if p.state == state}

    def _drop_if_over(self, node: ChordNode, job: str) -> Procedure[None]:
        why = yield from self._lookup.why_over(node, job)
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
            ended = yield from self.executor.carry_out_together(node, order)
            self._update(order.ticket, state="done", **ended)
        except (ChordError, FederationError, MLError) as error:
            self._update(order.ticket, state="unable", message=f"{type(error).__name__}: {error}")
        except Exception as error:
            self._fail(order, error)
        yield from ask(node.ref, Release(contents=tuple(self._evict_old(order))))

    def _run_order(self, node: ChordNode, order: Order) -> Procedure[None]:
        yield from self._carry_out(node, order)
        yield from ask(node.ref, Release(contents=tuple(self._evict_old(order))))

    def _carry_out(self, node: ChordNode, order: Order) -> Procedure[None]:
        ticket = order.ticket
        self._update(ticket, state="running", training=order.status)
        try:
            ended = yield from self.executor.carry_out(node, order)
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
        self._update(ticket, state="done", **ended)

    def _fail(self, order: Order, error: Exception) -> None:
        """End an order that has failed unexpectedly here; another node may succeed.

        What the error says stays here: it may quote a row of private data.
        """
        self._update(order.ticket, state="unable", message=f"unexpected {type(error).__name__}: see the node's log")
        self._quarantine.add(f"an order of job {order.job[:8]}", error)

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
