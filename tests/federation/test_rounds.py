"""One round's orders: which nodes get them, what follows a failure, when a slow node gets a backup task."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import pytest

from roundelay.chord.effects import Procedure, Sleep
from roundelay.chord.errors import Busy, NotYet
from roundelay.chord.refs import NodeRef
from roundelay.federation import rounds, tickets
from roundelay.federation.errors import WorkFailed
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.requests import Collect, Order, Progress, TrainingFile
from roundelay.federation.rounds import RoundWork
from roundelay.federation.tasks import MixTask
from roundelay.federation.throughput import BACKUP_AFTER_MIN_S, SAMPLES_MAX, ThroughputEstimate
from roundelay.store.blobs import digest_of
from roundelay.store.items import CHUNK_BYTES, Write
from tests.federation.scripted_nodes import ScriptedNodes, result_of

WEIGHTS = b"weights of the round before"
SMALL_S = 0.001  # seconds of an order that was quick: the shortest time to a backup task applies


class Round:
    """The work of one round on scripted nodes."""

    def __init__(self, nodes: ScriptedNodes, policy: str = "hash", weights: bytes = WEIGHTS) -> None:
        self.nodes, self.weights, self.estimate = nodes, weights, ThroughputEstimate()
        self.work = RoundWork(nodes.roster, self.estimate, nodes.clock, self.order, weights, policy)
        self.missing: list[TrainingFile] = []

    def order(self, files: tuple[TrainingFile, ...], may_refuse: bool) -> Order:
        digest = digest_of(self.weights) if self.weights else ""
        return Order("job", 1, files, MixTask(0), digest, len(self.weights), may_refuse)

    def run(self, *files: TrainingFile) -> dict[int, str]:
        """Return who made the result of each file, by the file's index."""
        outcome = self.nodes.run(self.work.run(files))
        parts, self.missing = outcome.parts, outcome.missing
        assert all(part.result == result_of(part.node) for part in parts)
        assert sum(len(part.files) for part in parts) + len(self.missing) == len(files)
        return {file.index: part.node.host for part in parts for file in part.files}

    def has_experience(self, seconds: float = SMALL_S, rows: int = 10) -> None:
        """An earlier order has shown how long a row takes."""
        self.estimate.record(self.nodes.refs[0], files_of([rows]), seconds)


def one_file(nodes: ScriptedNodes, owner: int = 1) -> TrainingFile:
    return nodes.file_of(owner)


# --- the way into the ring


def test_an_entry_node_that_was_lost_is_not_the_first_again_when_losses_are_forgiven() -> None:
    nodes = ScriptedNodes()
    roster, first = nodes.roster, nodes.roster.entry()

    roster.mark_lost(first, "dead")
    second = roster.entry()
    roster.forgive()

    assert second != first
    assert roster.entry() == second


def test_an_entry_node_that_is_no_longer_a_member_is_replaced() -> None:
    nodes = ScriptedNodes()
    nodes.roster.update_members(tuple(nodes.refs[1:]))

    assert nodes.roster.entry() == nodes.refs[1]


# --- giving out the files


def test_each_owner_gets_one_order_for_all_its_files_and_the_largest_order_first() -> None:
    nodes = ScriptedNodes()
    files = [nodes.file_of(1, 0, rows=5), nodes.file_of(2, 1, rows=30), nodes.file_of(1, 2, rows=6)]

    assert Round(nodes).run(*files) == {0: "n1", 1: "n2", 2: "n1"}

    orders = nodes.requests(Order)
    assert [(to.host, [f.index for f in order.files]) for to, order in orders] == [("n2", [1]), ("n1", [0, 2])]


def test_the_placement_can_be_computed_without_any_message() -> None:
    nodes = ScriptedNodes()
    file = one_file(nodes)

    assert Round(nodes).work.placed([file]) == {nodes.refs[1]: (file,)}
    assert not nodes.sent


def test_a_round_without_files_sends_no_message() -> None:
    nodes = ScriptedNodes()

    assert Round(nodes).run() == {}
    assert not nodes.sent


def test_a_result_names_its_trainer_unless_it_was_another() -> None:
    node, files = ScriptedNodes().refs[0], (TrainingFile(0, "a", "", 1, 1), TrainingFile(1, "b", "", 1, 1))
    part = PartialResult(node, files, Progress("done"), b"", {1: "elsewhere:1"})

    assert [part.trainer_of(file) for file in files] == ["n0:5000", "elsewhere:1"]


# --- weights


def written(nodes: ScriptedNodes) -> list[str]:
    """Return the nodes that weights were sent to, in order."""
    along = [m.to.host for m in nodes.sent if isinstance(m.request, Order) and m.request.content]
    return nodes.asked(Write) + along


def test_small_weights_travel_with_the_orders_which_leave_at_once() -> None:
    nodes = ScriptedNodes()
    Round(nodes).run(nodes.file_of(1, 0), nodes.file_of(2, 1))

    assert [type(m.request) for m in nodes.sent[:2]] == [Order, Order]
    assert {m.at for m in nodes.sent[:2]} == {0.0}
    assert sorted(written(nodes)) == ["n1", "n2"] and not nodes.asked(Write)


@pytest.mark.parametrize("size_bytes", [1, CHUNK_BYTES])
def test_weights_of_one_chunk_are_sent_once_to_each_trainer(size_bytes: int) -> None:
    nodes = ScriptedNodes()
    Round(nodes, weights=bytes(size_bytes)).run(nodes.file_of(1, 0), nodes.file_of(2, 1))

    assert sorted(written(nodes)) == ["n1", "n2"]


def test_weights_larger_than_a_chunk_are_written_before_the_orders() -> None:
    nodes = ScriptedNodes()
    Round(nodes, weights=bytes(CHUNK_BYTES + 1)).run(nodes.file_of(1, 0), nodes.file_of(2, 1))

    kinds = [type(m.request) for m in nodes.sent]
    assert Write not in kinds[kinds.index(Order) :]
    assert sorted(set(written(nodes))) == ["n1", "n2"] and not any(order.content for _, order in nodes.requests(Order))


def test_work_that_starts_from_nothing_sends_no_weights() -> None:
    nodes = ScriptedNodes()
    Round(nodes, weights=b"").run(nodes.file_of(1, 0), nodes.file_of(2, 1))

    assert not written(nodes)


def test_what_runs_beside_a_round_begins_when_the_orders_are_sent_and_knows_who_has_the_weights() -> None:
    nodes, known = ScriptedNodes(), list[str]()

    def meanwhile(have: frozenset[NodeRef]) -> Procedure[None]:
        known.extend(sorted(node.host for node in have))
        yield Sleep(0.0)

    work = Round(nodes).work
    nodes.run(work.run([nodes.file_of(1, 0), nodes.file_of(2, 1)], meanwhile))

    assert known == ["n1", "n2"]


def test_nodes_that_have_their_own_weights_are_sent_none_though_the_order_names_some() -> None:
    """As in gossip, from the second round on."""
    nodes = ScriptedNodes()
    work = RoundWork(
        nodes.roster, ThroughputEstimate(), nodes.clock, lambda f, _: Order("job", 2, f, MixTask(0), "aa" * 32, 4), b""
    )

    nodes.run(work.run([one_file(nodes)]))

    assert not written(nodes)


def test_a_node_that_has_the_weights_is_not_sent_them_again_with_files_of_a_lost_node() -> None:
    nodes = ScriptedNodes()
    nodes.scripts[nodes.refs[1]].dies_at = 0.5
    files = [nodes.file_of(1, 0), nodes.file_of(2, 1), nodes.file_of(3, 2)]

    assert set(Round(nodes).run(*files)) == {0, 1, 2}

    assert sorted(written(nodes)) == ["n1", "n2", "n3"]


def test_nodes_that_have_the_weights_are_not_sent_them_again_when_several_take_over() -> None:
    nodes = ScriptedNodes()
    nodes.scripts[nodes.refs[1]].dies_at = 0.5
    files = [nodes.file_of(0, index) for index in range(10)]

    made = Round(nodes, "round-robin").run(*files)

    assert made[1] != made[6], "the files of n1 go to two nodes"
    assert sorted(written(nodes)) == ["n0", "n1", "n2", "n3", "n4"]


# --- failures


@pytest.mark.parametrize("dies_at", [0.0, 0.5], ids=["before its order", "while it trains"])
def test_the_files_of_a_lost_node_go_to_the_next_holder_in_the_same_round(dies_at: float) -> None:
    nodes = ScriptedNodes()
    nodes.scripts[nodes.refs[1]].dies_at = dies_at

    assert Round(nodes).run(one_file(nodes)) == {0: "n2"}

    assert nodes.refs[1] not in nodes.roster.live
    assert any(line.startswith("lost n1:5000: ") for line in nodes.roster.disturbances)


def test_a_file_that_no_live_node_can_train_is_returned_as_missing() -> None:
    nodes = ScriptedNodes(size=2)
    for script in nodes.scripts.values():
        script.dies_at = 0.0
    round_ = Round(nodes)
    file = one_file(nodes)

    assert round_.run(file) == {}
    assert round_.missing == [file]


def test_a_node_without_one_of_its_files_still_trains_the_others() -> None:
    nodes = ScriptedNodes()
    files = [nodes.file_of(1, index) for index in range(3)]
    gone = files[1]
    script, answer = nodes.scripts[nodes.refs[1]], nodes._collect

    def collect(to: NodeRef, request: Collect) -> tuple[float, Progress]:
        order = next(o for _, o in nodes.requests(Order) if o.ticket == request.ticket)
        lacks = to == nodes.refs[1] and gone in order.files
        return (0.0, Progress("unable", "gone is not here")) if lacks else answer(to, request)

    nodes._collect = collect  # type: ignore[method-assign]

    assert Round(nodes).run(*files) == {0: "n1", 1: "n2", 2: "n1"}

    assert [[f.index for f in order.files] for _, order in nodes.requests(Order)] == [[0, 1, 2], [0], [1], [1], [2]]
    assert nodes.roster.reasons == {"n1:5000": "gone is not here"}
    assert nodes.refs[1] in nodes.roster.live and script.end.state == "done"
    assert not nodes.roster.disturbances


def test_a_node_whose_arithmetic_differs_is_excluded_for_good_and_reported() -> None:
    nodes = ScriptedNodes()
    nodes.scripts[nodes.refs[1]].end = Progress("unfit", "computes different bits")

    assert Round(nodes).run(one_file(nodes)) == {0: "n2"}

    assert nodes.roster.disturbances == ["n1:5000: computes different bits"]
    nodes.roster.forgive()
    assert nodes.refs[1] not in nodes.roster.live


def test_work_that_would_fail_on_every_node_is_not_tried_on_another() -> None:
    nodes = ScriptedNodes()
    nodes.scripts[nodes.refs[1]].end = Progress("failed", "line 3 is not a number")

    with pytest.raises(WorkFailed, match=r"^n1:5000: line 3 is not a number$"):
        Round(nodes).run(one_file(nodes))

    assert nodes.asked(Order) == ["n1"]


def test_an_order_that_never_ends_is_given_up_after_a_bounded_number_of_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "COLLECTS_MAX", 3)
    nodes = ScriptedNodes()
    nodes.scripts[nodes.refs[1]].seconds = math.inf

    assert Round(nodes).run(one_file(nodes)) == {0: "n2"}

    assert nodes.asked(Collect) == ["n1"] * 3 + ["n2"]


def test_a_slow_order_without_a_backup_is_given_up_after_a_bounded_number_of_polls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounds, "COLLECTS_MAX", 20)
    nodes = ScriptedNodes(size=1)
    nodes.scripts[nodes.refs[0]].seconds = math.inf
    round_ = Round(nodes)
    round_.has_experience()

    assert round_.run(nodes.file_of(0)) == {}

    assert len(round_.missing) == 1 and len(nodes.asked(Collect)) < 30


def test_a_node_that_answers_at_once_is_not_polled_without_a_pause() -> None:
    nodes = ScriptedNodes()
    nodes.scripts[nodes.refs[1]].holds = False

    Round(nodes).run(one_file(nodes))

    polls = [m.at for m in nodes.sent if isinstance(m.request, Collect)]
    assert len(polls) > 2
    assert all(
        later - earlier == pytest.approx(tickets.COLLECT_PAUSE_S) for earlier, later in itertools.pairwise(polls)
    )


def test_a_poll_waits_for_the_answer_longer_than_the_node_is_asked_to_wait() -> None:
    nodes = ScriptedNodes()
    nodes.scripts[nodes.refs[1]].seconds = 5.0
    nodes.scripts[nodes.refs[1]].silent_s = tickets.GRACE_S / 2

    assert Round(nodes).run(one_file(nodes)) == {0: "n1"}

    assert {r.wait_s for _, r in nodes.requests(Collect)} == {tickets.COLLECT_WAIT_S}


# --- busy nodes


def busy_if_it_may(order: Order) -> Busy | None:
    return Busy("busy with other work") if order.may_refuse else None


@pytest.mark.parametrize("policy", ["hash", "round-robin", "random"])
def test_only_a_balancing_policy_lets_a_busy_node_refuse(policy: str) -> None:
    nodes = ScriptedNodes()
    for script in nodes.scripts.values():
        script.refuse = busy_if_it_may

    Round(nodes, policy).run(one_file(nodes))

    assert [order.may_refuse for _, order in nodes.requests(Order)] == [False]


@pytest.mark.parametrize("policy", ["replicas", "bounded", "least-loaded", "near"])
def test_a_busy_node_passes_its_files_on_and_is_not_lost(policy: str) -> None:
    nodes = ScriptedNodes()
    file = one_file(nodes)
    first = next(iter(Round(nodes, policy).work.placed([file])))
    nodes.scripts[first].refuse = busy_if_it_may

    made = Round(nodes, policy).run(file)

    assert made[0] != first.host and nodes.asked(Order) == [first.host, made[0]]
    assert first in nodes.roster.live and not nodes.roster.disturbances


def test_when_all_are_busy_one_of_them_is_asked_again_and_may_not_refuse() -> None:
    nodes = ScriptedNodes()
    for script in nodes.scripts.values():
        script.refuse = busy_if_it_may

    assert set(Round(nodes, "replicas").run(one_file(nodes))) == {0}

    asked = [order.may_refuse for _, order in nodes.requests(Order)]
    assert asked == [True] * (nodes.ring.replicas + 1) + [False]
    assert not nodes.roster.disturbances


def test_a_node_that_is_busy_when_it_may_not_refuse_is_lost() -> None:
    nodes = ScriptedNodes(size=2, replicas=1)
    for script in nodes.scripts.values():
        script.refuse = lambda order: Busy("64 orders are waiting already")
    round_ = Round(nodes)

    assert round_.run(one_file(nodes)) == {}

    assert len(round_.missing) == 1 and not nodes.roster.live
    assert len(nodes.asked(Order)) == 4, "each once, and once more when nobody else could"


# --- backup tasks


def slow_and_fast(slow_s: float = math.inf) -> tuple[ScriptedNodes, NodeRef]:
    """A ring whose node 1 takes so long, while the others take a second."""
    nodes = ScriptedNodes()
    nodes.scripts[nodes.refs[1]].seconds = slow_s
    return nodes, nodes.refs[1]


def order_times(nodes: ScriptedNodes) -> list[tuple[str, float]]:
    return [(m.to.host, m.at) for m in nodes.sent if isinstance(m.request, Order)]


def test_a_slow_node_gets_a_backup_and_the_first_result_counts() -> None:
    nodes, slow = slow_and_fast()
    round_ = Round(nodes)
    round_.has_experience()

    assert round_.run(one_file(nodes)) == {0: "n2"}

    (first, _), (second, backup_at) = order_times(nodes)
    assert (first, second) == ("n1", "n2")
    assert BACKUP_AFTER_MIN_S < backup_at < BACKUP_AFTER_MIN_S + 1.5
    assert [order.ticket for _, order in nodes.requests(Order)] == [nodes.requests(Order)[0][1].ticket] * 2
    assert slow not in nodes.roster.live
    assert nodes.roster.disturbances == [
        "n1:5000 is slow: backup task on n2:5000",
        "lost n1:5000: took too long: n2:5000 finished first",
    ]


def test_a_slow_node_that_is_done_before_its_backup_counts_and_is_not_lost() -> None:
    nodes, slow = slow_and_fast(slow_s=BACKUP_AFTER_MIN_S + 2)
    nodes.scripts[nodes.refs[2]].seconds = math.inf
    round_ = Round(nodes)
    round_.has_experience()

    assert round_.run(one_file(nodes)) == {0: "n1"}

    assert slow in nodes.roster.live and nodes.refs[2] in nodes.roster.live


def test_the_weights_go_with_a_backup_task() -> None:
    nodes, _ = slow_and_fast()
    round_ = Round(nodes)
    round_.has_experience()

    round_.run(one_file(nodes))

    assert written(nodes) == ["n1", "n2"]


def test_without_samples_no_node_counts_as_slow() -> None:
    nodes, _ = slow_and_fast(slow_s=1000.0)

    assert Round(nodes).run(one_file(nodes)) == {0: "n1"}

    assert nodes.asked(Order) == ["n1"] and not nodes.roster.disturbances


def test_an_order_just_within_its_time_gets_no_backup_task() -> None:
    nodes, _ = slow_and_fast(slow_s=4.0)
    round_ = Round(nodes)
    round_.has_experience(seconds=1.0)  # so an order may take 4 s

    assert round_.run(one_file(nodes)) == {0: "n1"}
    assert nodes.asked(Order) == ["n1"]


def test_an_order_of_this_round_is_experience_for_the_next() -> None:
    nodes, _ = slow_and_fast(slow_s=2.0)
    round_ = Round(nodes)

    round_.run(nodes.file_of(1, rows=8))

    assert round_.estimate.costs == {nodes.refs[1]: 0.25}
    assert round_.estimate.backup_after_s(files_of([8])) == 8.0


def test_at_most_two_nodes_work_on_one_order() -> None:
    nodes, _ = slow_and_fast(slow_s=60.0)
    nodes.scripts[nodes.refs[2]].seconds = 60.0
    round_ = Round(nodes)
    round_.has_experience()

    assert round_.run(one_file(nodes)) == {0: "n1"}
    assert nodes.asked(Order) == ["n1", "n2"]


def test_a_slow_node_without_another_holder_is_waited_for() -> None:
    nodes = ScriptedNodes(size=1)
    nodes.scripts[nodes.refs[0]].seconds = 60.0
    round_ = Round(nodes)
    round_.has_experience()

    assert round_.run(nodes.file_of(0)) == {0: "n0"}
    assert nodes.asked(Order) == ["n0"] and not nodes.roster.disturbances


def test_a_busy_holder_starts_no_backup_task_and_is_asked_again_later() -> None:
    nodes, _ = slow_and_fast(slow_s=60.0)
    nodes.scripts[nodes.refs[2]].refuse = lambda order: Busy("64 orders wait") if nodes.now < 6 else None
    round_ = Round(nodes)
    round_.has_experience()

    assert round_.run(one_file(nodes)) == {0: "n2"}

    assert set(nodes.asked(Order)) == {"n1", "n2"} and len(nodes.asked(Order)) > 3
    assert not any("n2:5000: " in line for line in nodes.roster.disturbances)


def test_a_holder_that_is_lost_when_it_is_given_the_backup_task_is_followed_by_the_next() -> None:
    nodes, _ = slow_and_fast()
    nodes.scripts[nodes.refs[2]].refuse = lambda order: NotYet("not joined yet")
    round_ = Round(nodes)
    round_.has_experience()

    assert round_.run(one_file(nodes)) == {0: "n3"}

    assert nodes.asked(Order) == ["n1", "n2", "n3"]
    assert "lost n2:5000: not joined yet" in nodes.roster.disturbances


@pytest.mark.parametrize("state", ["unable", "unfit"])
@pytest.mark.parametrize("fails", [1, 2], ids=["the slow node", "its backup"])
def test_of_two_workers_one_may_fail_and_the_other_goes_on(fails: int, state: str) -> None:
    nodes, _ = slow_and_fast(slow_s=8.0)
    nodes.scripts[nodes.refs[2]].seconds = 2.0 if fails == 2 else 30.0
    nodes.scripts[nodes.refs[3]].seconds = math.inf
    nodes.scripts[nodes.refs[fails]].end = Progress(state, "cannot")
    round_ = Round(nodes)
    round_.has_experience()

    assert round_.run(one_file(nodes)) == {0: "n1" if fails == 2 else "n2"}
    assert (nodes.refs[fails] in nodes.roster._unfit) == (state == "unfit")
    assert nodes.asked(Order) == ["n1", "n2", "n3"], "the one that failed is not asked again"


def test_a_silent_worker_is_ignored_while_the_other_answers() -> None:
    nodes, _ = slow_and_fast()
    nodes.scripts[nodes.refs[1]].dies_at = BACKUP_AFTER_MIN_S + 2
    nodes.scripts[nodes.refs[2]].seconds = 10.0
    round_ = Round(nodes)
    round_.has_experience()

    assert round_.run(one_file(nodes)) == {0: "n2"}
    assert nodes.asked(Order) == ["n1", "n2"]


def test_when_a_node_and_its_backup_are_both_lost_another_node_is_asked() -> None:
    nodes, _ = slow_and_fast()
    nodes.scripts[nodes.refs[2]].seconds = math.inf
    for ref in nodes.refs[1:3]:
        nodes.scripts[ref].dies_at = BACKUP_AFTER_MIN_S + 3
    round_ = Round(nodes)
    round_.has_experience()

    assert round_.run(one_file(nodes)) == {0: "n3"}


def test_the_answer_of_one_worker_is_enough_for_a_poll() -> None:
    nodes, _ = slow_and_fast()
    nodes.scripts[nodes.refs[2]].seconds = 0.5
    round_ = Round(nodes)
    round_.has_experience()
    round_.run(one_file(nodes))

    backup_at = order_times(nodes)[1][1]
    assert nodes.now == pytest.approx(backup_at + 0.5)


# --- how long an order may take


def estimate_after(*records: tuple[float, int]) -> ThroughputEstimate:
    node, estimate = ScriptedNodes().refs[0], ThroughputEstimate()
    for seconds, rows in records:
        estimate.record(node, files_of([rows]), seconds)
    return estimate


def files_of(rows: Sequence[int]) -> list[TrainingFile]:
    return [TrainingFile(i, f"f{i}", "", 1, r) for i, r in enumerate(rows)]


def test_an_order_may_take_four_times_as_long_as_its_rows_took_on_other_nodes() -> None:
    estimate = estimate_after((1.0, 10), (2.0, 10), (9.0, 10))  # 0.2 s a row by the median

    assert estimate.backup_after_s(files_of([20, 30])) == pytest.approx(4 * 0.2 * 50)


def test_an_order_of_few_rows_may_take_four_times_as_long_as_an_order_takes() -> None:
    estimate = estimate_after((2.0, 100), (3.0, 100), (4.0, 100))

    assert estimate.backup_after_s(files_of([1])) == pytest.approx(4 * 3.0)


def test_no_order_gets_a_backup_task_within_three_seconds() -> None:
    assert estimate_after((0.01, 10)).backup_after_s(files_of([10])) == BACKUP_AFTER_MIN_S


def test_a_tree_may_take_four_times_as_long_as_trees_have_taken() -> None:
    estimate = estimate_after((0.01, 10))
    assert estimate.tree_timeout_s(files_of([10])) == BACKUP_AFTER_MIN_S

    for seconds in (1.0, 2.0, 30.0):
        estimate.record_tree(seconds)

    assert estimate.tree_timeout_s(files_of([10])) == pytest.approx(4 * 2.0)


def test_a_nodes_cost_is_the_mean_of_its_last_order_and_its_earlier_cost() -> None:
    estimate = estimate_after((1.0, 10), (3.0, 10))

    assert estimate.costs == {ScriptedNodes().refs[0]: pytest.approx((0.1 + 0.3) / 2)}


def test_only_the_latest_orders_count() -> None:
    old, new = (100.0, 10), (1.0, 10)
    estimate = estimate_after(*[old] * SAMPLES_MAX, *[new] * SAMPLES_MAX)
    for seconds in (*[100.0] * SAMPLES_MAX, *[1.0] * SAMPLES_MAX):
        estimate.record_tree(seconds)

    assert estimate.backup_after_s(files_of([10])) == pytest.approx(4)
    assert estimate.tree_timeout_s(files_of([10])) == pytest.approx(4)
    estimate.record(ScriptedNodes().refs[0], files_of([10]), 100.0)
    assert estimate.backup_after_s(files_of([10])) == pytest.approx(4), "one outlier does not count"
