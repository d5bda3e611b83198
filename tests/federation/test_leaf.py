"""A leaf's side: results are delivered to its hosts, whatever its queue forgets meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from roundelay.chord.dispatch import dispatch
from roundelay.chord.effects import Ask, AskAll, Gather, Offload, Procedure, Request, run
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.leaf import Leaf
from roundelay.federation.orders import Orders
from roundelay.federation.requests import Attach, Errands, Order, Progress, TrainingFile
from roundelay.federation.tasks import MomentsTask
from roundelay.ml.design import Design
from roundelay.ml.training_plan import TrainConfig, TrainingPlan
from roundelay.store.blobs import digest_of
from roundelay.store.items import Read, Write
from roundelay.store.staging import LARGE_BYTES_MIN
from roundelay.store.store import Store

LEAF, HOST = NodeRef(7, "ward", 1024, 3), NodeRef(50, "host", 1, 1)
LARGE = b"a large result"  # it is not in its order's progress
HUGE = bytes(range(256)) * (LARGE_BYTES_MIN // 256)  # it need not fit into memory


def no_member() -> Procedure[Sequence[NodeRef]]:
    return ()
    yield  # makes this a procedure


class AttachedLeaf:
    """A leaf that is attached to one host, with finished orders."""

    def __init__(self) -> None:
        self.orders, self.lines = Orders(), list[str]()
        node = ChordNode(LEAF, Ring(bits=16, successors=3, replicas=2))
        self.leaf = Leaf(node, self.orders, no_member, lambda: 0.0, self.lines.append)
        self.leaf.hosts[0] = HOST
        self.reports: list[Attach] = []
        self.before_host: Callable[[Request[Any]], None] = lambda request: None
        self.asked: list[tuple[NodeRef, type[Request[Any]]]] = []
        self.stores = {LEAF: Store(lambda: 0.0), HOST: Store(lambda: 0.0)}
        self._handlers = {node: dict(store.handlers()) for node, store in self.stores.items()}
        self._handlers[LEAF] |= self.orders.handlers()
        self._handlers[HOST][Attach] = self._report

    def finish(self, ticket: str, content: bytes = b"", large: bytes = b"") -> None:
        result = content or large
        self.orders._progress[ticket] = Progress("done", "", digest_of(result), len(result), content=content)

    def forget(self, ticket: str) -> None:
        self.orders._progress.pop(ticket, None)

    def store_result(self, content: bytes) -> None:
        self.stores[LEAF].stage(digest_of(content), content)

    def run(self, procedure: Procedure[Any]) -> Any:
        return run(procedure, self._perform)

    def deliver(self) -> list[str]:
        """Deliver once; return the tickets whose result has come along."""
        before = len(self.reports)
        self.run(self.leaf._deliver(HOST))
        return [each.ticket for report in self.reports[before:] for each in report.tickets if each.progress.content]

    def _report(self, report: Attach) -> Errands:
        self.reports.append(report)
        return Errands()

    def _perform(self, effect: Any) -> Any:
        if isinstance(effect, AskAll):
            return [self._ask_or_error(each) for each in effect.asks]
        if isinstance(effect, Gather):
            return [self.run(each) for each in effect.procedures]
        if isinstance(effect, Offload):
            return effect.function()
        assert isinstance(effect, Ask), effect
        return self._ask(effect)

    def _ask_or_error(self, ask: Ask) -> Any:
        try:
            return self._ask(ask)
        except ChordError as error:
            return error

    def _ask(self, ask: Ask) -> Any:
        assert isinstance(ask.to, NodeRef)
        self.asked.append((ask.to, type(ask.request)))
        if ask.to == HOST:
            self.before_host(ask.request)
        return dispatch(self._handlers[ask.to], ask.request)


def test_an_order_that_is_forgotten_while_another_result_is_written_is_skipped() -> None:
    made = AttachedLeaf()
    made.store_result(LARGE)
    made.finish("a", large=LARGE)
    made.finish("b", b"sum")
    made.before_host = lambda request: made.forget("b")

    assert made.deliver() == []
    assert [each.ticket for each in made.reports[-1].tickets] == ["a"]
    assert not made.leaf.has_work


def test_a_result_that_has_gone_from_its_own_store_costs_the_leaf_no_host() -> None:
    made = AttachedLeaf()
    made.finish("a", large=LARGE)
    made.finish("b", b"sum")

    assert made.deliver() == ["b"]
    assert made.leaf.hosts == {0: HOST}
    assert made.lines[0].startswith(f"the result {digest_of(LARGE)[:8]} cannot be read: ")
    assert not made.leaf.has_work, "it would be tried again without a pause"


def test_a_result_that_need_not_fit_into_memory_is_delivered_from_its_file() -> None:
    made = AttachedLeaf()
    made.store_result(HUGE)
    made.finish("a", large=HUGE)

    made.deliver()

    assert made.stores[HOST].has(digest_of(HUGE))
    assert (LEAF, Read) not in made.asked


def test_weights_that_need_not_fit_into_memory_come_from_the_host_piece_by_piece() -> None:
    made, files = AttachedLeaf(), (TrainingFile(0, "a", "0" * 64, 1, 1),)
    made.stores[HOST].stage(digest_of(HUGE), HUGE)
    task = MomentsTask(TrainingPlan(Design((2, 3)), TrainConfig(), 30))

    made.run(made.leaf._queue(HOST, Order("job", 0, files, task, digest_of(HUGE), len(HUGE))))

    assert made.stores[LEAF].has(digest_of(HUGE))
    assert made.asked[:2] == [(HOST, Read), (LEAF, Write)]
    assert made.orders.states["queued"] == 1
