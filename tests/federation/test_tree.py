"""Tree: each part of the ring once, the same bits as the star, and a lost child's files go to the star."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from roundelay.chord.errors import Busy
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.federation.errors import BadRecord, BadSpec
from roundelay.federation.placement import POLICIES, Groups
from roundelay.federation.requests import Order, Share, TrainingFile
from roundelay.federation.round_tasks import moments_task
from roundelay.federation.rounds import RoundWork
from roundelay.federation.settings import Settings
from roundelay.federation.tasks import TrainTask
from roundelay.federation.throughput import BACKUP_FACTOR, ThroughputEstimate
from roundelay.federation.topologies.partial import Lost, NodeWork, PartialSum, bitmap, partial_from
from roundelay.federation.topologies.tree_reduce import LOOK_INTERVAL_S, _possible, add, reduce, split
from roundelay.ml.design import Design
from roundelay.ml.sliced import as_bytes
from roundelay.ml.training_plan import TrainConfig, TrainingPlan
from roundelay.store.packing import SUM_BYTES, WEIGHT_BYTES
from tests.federation.inline_ring import InlineRing
from tests.federation.scripted_nodes import Script, ScriptedNodes
from tests.federation.test_driver import EXPECTED, IDS, RING, SETTINGS, Job, make_spec

TREE = replace(SETTINGS, topology="tree")


def spread(ids: Sequence[int]) -> tuple[dict[NodeRef, ChordNode], Order]:
    """A ring, and an order that has a file for each of its nodes."""
    nodes = {ref: member.node for ref, member in InlineRing(ids, RING).members.items()}
    files = tuple(TrainingFile(i, f"file-{i}", "00" * 32, 1, 1) for i in range(len(nodes)))
    shares = tuple(Share(ref, (i,)) for i, ref in enumerate(nodes))
    top = next(iter(nodes))
    return nodes, Order("job", 1, files, moments_task(make_spec()), shares=shares, limit=top.id)


def broadcast(nodes: dict[NodeRef, ChordNode], node: NodeRef, order: Order, level: int = 0) -> list[tuple[int, int]]:
    """(identifier, level) of every node that the order reaches."""
    reached = [(node.id, level)]
    for child, part in split(nodes[node], order):
        if child != node:
            reached += broadcast(nodes, child, part, level + 1) if part.shares else [(child.id, level + 1)]
    return reached


@pytest.mark.parametrize("count", [1, 2, 3, 7, 16, 64, 200])
def test_an_order_reaches_every_node_once_and_within_log2_levels(count: int) -> None:
    """El-Ansary et al. 2003: N - 1 messages, depth at most log2 N on a balanced ring."""
    nodes, order = spread([place * RING.size // count + 5 for place in range(count)])

    reached = broadcast(nodes, next(iter(nodes)), order)

    assert sorted(i for i, _ in reached) == sorted(ref.id for ref in nodes)
    assert max(level for _, level in reached) <= math.ceil(math.log2(count)) if count > 1 else reached[0][1] == 0


def test_a_nodes_own_share_is_the_order_that_a_star_would_have_given_it() -> None:
    nodes, order = spread(IDS)
    top = next(iter(nodes))

    own = next(part for child, part in split(nodes[top], order) if child == top)

    assert own == replace(order, files=order.files[:1], shares=(), limit=0)


@pytest.mark.parametrize("count", range(1, len(IDS) + 1))
def test_star_and_tree_give_the_same_bits(count: int) -> None:
    job = Job(IDS[:count], make_spec(TREE))

    assert job.drive() == EXPECTED

    for _, report in job.rounds:
        assert sorted(a for nodes in report.tiers.values() for a in nodes) == sorted(set(report.placement.values()))
        assert report.disturbances == ()


@pytest.mark.parametrize("policy", POLICIES)
def test_any_policy_places_for_the_tree(policy: str) -> None:
    assert Job(IDS, make_spec(replace(TREE, placement=policy))).drive() == EXPECTED


def test_the_driver_sends_one_order_a_round() -> None:
    job, orders = Job(IDS, make_spec(TREE)), []

    def count(node: NodeRef, request: object) -> None:
        if isinstance(request, Order):
            orders.append((request.round, node, bool(request.shares)))

    job.net.before_answer = count
    job.drive()

    nodes = len(set(job.rounds[0][1].placement.values()))
    passed_on = [node for number, node, _ in orders if number == 1]
    assert len(passed_on) <= 2 * nodes  # each is asked by one other, and those who pass on ask themselves


@pytest.mark.parametrize("nth", range(1, 8))
def test_the_files_of_a_node_that_dies_in_a_tree_are_trained_by_the_star_and_the_bits_are_the_same(nth: int) -> None:
    job, asked = Job(IDS, make_spec(TREE)), itertools.count(1)

    def die_at_the_nth(node: NodeRef, request: object) -> None:
        if isinstance(request, Order) and request.round == 2 and next(asked) == nth:
            job.net.dead.add(node)

    job.net.before_answer = die_at_the_nth

    assert job.drive() == EXPECTED

    (lost,) = job.net.dead
    assert any(str(lost.address) in line for line in job.rounds[1][1].disturbances)
    assert all(len(report.placement) == len(job.spec.files) for _, report in job.rounds)
    assert str(lost.address) not in job.rounds[-1][1].placement.values()


def test_a_node_whose_death_the_ring_tells_before_the_tree_does_is_in_the_report_too() -> None:
    job, asked = Job(IDS, make_spec(TREE)), itertools.count(1)
    driver = job.driver()

    def die_and_be_known_to_be_dead(node: NodeRef, request: object) -> None:
        if isinstance(request, Order) and request.round == 2 and next(asked) == 3:
            job.net.dead.add(node)
            driver._roster.update_members(tuple(each for each in driver._roster.nodes if each != node))

    job.net.before_answer = die_and_be_known_to_be_dead
    job.net.run(driver.drive())

    (lost,) = job.net.dead
    assert driver.weights == EXPECTED
    assert any(str(lost.address) in line for line in job.rounds[1][1].disturbances)


def test_a_busy_node_in_a_tree_is_not_lost() -> None:
    job = Job(IDS, make_spec(replace(TREE, placement="least-loaded")))
    busy = job.net.members[next(iter(job.net.members))].orders
    busy._is_busy = lambda: True

    assert job.drive() == EXPECTED

    assert all(Busy.__name__ not in line for _, report in job.rounds for line in report.disturbances)


def test_without_a_root_the_star_trains_all_files() -> None:
    job = Job(IDS, make_spec(TREE))
    for member in job.net.members.values():
        member.orders._launch = None

    assert job.drive() == EXPECTED


def test_no_tiers_are_reported_of_a_round_without_a_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    job, placed, trees = Job(IDS, make_spec(replace(TREE, rounds=2))), RoundWork.placed, itertools.count()

    def place_until_round_2(work: RoundWork, files: Sequence[TrainingFile]) -> Groups:
        return placed(work, files) if next(trees) < 2 else {}

    monkeypatch.setattr(RoundWork, "placed", place_until_round_2)
    job.drive()

    assert [bool(report.tiers) for _, report in job.rounds] == [True, False]
    assert [report.passed_on > 0 for _, report in job.rounds] == [True, False]


def test_a_first_tree_has_four_times_as_long_as_its_first_node_has_needed_with_the_way_to_it() -> None:
    nodes, estimate = ScriptedNodes(size=3), ThroughputEstimate()
    files = tuple(nodes.file_of(owner, owner) for owner in range(3))
    shares = tuple(Share(node, (file.index,)) for node, file in zip(nodes.refs, files, strict=True))
    order = Order("job", 1, files, moments_task(make_spec()), shares=shares)
    root = nodes.roster.successors_of(nodes.ring.key("job"))[0]
    nodes.now = 59.0  # when the weights have come; a training takes a second
    for share in shares:
        nodes.accept(share.node, replace(order, files=(files[share.files[0]],), shares=()))
        nodes.scripts[share.node] = Script(seconds=math.inf if share.node == root else 1.0)
    nodes.now = 0.0

    nodes.run(reduce(nodes.roster, estimate, nodes.clock, order, b"", (root,)))

    assert nodes.now > BACKUP_FACTOR * 60.0


@pytest.mark.parametrize("is_late", [True, False])
def test_a_first_tree_is_given_up_once_another_node_has_finished_long_before(is_late: bool) -> None:
    nodes = ScriptedNodes(size=5)
    files = tuple(nodes.file_of(owner, index) for index, owner in enumerate(range(5)))
    shares = tuple(Share(node, (file.index,)) for node, file in zip(nodes.refs, files, strict=True))
    order, estimate = Order("job", 1, files, moments_task(make_spec()), shares=shares), ThroughputEstimate()
    root = nodes.roster.successors_of(nodes.ring.key("job"))[0]
    for share in shares:
        nodes.accept(share.node, replace(order, files=(files[share.files[0]],), shares=()))
        nodes.scripts[share.node] = Script(seconds=math.inf if share.node == root or not is_late else 2.0)
    if not is_late:
        nodes.scripts[root].dies_at = 1000.0

    result = nodes.run(reduce(nodes.roster, estimate, nodes.clock, order, b"", (root,)))

    assert result.parts == [] and estimate.is_empty is not is_late
    if is_late:
        assert nodes.roster.disturbances == [f"{root.address}: the tree below it has taken too long"]
        assert BACKUP_FACTOR * 2.0 < nodes.now < BACKUP_FACTOR * (2.0 + 2 * LOOK_INTERVAL_S) + 2.0
    else:
        assert nodes.now >= 1000.0, "nothing says how long it may take"
        assert len(nodes.sent) < 2000 + len(shares) * 1000


def owner(name: str) -> int:
    key = RING.key(name)
    return next((identifier for identifier in IDS if identifier >= key), IDS[0])


def test_tiers_are_named_and_the_last_name_stands_for_all_below() -> None:
    specs = (replace(make_spec(replace(TREE, tiers="cloud,edge")), nonce=str(number)) for number in range(100))
    spec = next(s for s in specs if owner(s.job) in {owner(f.name) for f in s.files})  # its top has work of its own
    job = Job(IDS, spec)
    job.drive()

    key, report = RING.key(job.spec.job), job.rounds[0][1]
    top = min(job.net.members, key=lambda node: RING.distance(key, node.id))
    trained = set(report.placement.values())
    assert report.tiers.get("cloud", []) == [str(top.address)] * (str(top.address) in trained)
    assert set(report.tiers["edge"]) == trained - {str(top.address)}


@pytest.mark.parametrize("settings", [{"tiers": "a,b"}, {"topology": "tree", "tiers": "a,,b"}])
def test_tiers_without_a_tree_or_a_name_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(BadSpec, match="--tiers"):
        Settings(**settings)  # type: ignore[arg-type]


# --- partial sums


def some(*files: int, job: str = "job") -> PartialSum:
    work = NodeWork("n:1", files, 0.5, 1.0, 0.5, 0)
    return PartialSum(job, 1, "aa" * 32, bitmap(files), (work,), sum=bytes([len(files)] * 8))


PLAN = TrainingPlan(Design((2, 3)), TrainConfig(), 30)


def lost_as(message: str) -> PartialSum:
    return replace(some(1), lost=(Lost("n:2", "busy", message),))


def test_a_partial_sum_is_read_as_it_was_written() -> None:
    partial = replace(some(0, 3, 70), lost=(Lost("n:2", "unreachable", "did not answer"),), messages=4)

    assert partial_from(as_bytes(partial.to_content())) == partial


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        b"\xff\xff\xff\xff{}",
        as_bytes(some(1).to_content())[:20],
        as_bytes(some(1).to_content()).replace(b'"files": "2"', b'"files": "6"'),
        as_bytes(some(1).to_content()).replace(b'"files": "2"', b'"files": "x"'),
        as_bytes(lost_as("b").to_content()).replace(b'"kind": "busy"', b'"kind": "idle"'),
        as_bytes(lost_as("b").to_content()).replace(b'"message": "b"', b'"message": 999'),
    ],
)
def test_a_malformed_partial_sum_is_refused(content: bytes) -> None:
    with pytest.raises(BadRecord):
        partial_from(content)


def test_only_disjoint_sums_of_one_round_are_added() -> None:
    total = add(some(0, 1), [some(2), some(1, 3), some(4, job="another")], Order("job", 1, (), TrainTask(PLAN)))

    assert total.files == bitmap((0, 1, 2))
    assert total.sum == bytes([3] * 8)
    assert total.lost == (Lost("n:1", "mismatch", "its sum does not fit the others"),) * 2


def test_a_sum_that_claims_files_of_other_nodes_is_refused() -> None:
    files = tuple(TrainingFile(index, f"file-{index}", "aa" * 32, 10, 10) for index in range(3))
    order = Order("job", 1, files[:2], TrainTask(PLAN), "aa" * 32, WEIGHT_BYTES)
    assert _possible(order, replace(some(0, 1), sum=bytes(SUM_BYTES)))

    with pytest.raises(BadRecord, match="files that are not in its order"):
        _possible(order, replace(some(0, 1, 2), sum=bytes(SUM_BYTES)))
