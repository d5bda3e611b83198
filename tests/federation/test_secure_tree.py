"""Secure aggregation along a tree: the model of the star, whoever drops out, and nobody on the way learns an update."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from roundelay.chord.effects import Request
from roundelay.chord.refs import NodeRef
from roundelay.federation import masked_sum
from roundelay.federation.errors import BadRecord
from roundelay.federation.requests import Collect, Order
from roundelay.federation.result_check import check_result
from roundelay.federation.round_tasks import training_task
from roundelay.federation.secure_sum import split_masked
from roundelay.federation.tasks import PromiseTask, RevealTask, TrainTask
from roundelay.federation.topologies.groups import Nodes
from roundelay.federation.topologies.partial import partial_from
from roundelay.ml import plugins
from roundelay.ml.masks import add
from roundelay.ml.sliced import as_bytes
from roundelay.store.read_path import fetch
from tests.federation.inline_ring import Member
from tests.federation.secure_job import ADDRESSES, SITES, THRESHOLD, SecureJob, masking_of
from tests.federation.test_driver_at_a_site import DRIVES, MOMENTS, drive_on, kill, require_one_sum_each
from tests.federation.test_secure_aggregation import outcome
from tests.killed import Killed

DROPPED = [away for count in range(SITES - THRESHOLD + 1) for away in itertools.combinations(range(SITES), count)]
LEAVES = 1, 4
REQUESTS_OF_A_DRIVER = 130  # at least, in two rounds


def tree(**settings: Any) -> SecureJob:
    return SecureJob(**{"rounds": 1, "topology": "tree", **settings})


@cache
def plain(away: tuple[int, ...] = (), number: int = 0) -> list[tuple[str, str, float, tuple[int, ...]]]:
    """Return the results of a star without secure aggregation. away: sites that are lost in round `number`."""
    job = SecureJob(secure=False, rounds=1)

    def die(_: NodeRef, request: Request[Any]) -> None:
        if isinstance(request, Order) and request.round == number:
            job.away(away)

    if number:
        job.net.before_answer = die
    else:
        job.away(away)
    return outcome(job)


def note_all_revealed(job: SecureJob) -> None:
    for node in job.net.members:
        job.note_revealed(node)


def orders_of(job: SecureJob, number: int = 1) -> dict[NodeRef, list[Order]]:
    """The orders to train in a round that each node has, besides those that it passes on."""
    found = {}
    for ref, member in job.net.members.items():
        orders = [each for each in member.orders._orders.values() if isinstance(each.task, TrainTask)]
        found[ref] = [each for each in orders if each.round == number and not each.shares]
    return found


@pytest.mark.parametrize("leaves", [(), LEAVES], ids=["members", "some leaves"])
@pytest.mark.parametrize("away", DROPPED, ids=str)
def test_the_model_is_that_of_the_plain_star_for_every_set_of_lost_sites(
    away: tuple[int, ...], leaves: tuple[int, ...]
) -> None:
    job = tree(leaves=leaves)
    job.away(away)

    assert outcome(job) == plain(away)


@pytest.mark.parametrize("away", [at for at in DROPPED if len(at) == 2], ids=str)
def test_sites_that_are_lost_while_the_tree_works_are_left_out(away: tuple[int, ...]) -> None:
    """Each dies when it is given its order in the tree, or later by the driver."""
    job = tree()
    dying = {job.site(at) for at in away}

    def die(node: NodeRef, request: Request[Any]) -> None:
        if isinstance(request, Order) and isinstance(request.task, TrainTask) and node in dying:
            job.net.dead.add(node)

    job.net.before_answer = die

    assert outcome(job) == plain(away, 1)


def test_below_the_threshold_nothing_is_revealed() -> None:
    """Three sites are lost while the tree works, and come back later."""
    job, of_round_1 = tree(wait_for=1.0), sum_of_round_1(1.0)

    def die(node: NodeRef, request: Request[Any]) -> None:
        job.watch(node, request)
        if isinstance(request, Order) and isinstance(request.task, TrainTask) and job.net.now < 3.0:
            job.away((0, 1, 2))
        if job.net.now > 3.0 and job.net.dead:
            assert not any(sum_id == of_round_1 for _, sum_id in job.revealed)
            job.net.dead.clear()

    job.net.before_answer = die

    assert outcome(job) == plain()
    assert any("of 6 sites have" in line and "4 are needed" in line for line in told(job))


@cache
def sum_of_round_1(wait_for: float) -> str:
    job = tree(wait_for=wait_for)
    job.drive()
    return next(order.sum_id for orders in orders_of(job).values() for order in orders)


# --- what travels


def test_the_driver_receives_one_sum_and_asks_only_leaves_itself() -> None:
    job, asked = tree(leaves=LEAVES), list[tuple[NodeRef, bool]]()

    def note(node: NodeRef, request: Request[Any]) -> None:
        if job.is_driver and isinstance(request, Order) and isinstance(request.task, TrainTask):
            asked.append((node, bool(request.shares)))

    job.net.before_answer = note
    job.drive()

    assert sorted(node.id for node, is_tree in asked if not is_tree) == sorted(job.site(at).id for at in LEAVES)
    assert sum(is_tree for _, is_tree in asked) == 1
    assert sum(map(len, job.rounds[0][1].tiers.values())) == SITES - len(LEAVES)


def test_what_nodes_of_a_tree_add_looks_like_chance() -> None:
    job = tree(hidden=(400,))
    job.drive()

    sums = 0
    for member in job.net.members.values():
        for ticket, order in member.orders._orders.items():
            if order.shares and isinstance(order.task, TrainTask):
                assert order.masking is not None
                partial = partial_from(content_of(job, member, ticket))
                vector, _ = split_masked(as_bytes(partial.sum), order.masking, len(partial.done))
                bits = np.unpackbits(np.frombuffer(vector, np.uint8))
                assert len(bits) > 64 * 3000
                assert abs(bits.mean() - 0.5) < 5 * 0.5 / np.sqrt(bits.size)
                sums += 1
    assert sums >= 2


def test_a_node_that_dies_when_its_children_have_answered_loses_none_of_their_vectors() -> None:
    job = tree()
    job.drive()
    inner = [ref for ref, level in levels(job) if level == 1 and passed_on(job, ref)]
    assert inner, "the ring has no node between others"
    job = tree()

    def die(node: NodeRef, request: Request[Any]) -> None:
        if node == inner[0] and isinstance(request, Collect) and is_tree_of_round_1(job, node, request.ticket):
            job.work_off(job.net.members[node])  # its children have answered
            job.net.dead.add(node)

    job.net.before_answer = die
    lost = ADDRESSES.index(str(inner[0].address))

    assert outcome(job) == plain((lost,), 1)
    assert all(len(orders) == 1 for ref, orders in orders_of(job).items() if str(ref.address) in ADDRESSES)


def content_of(job: SecureJob, member: Member, ticket: str) -> bytes:
    progress = member.orders.progress(ticket)
    return progress.content or job.net.run(fetch((member.node.ref,), progress.result, progress.size_bytes))


def levels(job: SecureJob) -> list[tuple[NodeRef, int]]:
    by_address = {str(ref.address): ref for ref in job.net.members}
    tiers = job.rounds[0][1].tiers
    return [(by_address[address], int(tier.split()[-1])) for tier, there in tiers.items() for address in there]


def passed_on(job: SecureJob, ref: NodeRef) -> bool:
    orders = job.net.members[ref].orders._orders.values()
    return any(order.shares and order.round == 1 and len(order.shares) > 1 for order in orders)


def is_tree_of_round_1(job: SecureJob, node: NodeRef, ticket: str) -> bool:
    order = job.net.members[node].orders._orders.get(ticket)
    return order is not None and order.round == 1 and bool(order.shares)


def two_groups(nodes: Nodes, number: int) -> list[Nodes]:
    return [nodes[::2], nodes[1::2]]


@pytest.mark.parametrize("away", [(), (2, 5)], ids=str)
def test_sums_of_several_trees_are_added(away: tuple[int, ...]) -> None:
    """The topology of a plugin has a tree for each of its groups."""
    plugins.allow([__name__])
    job = tree(topology=f"{__name__}:two_groups")
    job.away(away)

    assert outcome(job) == plain(away)
    assert len(job.rounds[0][1].tiers["level 0"]) == 2


# --- takeover


@pytest.mark.parametrize("seed", range(8))
def test_a_driver_that_is_killed_at_any_moment_leads_to_the_same_model(seed: int) -> None:
    rng = random.Random(seed)
    print(f"to replay: seed {seed}")
    job, left = tree(rounds=2), rng.randrange(1, REQUESTS_OF_A_DRIVER)

    def die(node: NodeRef, request: Request[Any]) -> None:
        nonlocal left
        job.watch(node, request)
        left -= job.is_driver
        if left == 0 and job.is_driver:
            raise Killed

    job.net.before_answer = die
    with pytest.raises(Killed):
        job.net.run(job.driver().drive())
    job.net.before_answer = job.watch
    job.drive()
    note_all_revealed(job)

    assert job.look().results[1].weights == plain()[1][0]
    assert all(len(sets) == 1 for sets in job.revealed.values())


@pytest.mark.parametrize(("phase", "nth"), [(PromiseTask, 3), (TrainTask, 1), (RevealTask, 3)])
def test_a_driver_that_is_killed_in_a_phase_leads_to_the_same_model(phase: type[Any], nth: int) -> None:
    job, asked = tree(), itertools.count(1)

    def is_moment(_: NodeRef, request: Request[Any]) -> bool:
        is_order = isinstance(request, Order) and request.round == 1 and isinstance(request.task, phase)
        return is_order and next(asked) == nth

    kill(job, is_moment)
    drive_on(job)

    assert [each.weights for each in job.look().results] == [each[0] for each in plain()]
    require_one_sum_each(job)


def test_a_site_that_starts_anew_while_the_tree_works_is_left_out() -> None:
    job = tree()
    restarted = job.site(3)

    def start_again(node: NodeRef, request: Request[Any]) -> None:
        if node == restarted and isinstance(request, Order) and isinstance(request.task, TrainTask):
            job.restart(node, life=2)

    job.net.before_answer = start_again

    assert outcome(job) == plain((3,), 1)


def test_a_second_driver_completes_the_set_that_the_first_began_to_reveal() -> None:
    """A site was lost in the first driver's tree and is back: a sum of another tree would not fit that set."""
    job, absent = tree(), 2

    def is_moment(node: NodeRef, request: Request[Any]) -> bool:
        if not isinstance(request, Order) or request.round != 1:
            return False
        if isinstance(request.task, TrainTask):
            job.away((absent,))
        return isinstance(request.task, RevealTask) and node == job.site(4)

    kill(job, is_moment)
    job.net.dead.clear()
    forget_trees(job)
    drive_on(job)

    assert [(each.weights, each.left_out) for each in job.look().results] == [
        (weights, left_out) for weights, _, _, left_out in plain((absent,), 1)
    ]
    require_one_sum_each(job)


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_model_is_the_same_when_a_driver_at_a_site_is_killed_and_started_again(moment: str) -> None:
    job = tree()
    job.name = ADDRESSES[DRIVES]
    kill(job, MOMENTS[moment]())
    job.start_again(job.site(DRIVES))
    drive_on(job)

    assert [each.weights for each in job.look().results] == [each[0] for each in plain()]
    require_one_sum_each(job)


def forget_trees(job: SecureJob) -> None:
    """Have nodes forget the sums that they have added; otherwise the same order has the same sum."""
    for member in job.net.members.values():
        for ticket in [each for each, order in member.orders._orders.items() if order.shares]:
            member.orders._forget(ticket)


# --- nodes that add wrongly


def adds_a_vector_twice(vectors: list[bytes]) -> list[bytes]:
    return [*vectors, vectors[0]]


def leaves_a_vector_out(vectors: list[bytes]) -> list[bytes]:
    return vectors[:-1] or [bytes(len(vectors[0]))]


@pytest.mark.parametrize("lie", [adds_a_vector_twice, leaves_a_vector_out])
def test_a_sum_that_lacks_a_vector_or_has_it_twice_is_noticed_and_replaced(
    lie: Callable[[list[bytes]], list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Masks are left in it then. The sites reveal the same set again, and the driver asks each for its vector."""
    monkeypatch.setattr(masked_sum, "masks", SimpleNamespace(add=lambda vectors, *others: add(lie(vectors), *others)))
    job = tree()
    job.net.before_answer = job.watch

    assert outcome(job) == plain()
    assert any("the masks do not cancel in the sum that came along a tree" in line for line in told(job))
    note_all_revealed(job)
    assert all(len(sets) == 1 for sets in job.revealed.values())


def told(job: SecureJob) -> tuple[str, ...]:
    return job.rounds[0][1].disturbances


def test_boxes_that_a_node_of_the_tree_has_changed_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    added = masked_sum.added
    monkeypatch.setattr(masked_sum, "added", lambda *args: added(*args)[:-1] + b"\0")
    job = tree()
    job.net.before_answer = job.watch

    assert outcome(job) == plain()
    note_all_revealed(job)
    assert all(len(sets) == 1 for sets in job.revealed.values())


def test_a_sum_over_a_part_of_a_sites_files_is_refused() -> None:
    job = tree()
    masking = masking_of(job, range(SITES))
    task = replace(training_task(job.spec, b""), receipts=False)
    order = Order(job.spec.job, 1, job.spec.files, task, masking=masking)
    part = next(site.files[:1] for site in masking.sites if len(site.files) > 1)

    with pytest.raises(BadRecord, match="only some of the files of a site"):
        check_result(order, [job.spec.files[at] for at in part], b"")
