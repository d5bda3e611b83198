"""Gossip: weight is conserved when pushes are lost, repeated or refused, and the models converge."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from roundelay.chord.effects import Ask, Procedure
from roundelay.chord.errors import Busy, NodeUnreachable, NotFound
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.federation import audit, round_tasks
from roundelay.federation.effects import Compute, Done
from roundelay.federation.errors import BadSpec, OtherBits, Overtaken
from roundelay.federation.job_log import RoundModel
from roundelay.federation.requests import Collect, Order, Push, Share
from roundelay.federation.retry import refresh_members
from roundelay.federation.settings import Settings
from roundelay.federation.tasks import EvaluateTask, MixTask, Task
from roundelay.federation.topologies import gossip
from roundelay.federation.topologies.gossip import (
    ATTEMPTS_KEPT,
    EARLY_PUSHES_MAX,
    JOBS_KEPT,
    PUSH_TRIES,
    PUSHES_MAX,
    Gossip,
)
from roundelay.ml import push_sum
from roundelay.ml.errors import BadTask
from roundelay.ml.push_sum import WeightedModel, weighted_model_from_bytes
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of
from roundelay.store.transfer import write
from tests.federation.test_driver import IDS, RING, SETTINGS, Job, make_spec
from tests.killed import Killed

GOSSIP = replace(SETTINGS, topology="gossip", rounds=4)
ME = NodeRef(7, "me", 1)
NAN = b"\0\0\xc0\x7f"  # float32


def job(settings: Settings = GOSSIP, ids: tuple[int, ...] = IDS) -> Job:
    return Job(ids, make_spec(settings))


def masses(made: Job, number: int) -> list[WeightedModel]:
    """What the nodes hold of the latest attempt at a round, in the end."""
    held = [member.orders.executor.gossip._jobs[made.spec.job].attempts for member in made.net.members.values()]
    latest = max(key for attempts in held for key in attempts if key[0] == number)
    return [attempts[latest].mass for attempts in held if latest in attempts]


def test_every_node_has_a_model_and_all_are_close() -> None:
    made = job()
    made.drive()

    for _, report in made.rounds:
        assert sorted(report.errors) == sorted(str(n.address) for n in made.net.members)
        assert 0 < report.spread < 0.2
        assert report.disturbances == ()


def test_the_weighted_mean_over_the_ring_is_the_model_that_a_star_would_compute() -> None:
    made = job(replace(GOSSIP, rounds=1))
    made.drive()

    mean = push_sum.mean_of(push_sum.add(masses(made, 1)), b"")

    star = Job(IDS, make_spec(replace(SETTINGS, rounds=1))).drive()
    assert np.allclose(np.frombuffer(mean, "<f4"), np.frombuffer(star, "<f4"), rtol=0, atol=1e-6)


def test_the_rings_total_weight_is_all_rows_after_every_round() -> None:
    made = job()
    made.drive()

    for number in range(1, GOSSIP.rounds + 1):
        assert sum(m.rows for m in masses(made, number)) == pytest.approx(made.spec.rows, rel=1e-12)


def test_a_push_whose_acknowledgement_is_lost_is_repeated_and_counts_once() -> None:
    made, pushed = job(), itertools.count(1)
    answer = made.net._ask

    def lose_every_third(ask: object) -> object:
        reply = answer(ask)  # type: ignore[arg-type]
        if isinstance(getattr(ask, "request", None), Push) and next(pushed) % 3 == 0:
            raise NodeUnreachable("lost on its way back")
        return reply

    made.net._ask = lose_every_third  # type: ignore[method-assign]
    made.drive()

    assert next(pushed) > 50
    assert sum(m.rows for m in masses(made, 2)) == pytest.approx(made.spec.rows, rel=1e-12)
    assert all(report.disturbances == () for _, report in made.rounds)


@pytest.mark.parametrize(
    ("error", "is_lost"), [(NotFound("settled"), False), (Busy("full"), False), (NodeUnreachable("no answer"), True)]
)
def test_a_refused_push_is_taken_back_and_an_unacknowledged_one_is_reported_as_lost(
    error: Exception, is_lost: bool
) -> None:
    made = job(replace(GOSSIP, rounds=1, exchanges=2))

    def refuse(node: NodeRef, request: object) -> None:
        if isinstance(request, Push):
            raise error

    made.net.before_answer = refuse
    made.drive()

    rows, lines = sum(m.rows for m in masses(made, 1)), made.rounds[0][1].disturbances
    assert (rows < made.spec.rows) == is_lost
    assert any("sent but never acknowledged" in line for line in lines) == is_lost


def test_a_malformed_push_is_charged_to_its_sender_and_the_round_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    made, push, pushed = job(replace(GOSSIP, rounds=2, exchanges=4)), gossip._push, []
    liar = made.net.entry

    def lie(node: ChordNode, order: Order, number: int, to: NodeRef, content: bytes) -> Procedure[None]:
        if node.ref != liar:
            return (yield from push(node, order, number, to, content))
        pushed.append(to)
        yield from push(node, order, number, to, b"nonsense")

    monkeypatch.setattr(gossip, "_push", lie)
    made.drive()

    lines = [line for _, report in made.rounds for line in report.disturbances]
    charges = [line for line in lines if f"{liar.address} has pushed a malformed half, which was left out" in line]
    assert len(made.rounds) == 2
    assert pushed
    assert 0 < len(charges) <= len(set(pushed)), "each receiver says it once"


@pytest.mark.parametrize("lie", [lambda model: model + bytes(4), lambda model: NAN * (len(model) // 4)])
def test_a_model_of_another_size_or_not_finite_is_not_taken_and_its_node_is_excluded(
    lie: Callable[[bytes], bytes],
) -> None:
    made = job(replace(GOSSIP, rounds=2))
    key = RING.key(made.spec.job)
    liar = min(made.net.members, key=lambda node: RING.distance(key, node.id))  # whose model would be the ring's
    pushes, compute = made.net.members[liar].orders.executor.gossip, made.net.members[liar].compute
    settle = pushes._settle

    def settle_wrongly(node: ChordNode, order: Order, attempt: gossip._Attempt) -> Procedure[None]:
        yield from settle(node, order, attempt)
        pushes._jobs[order.job].model = lie(pushes._jobs[order.job].model)

    def compute_wrongly(effect: Compute) -> Done:
        return Done(b"", 0.0) if isinstance(effect.order.task, EvaluateTask) else compute(effect)

    pushes._settle = settle_wrongly  # type: ignore[method-assign]
    made.net.members[liar].compute = compute_wrongly  # type: ignore[method-assign]
    made.drive()

    lines = made.rounds[0][1].disturbances
    assert any(line.startswith(f"{liar.address} is excluded: its model") for line in lines)
    assert all(str(liar.address) not in report.errors for _, report in made.rounds)


def test_a_push_of_another_size_is_charged_to_its_sender_though_the_receiver_has_no_model_yet() -> None:
    made = job(GOSSIP, IDS[:2])
    node, pushes = next(iter(made.net.members.values())).node, Gossip()
    order = Order("j", 1, (), MixTask(1), weights_bytes=8, shares=(Share(node.ref, ()),), attempt=1)
    content = WeightedModel(1.0, bytes(80)).to_bytes("a")
    made.net.run(write(node.ref, digest_of(content), content))
    pushes._attempt("j", 1, 1)
    pushes.receive_push(Push("j", 1, 1, 0, ME, digest_of(content), len(content)))

    assert "half of a model" in made.net.run(pushes.mix(node, replace(order, shares=(Share(ME, ()),))))
    assert pushes._attempt("j", 1, 1).mass.rows == 0.0


def test_a_node_that_dies_while_it_mixes_loses_its_weight_and_the_report_says_so() -> None:
    made = job()

    def die(node: NodeRef, request: object) -> None:
        if (
            isinstance(request, Order)
            and request.round == 2
            and isinstance(request.task, MixTask)
            and not made.net.dead
        ):
            made.net.dead.add(node)

    made.net.before_answer = die
    made.drive()

    (lost,) = made.net.dead
    reports = {result.round: report for result, report in made.rounds}
    files = [file for file in made.spec.files if reports[2].placement[file.name] == str(lost.address)]
    expected = f"Its model of this round is lost, trained on {sum(file.rows for file in files)} rows"
    assert any(str(lost.address) in line and expected in line for line in reports[2].disturbances)
    assert str(lost.address) not in reports[4].errors
    assert len(reports[4].placement) == len(made.spec.files)  # others train its files


def test_another_driver_begins_a_round_anew_and_nothing_counts_twice() -> None:
    made, mixes = job(), itertools.count(1)

    def kill_the_driver(node: NodeRef, request: object) -> None:
        if isinstance(request, Order) and isinstance(request.task, MixTask) and next(mixes) == len(IDS) + 3:
            raise Killed

    made.net.before_answer = kill_the_driver
    with pytest.raises(Killed):
        made.net.run(made.driver().drive())
    made.net.before_answer = lambda node, request: None
    made.drive()

    assert made.look().end == "done"
    for number in range(2, GOSSIP.rounds + 1):  # the driver was killed in the second round
        assert sum(m.rows for m in masses(made, number)) == pytest.approx(made.spec.rows, rel=1e-12)


def test_a_node_that_has_lost_its_model_begins_with_the_rings() -> None:
    made = job()
    forgetful = next(iter(made.net.members.values())).orders

    def forget(node: NodeRef, request: object) -> None:
        if isinstance(request, Order) and request.round == 3:
            made.net.before_answer = lambda node, request: None
            forgetful.executor.gossip._jobs.clear()

    made.net.before_answer = forget
    made.drive()

    assert len(made.rounds[-1][1].errors) == len(IDS)
    assert made.rounds[-1][1].spread < 0.2


def test_one_node_alone_trains_what_a_star_would() -> None:
    alone = Job(IDS[:1], make_spec(GOSSIP)).drive()
    star = Job(IDS[:1], make_spec(replace(SETTINGS, rounds=4))).drive()

    assert np.allclose(np.frombuffer(alone, "<f4"), np.frombuffer(star, "<f4"), rtol=0, atol=1e-4)


def test_a_job_that_gossips_promises_no_bits() -> None:
    assert make_spec(GOSSIP).repro == "recorded"
    assert make_spec(SETTINGS).repro == "bits"


@pytest.mark.parametrize(
    "wrong",
    [
        {"exchanges": 3},
        {"topology": "gossip", "rule": "fedadam"},
        {"topology": "gossip", "quorum": 0.5},
        {"topology": "gossip", "exchanges": 0},
        {"topology": "gossip", "tiers": "a,b"},
    ],
    ids=str,
)
def test_settings_that_need_a_server_are_refused_with_gossip(wrong: dict[str, object]) -> None:
    with pytest.raises(BadSpec, match=r"gossip|--exchanges|--tiers"):
        Settings(**wrong)  # type: ignore[arg-type]


# --- mass


def test_two_halves_are_the_whole_to_the_last_bit() -> None:
    whole = WeightedModel(500.0, np.random.default_rng(1).normal(size=64).astype("<f8").tobytes())

    assert push_sum.add([push_sum.split(whole), push_sum.split(whole)]) == whole
    assert weighted_model_from_bytes(whole.to_bytes("mine")) == whole
    assert whole.to_bytes("mine") != whole.to_bytes("yours")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"1234567",
        b"x" * 28,
        WeightedModel(float("nan"), b"").to_bytes(""),
        WeightedModel(-1.0, b"").to_bytes(""),
        WeightedModel(1.0, np.array([np.inf]).tobytes()).to_bytes(""),
    ],
)
def test_a_malformed_weighted_model_is_refused(raw: bytes) -> None:
    with pytest.raises(BadTask):
        weighted_model_from_bytes(raw)


def test_weighted_models_of_different_sizes_are_not_added() -> None:
    with pytest.raises(BadTask, match="different sizes"):
        push_sum.add([WeightedModel(1.0, bytes(8)), WeightedModel(1.0, bytes(16))])


def test_the_jobs_and_attempts_that_a_node_keeps_are_bounded() -> None:
    gossip = Gossip()

    for number in range(3 * JOBS_KEPT):
        gossip._attempt(f"job {number}", 1, 1)
    for number in range(3 * ATTEMPTS_KEPT):
        gossip._attempt("job", number, 1)

    assert len(gossip._jobs) == JOBS_KEPT
    assert len(gossip._jobs["job"].attempts) == ATTEMPTS_KEPT


def test_few_pushes_are_accepted_before_an_order_and_none_pushes_a_job_out() -> None:
    gossip = Gossip()
    gossip._attempt("job", 1, 1)
    early = [Push(f"invented {number}", 1, 1, 0, ME, "00" * 32, 8) for number in range(EARLY_PUSHES_MAX)]
    for push in early:
        gossip.receive_push(push)

    with pytest.raises(NotFound, match="no order"):
        gossip.receive_push(Push("one more", 1, 1, 0, ME, "00" * 32, 8))
    gossip.receive_push(Push("job", 1, 1, 0, ME, "00" * 32, 8))

    assert list(gossip._jobs) == ["job"]
    assert list(gossip._attempt(early[7].job, 1, 1).pushed) == [early[7]], "an order finds what came before it"


def test_the_pushes_that_a_node_accepts_in_a_round_are_bounded() -> None:
    gossip = Gossip()
    gossip._attempt("job", 1, 1)
    for number in range(PUSHES_MAX):
        gossip.receive_push(Push("job", 1, 1, number, ME, "00" * 32, 8))
    gossip.receive_push(Push("job", 1, 1, 0, ME, "00" * 32, 8))  # known

    with pytest.raises(NotFound, match="no more"):
        gossip.receive_push(Push("job", 1, 1, PUSHES_MAX, ME, "00" * 32, 8))


def test_the_tries_of_a_push_are_bounded() -> None:
    made, tried = job(replace(GOSSIP, rounds=1, exchanges=1), IDS[:2]), []

    def lose(node: NodeRef, request: object) -> None:
        if isinstance(request, Push):
            tried.append((node, request.sender))
            raise NodeUnreachable("lost")

    made.net.before_answer = lose
    made.drive()

    assert set(map(tried.count, tried)) == {PUSH_TRIES}


def test_an_audit_says_that_such_a_round_cannot_be_made_again() -> None:
    made = job(replace(GOSSIP, rounds=1))
    made.drive()

    with pytest.raises(OtherBits, match="only the chain was verified"):
        made.net.run(audit.retrain(made.net.entry, RING, made.look(), 1, Worker()))


def test_of_two_drivers_of_gossip_the_first_commits_the_round_without_divergence() -> None:
    made = job(replace(GOSSIP, rounds=1))
    weights = made.drive()
    result, report = made.rounds[0]
    other = replace(result, errors=result.errors + 1)

    driver = made.driver()
    made.net.run(refresh_members(driver._roster))
    log = driver._log
    found = made.net.run(log.store_model(RoundModel(1, weights)))

    with pytest.raises(Overtaken, match="round 1 was completed by another driver"):
        made.net.run(log.commit(other, report, found, ()))

    assert made.look().results[-1] == result


@pytest.mark.parametrize("task", [round_tasks.moments_task(make_spec()), MixTask(3)], ids=["moments", "mix"])
def test_a_task_that_gossip_cannot_do_fails_and_the_next_order_runs(task: Task) -> None:
    made = job(replace(GOSSIP, rounds=1), IDS[:2])
    node = made.net.entry

    ticket = made.net._ask(Ask(node, Order("j", 1, (), task, attempt=1)))

    assert made.net._ask(Ask(node, Collect(ticket))).state == "failed"
    made.drive()
    assert len(made.rounds[0][1].errors) == 2


@pytest.mark.parametrize("exchanges", [-1, 1001, 100_000])
def test_an_order_to_exchange_for_ever_cannot_be_made(exchanges: int) -> None:
    with pytest.raises(BadTask, match="exchanges"):
        MixTask(exchanges)


def test_an_order_to_train_together_with_other_nodes_is_not_carried_out() -> None:
    made = job(GOSSIP, IDS[:2])
    node = made.net.entry

    shares = tuple(Share(other, ()) for other in made.net.members)
    order = Order("j", 1, (), round_tasks.moments_task(make_spec()), shares=shares, attempt=1)
    ticket = made.net._ask(Ask(node, order))

    assert made.net._ask(Ask(node, Collect(ticket))).state == "unable"


def test_an_order_sends_a_node_only_to_neighbours_that_it_knows() -> None:
    made = job(GOSSIP, IDS[:2])
    gossip, node = Gossip(), next(iter(made.net.members.values())).node
    order = Order("j", 1, (), MixTask(3), shares=(Share(ME, ()),), attempt=1)
    gossip._attempt("j", 1, 1).mass = WeightedModel(1.0, bytes(8))

    assert made.net.run(gossip.mix(node, order)) == ""

    assert gossip._attempt("j", 1, 1).mass.rows == 1.0
