"""A node's orders: idempotent tickets, one at a time, and no order can stop the next one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from roundelay.chord.dispatch import dispatch, ring_handlers
from roundelay.chord.effects import Ask, AskAll, Effect, Gather, Procedure, Request, Sleep, resume, run
from roundelay.chord.errors import Busy, ChordError, Malformed, NodeUnreachable, NotFound, StoreFull
from roundelay.chord.quarantine import Quarantine
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import TrainingStatus
from roundelay.chord.ring import Ring
from roundelay.federation import records
from roundelay.federation.effects import AwaitOrder, CancelOrder, Compute, Done
from roundelay.federation.errors import FilesLacking, OtherBits, WorkFailed
from roundelay.federation.node_core import content_handlers
from roundelay.federation.orders import FINISHED_MAX, ORDERS_BYTES_MAX, QUEUED_MAX, QUEUED_PER_JOB_MAX, Orders
from roundelay.federation.polls import UNPOLLED_S
from roundelay.federation.requests import WORK_MAX, Collect, Order, Progress, TrainingFile
from roundelay.federation.tasks import MomentsTask, TrainTask
from roundelay.ml.design import Design
from roundelay.ml.training_plan import TrainConfig, TrainingPlan
from roundelay.store.blobs import digest_of
from roundelay.store.items import CHUNK_BYTES, Entry, Item, Put
from roundelay.store.store import Store
from roundelay.store.transfer import write
from tests.federation.inline_ring import settled

ME = NodeRef(1, "me", 1)
CONTENT, WEIGHTS = b"1,2,0\n", b"first weights"
FILE = TrainingFile(0, "a", digest_of(CONTENT), len(CONTENT), 1)
PLAN = TrainingPlan(Design((2, 3)), TrainConfig(), 30)
ORDER = Order("job", 1, (FILE,), TrainTask(PLAN), digest_of(WEIGHTS), len(WEIGHTS))
EPOCH = TrainingStatus("job", 1, "train", 1, "a", 3, 0.5, 0.75)


class Node:
    """Alone on its ring, with a file and weights; its trainer gives what it is told to give."""

    def __init__(self, orders: Orders | None = None) -> None:
        self.core = settled(ME, [ME], Ring(bits=8))
        self.store, self.orders = Store(lambda: 0.0), orders or Orders()
        self.handlers = content_handlers(self.core, self.store, self.orders)
        self.now, self.takes_s = 0.0, 0.0
        self.computed: list[Compute] = []
        self.has_files = True  # has its trainer?
        self.lacks: list[list[str]] = []  # what it lacks at each attempt, one after the other
        self.outcome: Done | Exception | None = None  # None: the number of the computation
        self.procedure = self.orders.run_queue(self.core, lambda: self.now)
        self.run(write(ME, FILE.digest, CONTENT))
        self.run(write(ME, ORDER.weights, WEIGHTS))

    def ask(self, request: Request[Any]) -> Any:
        return dispatch(self.handlers, request)

    def run(self, procedure: Procedure[Any]) -> None:
        """Up to its end, or to where it would wait for the next order."""
        outcome: Any = None
        with suppress(StopIteration):
            while not isinstance(effect := resume(procedure, outcome), AwaitOrder):
                try:
                    outcome = self._perform(effect)
                except Exception as error:
                    outcome = error

    def _perform(self, effect: Effect) -> Any:
        if isinstance(effect, Gather):
            return [run(procedure, self._perform) for procedure in effect.procedures]
        return self.ask(effect.request) if isinstance(effect, Ask) else self._compute(effect)

    def _compute(self, effect: Effect) -> Done:
        assert isinstance(effect, Compute)
        self.computed.append(effect)
        self.now += self.takes_s
        if self.lacks:
            raise FilesLacking(self.lacks.pop(0))
        if not self.has_files and len(effect.contents) < 2:
            raise FilesLacking([file.digest for file in effect.order.files])
        self.orders.set_training(effect.order.ticket, EPOCH)
        self.seen = self.ask(Collect(effect.order.ticket))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome or Done(b"result %d" % len(self.computed), 2.5, 0.75, 0.5)

    def work(self) -> None:
        self.run(self.procedure)


@pytest.fixture
def node() -> Node:
    return Node()


def test_an_order_is_queued_carried_out_and_done(node: Node) -> None:
    ticket = node.ask(ORDER)
    assert node.ask(Collect(ticket)).state == "queued"

    node.work()

    assert node.seen == Progress("running", training=EPOCH)
    done = node.ask(Collect(ticket))
    assert (done.state, done.seconds, done.loss, done.accuracy) == ("done", 2.5, 0.75, 0.5)
    assert (done.result, done.size_bytes) == (digest_of(b"result 1"), 8)
    assert done.content == b"result 1"


def test_what_an_unexpected_error_says_stays_at_the_node() -> None:
    reported: list[Exception] = []
    node = Node(Orders(quarantine=Quarantine(lambda: 0.0, lambda what, error: reported.append(error))))
    node.outcome = ValueError("dose 1789")
    ticket = node.ask(ORDER)
    node.work()

    assert node.ask(Collect(ticket)) == Progress("unable", "unexpected ValueError: see the node's log")
    assert reported == [node.outcome]


def test_weights_that_come_with_an_order_are_staged_so_that_a_put_of_them_needs_no_content(node: Node) -> None:
    weights = b"other weights"
    order = replace(ORDER, weights=digest_of(weights), weights_bytes=len(weights), content=weights)

    ticket = node.ask(order)
    (receipt,) = node.ask(Put.of(Item(Entry(1, "weights-1", order.weights, len(weights)), 1)))
    node.work()

    assert ticket == replace(order, content=b"").ticket
    assert receipt.stored and node.computed[0].contents == {order.weights: weights}


def test_a_large_result_is_kept_to_be_read(node: Node) -> None:
    node.outcome = Done(bytes(CHUNK_BYTES + 1), 1.0)
    ticket = node.ask(ORDER)
    node.work()

    done = node.ask(Collect(ticket))
    assert not done.content and node.store.has(done.result)


def test_a_trainer_that_has_the_files_is_given_the_weights_alone(node: Node) -> None:
    node.ask(ORDER)
    node.work()

    assert [effect.contents for effect in node.computed] == [{ORDER.weights: WEIGHTS}]


def test_a_trainer_is_given_just_the_files_that_it_lacks(node: Node) -> None:
    other = replace(FILE, index=1, name="b", digest="22" * 32)  # which nobody has

    node.lacks = [[FILE.digest]]
    ticket = node.ask(replace(ORDER, files=(FILE, other)))
    node.work()

    assert node.ask(Collect(ticket)).state == "done"
    assert node.computed[-1].contents == {FILE.digest: CONTENT, ORDER.weights: WEIGHTS}


def test_a_trainer_that_forgot_its_files_meanwhile_is_given_them_too(node: Node) -> None:
    second = b"2,3,1\n"
    node.run(write(ME, digest_of(second), second))
    other = replace(FILE, index=1, name="b", digest=digest_of(second))

    node.lacks = [[FILE.digest], [other.digest]]
    ticket = node.ask(replace(ORDER, files=(FILE, other)))
    node.work()

    assert node.ask(Collect(ticket)).state == "done"
    assert node.computed[-1].contents == {FILE.digest: CONTENT, other.digest: second, ORDER.weights: WEIGHTS}


def test_a_trainer_that_asks_for_the_same_file_for_ever_fails_the_order(node: Node) -> None:
    node.lacks = [[FILE.digest]] * 10
    ticket = node.ask(ORDER)
    node.work()

    assert node.ask(Collect(ticket)).state == "failed"
    assert len(node.computed) == 2


def test_a_trainer_that_lacks_files_is_given_them_all(node: Node) -> None:
    node.has_files = False
    ticket = node.ask(ORDER)
    node.work()

    assert node.computed[-1].contents == {FILE.digest: CONTENT, ORDER.weights: WEIGHTS}
    assert node.ask(Collect(ticket)).state == "done"


def test_an_order_whose_files_no_node_has_is_unable(node: Node) -> None:
    node.has_files = False
    ticket = node.ask(replace(ORDER, files=(replace(FILE, digest="22" * 32),)))
    node.work()

    assert node.ask(Collect(ticket)).state == "unable"


def test_the_same_order_again_is_the_same_ticket_and_nothing_is_done_twice(node: Node) -> None:
    tickets = {node.ask(ORDER), node.ask(replace(ORDER))}
    node.work()
    tickets.add(node.ask(ORDER))
    node.work()

    assert len(tickets) == 1
    assert len(node.computed) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"job": "x"},
        {"round": 2},
        {"task": TrainTask(PLAN, seed=1)},
        {"task": MomentsTask(PLAN)},
        {"weights": "11" * 32},
        {"weights_bytes": 1},
        {"files": ()},
        {"files": (replace(FILE, rows=2),)},
    ],
)
def test_any_other_order_is_another_ticket(change: dict[str, Any]) -> None:
    assert replace(ORDER, **change).ticket != ORDER.ticket


def test_orders_are_carried_out_one_after_the_other_as_they_came(node: Node) -> None:
    orders = [replace(ORDER, job=f"job {number}") for number in range(5)]
    for order in orders:
        node.ask(order)
    node.work()

    assert [effect.order for effect in node.computed] == orders


def test_jobs_take_turns_although_one_of_them_has_sent_all_its_orders_first(node: Node) -> None:
    for job in ("first", "second"):
        for number in range(1, 4):
            node.ask(replace(ORDER, job=job, task=TrainTask(PLAN, seed=number)))
    node.takes_s = 1.0
    node.work()

    assert [effect.order.job for effect in node.computed] == ["first", "second"] * 3


def test_a_job_of_a_higher_priority_gets_more_turns(node: Node) -> None:
    for job, priority in (("usual", 1.0), ("urgent", 2.0)):
        for number in range(1, 7):
            node.ask(replace(ORDER, job=job, task=TrainTask(PLAN, seed=number), priority=priority))
    node.takes_s = 1.0
    node.work()

    assert [effect.order.job for effect in node.computed[:9]].count("urgent") == 6


def test_the_priority_is_no_part_of_what_is_ordered(node: Node) -> None:
    assert replace(ORDER, priority=2.0).ticket == ORDER.ticket


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (WorkFailed("a, line 1: nonsense"), "failed"),
        (OtherBits("another machine"), "unfit"),
        (StoreFull("no room"), "unable"),
        (NodeUnreachable("?"), "unable"),
    ],
)
def test_an_order_that_fails_says_why_and_the_next_one_is_carried_out(node: Node, error: Exception, state: str) -> None:
    node.outcome = error
    ticket = node.ask(ORDER)
    node.work()
    node.outcome = None
    other = node.ask(replace(ORDER, job="another"))
    node.work()

    assert node.ask(Collect(ticket)).state == state
    assert node.ask(Collect(ticket)).message == str(error)
    assert node.ask(Collect(other)).state == "done"


def test_a_failed_order_that_is_given_again_is_tried_again(node: Node) -> None:
    node.outcome = WorkFailed("this time")
    ticket = node.ask(ORDER)
    node.work()
    node.outcome = None

    assert node.ask(ORDER) == ticket
    node.work()

    assert node.ask(Collect(ticket)).state == "done"


def test_an_order_whose_weights_are_not_here_is_unable(node: Node) -> None:
    ticket = node.ask(replace(ORDER, weights="11" * 32))
    node.work()

    assert node.ask(Collect(ticket)).state == "unable"
    assert not node.computed


def test_an_order_whose_result_does_not_fit_is_unable_and_the_next_runs(node: Node) -> None:
    node.store._blobs.bytes_max = CHUNK_BYTES  # type: ignore[misc]
    node.outcome = Done(bytes(CHUNK_BYTES + 1), 1.0)
    ticket = node.ask(ORDER)
    node.work()

    assert node.ask(Collect(ticket)).state == "unable"


def test_no_more_orders_wait_than_may(node: Node) -> None:
    for number in range(QUEUED_MAX):
        node.ask(replace(ORDER, job=str(number)))

    with pytest.raises(Busy):
        node.ask(ORDER)

    node.work()
    assert node.ask(ORDER) == ORDER.ticket


def test_an_unknown_ticket_is_not_found(node: Node) -> None:
    with pytest.raises(NotFound):
        node.ask(Collect("00" * 32))


def test_the_progress_of_the_running_order_is_shown_while_it_runs(node: Node) -> None:
    shown: list[TrainingStatus | None] = []
    node.ask(ORDER)
    assert node.orders.training is None

    set_training = node.orders.set_training

    def watch(ticket: str, training: TrainingStatus) -> None:
        shown.append(node.orders.training)
        set_training(ticket, training)
        shown.append(node.orders.training)

    node.orders.set_training = watch  # type: ignore[method-assign]
    node.work()

    assert shown == [TrainingStatus("job", 1, "train", 1), EPOCH]
    assert node.orders.training is None
    assert node.ask(Collect(ORDER.ticket)).training is None


def test_results_of_old_rounds_are_let_go_of(node: Node) -> None:
    tickets, results = [], [bytes([number]) * (CHUNK_BYTES + 1) for number in range(1, 6)]
    for number, result in enumerate(results, 1):
        tickets.append(node.ask(with_own_weights(node, replace(ORDER, round=number))))
        node.outcome = Done(result, 1.0)
        node.work()

    assert [known(node, ticket) for ticket in tickets] == [False, False, False, True, True]
    assert not node.store.has(digest_of(results[0]))
    assert not node.store.has(digest_of(b"weights of job, round 1"))
    assert node.store.has(digest_of(results[-1]))


def test_equal_results_and_weights_of_later_rounds_stay_when_old_ones_are_let_go_of(node: Node) -> None:
    same = b"x" * (CHUNK_BYTES + 1)  # what a job that has converged gives in every round
    node.outcome = Done(same, 1.0)
    for number in range(1, 6):
        node.ask(replace(ORDER, round=number))
        node.work()

    assert node.store.has(digest_of(same))
    assert node.store.has(ORDER.weights)


def test_results_of_other_jobs_are_kept_within_a_bound(node: Node) -> None:
    tickets = []
    for number in range(FINISHED_MAX + 5):
        tickets.append(node.ask(with_own_weights(node, replace(ORDER, job=str(number)))))
        node.work()

    assert sum(known(node, ticket) for ticket in tickets) == FINISHED_MAX
    assert known(node, tickets[-1])


def test_one_job_cannot_fill_the_queue(node: Node) -> None:
    for number in range(QUEUED_PER_JOB_MAX):
        node.ask(replace(ORDER, round=number))

    with pytest.raises(Busy):
        node.ask(replace(ORDER, round=QUEUED_PER_JOB_MAX))
    node.ask(replace(ORDER, job="another"))


def test_the_orders_that_are_kept_have_a_budget_of_bytes(node: Node) -> None:
    files = tuple(replace(FILE, index=index) for index in range(ORDERS_BYTES_MAX // 700 // 4))
    large = [replace(ORDER, job=str(number), files=files) for number in range(5)]
    tickets = [node.ask(order) for order in large[:3]]

    with pytest.raises(Busy, match="bytes are waiting"):
        for order in large[3:]:
            node.ask(order)
    node.work()
    node.ask(large[4])

    assert not known(node, tickets[0]), "finished orders make room"


def test_an_order_of_more_work_than_may_be_is_refused() -> None:
    task = TrainTask(replace(PLAN, config=TrainConfig(epochs=1_000_000)))

    with pytest.raises(Malformed, match="rows x epochs x weights"):
        replace(ORDER, task=task, files=(replace(FILE, rows=WORK_MAX // 1_000_000),))


@pytest.mark.parametrize("ends", [(), (records.SPEC, records.CANCELLED)])
def test_orders_of_jobs_that_have_ended_or_never_existed_are_dropped_when_they_hold_up_others(
    node: Node, ends: tuple[str, ...]
) -> None:
    stored = [records.record_name("real", records.SPEC), *(records.record_name("over", end) for end in ends)]
    for number, name in enumerate(stored):
        key = node.core.ring.key(name.partition(".")[0])
        entry = Entry(key, name, digest_of(CONTENT), len(CONTENT))
        node.ask(Put.of(Item(entry, number)))
    over, real = (node.ask(replace(ORDER, job=job)) for job in ("over", "real"))

    cancelled = watched(node, turns=2)
    assert node.ask(Collect(over)).state == "unable" and "over" in node.ask(Collect(over)).message
    assert node.ask(Collect(real)).state == "queued" and not cancelled

    node.orders._update(node.ask(replace(ORDER, job="over")), state="running")
    assert watched(node, turns=2) == [over]


def test_an_order_that_holds_up_no_other_is_looked_up_only_when_it_has_run_for_long(node: Node) -> None:
    ticket = node.ask(ORDER)

    watched(node, turns=4)
    assert node.ask(Collect(ticket)).state == "queued"

    watched(node, turns=9)
    assert node.ask(Collect(ticket)).state == "unable"


def test_a_node_that_is_cut_off_from_the_ring_drops_no_order(node: Node) -> None:
    node.core.failure_detector.mark_dead(NodeRef(7, "another", 1))
    ticket = node.ask(ORDER)

    watched(node, turns=9)
    assert node.ask(Collect(ticket)).state == "queued"


def test_an_order_is_not_dropped_when_the_records_of_its_job_go_out_of_reach(node: Node) -> None:
    name = records.record_name("job", records.SPEC)
    entry = Entry(node.core.ring.key("job"), name, digest_of(CONTENT), len(CONTENT))
    node.ask(Put.of(Item(entry, 1)))
    ticket = node.ask(ORDER)
    watched(node, turns=9)
    node.ask(Put.of(Item(entry, 2, deleted=True)))

    watched(node, turns=9)
    assert node.ask(Collect(ticket)).state == "queued"


def published(node: Node, job: str) -> str:
    """Store a job's spec, so that its orders are not dropped. Return the job."""
    entry = Entry(node.core.ring.key(job), records.record_name(job, records.SPEC), digest_of(CONTENT), len(CONTENT))
    node.ask(Put.of(Item(entry, 1)))
    return job


def running_and_queued(node: Node, job: str = "job", later_job: str = "job") -> tuple[str, str]:
    """Return the tickets of an order that runs and of a later one that waits behind it."""
    running = node.ask(replace(ORDER, job=published(node, job)))
    node.orders._update(running, state="running")
    return running, node.ask(replace(ORDER, job=published(node, later_job), round=2))


def test_a_running_order_that_is_polled_no_more_makes_way_for_a_later_one_of_its_job(node: Node) -> None:
    running, queued = running_and_queued(node)

    cancelled = watched(node, 2 * UNPOLLED_S, polled=[queued])

    assert set(cancelled) == {running}


@pytest.mark.parametrize("polled", ["both", "neither", "the running one"])
def test_a_running_order_goes_on_while_it_is_polled_or_its_driver_is_silent(node: Node, polled: str) -> None:
    running, queued = running_and_queued(node)
    tickets = {"both": [running, queued], "neither": [], "the running one": [running]}[polled]

    assert not watched(node, 2 * UNPOLLED_S, polled=tickets)


def test_an_order_that_is_not_polled_goes_on_while_only_another_job_waits(node: Node) -> None:
    _, queued = running_and_queued(node, later_job="another")

    assert not watched(node, 2 * UNPOLLED_S, polled=[queued])


def test_a_driver_that_is_silent_for_some_seconds_loses_no_order(node: Node) -> None:
    running, queued = running_and_queued(node)
    watched(node, UNPOLLED_S / 2, polled=[running, queued])

    assert not watched(node, UNPOLLED_S / 2, polled=[queued])


def watched(node: Node, turns: float, polled: Sequence[str] = ()) -> list[str]:
    """Let the node look at its orders `turns` times, a second apart. Return the tickets that it cancels.

    polled: the tickets that a driver polls once a second meanwhile.
    """
    cancelled: list[str] = []
    now, outcome = 0.0, None
    procedure = node.orders.watch(node.core, lambda: now)
    while now < turns:
        effect: Any = resume(procedure, outcome)
        outcome = None
        match effect:
            case Sleep():
                now += effect.seconds
                for ticket in polled:
                    node.ask(Collect(ticket))
            case Ask():
                outcome = answer(node, effect)
            case AskAll():
                outcome = [answer(node, each) for each in effect.asks]
            case CancelOrder():
                cancelled.append(effect.ticket)
    procedure.close()
    return cancelled


def answer(node: Node, effect: Ask) -> Any:
    try:
        return dispatch(ring_handlers(node.core) | node.handlers, effect.request)
    except ChordError as error:
        return error


def with_own_weights(node: Node, order: Order) -> Order:
    """The same order from other weights, which have been written to the node."""
    weights = f"weights of {order.job}, round {order.round}".encode()
    node.run(write(ME, digest_of(weights), weights))
    return replace(order, weights=digest_of(weights), weights_bytes=len(weights))


def known(node: Node, ticket: str) -> bool:
    try:
        node.ask(Collect(ticket))
    except ChordError:
        return False
    return True
