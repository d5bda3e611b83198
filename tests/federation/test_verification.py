"""Tests that a node with wrong results is found and named, that no other is, and that the model is the honest one."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from roundelay.chord.effects import Procedure, Sleep
from roundelay.chord.errors import NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.federation import records, replay, verification
from roundelay.federation.attacks import Attack
from roundelay.federation.effects import Compute, Done
from roundelay.federation.errors import BadSpec, Replaced, StepTooLarge, WorkFailed
from roundelay.federation.records import RoundReport
from roundelay.federation.requests import Collect, Progress
from roundelay.federation.roster import Roster
from roundelay.federation.settings import Settings
from roundelay.federation.spec import Liar
from roundelay.federation.tasks import MomentsTask
from roundelay.federation.verification import WAIT_MAX_S, Verifier, decide
from roundelay.ml.choices import ATTACKS
from roundelay.ml.sliced import as_bytes
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of
from tests.federation.scripted_nodes import ScriptedNodes
from tests.federation.test_driver import CONTENTS, EXPECTED, IDS, SETTINGS, VALIDATION, Job, make_spec, reference

WRONG = "one-bit"
LONG = replace(SETTINGS, rounds=12, epochs=1)
NODES = [NodeRef(number, f"node-{number}", 1) for number in range(6)]


@cache
def workers() -> tuple[str, ...]:
    """Return the addresses of the nodes that train files when all are honest, those with most files first."""
    job = Job(IDS)
    job.drive()
    addresses = [address for _, report in job.rounds for address in report.placement.values()]
    return tuple(sorted(set(addresses), key=lambda address: (-addresses.count(address), address)))


@cache
def expected(settings: Settings) -> bytes:
    return reference(make_spec(settings))


def attack(job: Job, address: str, name: str, from_round: int = 0) -> str:
    """Let one node's trainer go wrong from a round on. Return its address."""
    wrong = Attack(name, random.Random(0))
    return interfere(
        job,
        address,
        lambda effect, honest: (wrong.around if effect.order.round >= from_round else carry_out)(effect, honest),
    )


def carry_out(effect: Compute, honest: Callable[[Compute], Done]) -> Done:
    return honest(effect)


def interfere(job: Job, address: str, around: Callable[[Compute, Callable[[Compute], Done]], Done]) -> str:
    [member] = [member for ref, member in job.net.members.items() if str(ref.address) == address]
    honest = member.compute
    member.compute = lambda effect: around(effect, honest)  # type: ignore[method-assign]
    return address


def liars(job: Job) -> set[str]:
    """Return the nodes that the last report calls liars."""
    return {liar.address for liar in job.rounds[-1][1].liars}


def drive_to_the_end(job: Job) -> tuple[bytes, Job]:
    """Drive a job, and those that replace it. Return the weights, and the last of them."""
    for _ in IDS:
        try:
            return job.drive(), job
        except Replaced as error:
            successor = Job.__new__(Job)
            successor.__dict__ |= job.__dict__ | {"spec": error.successor, "rounds": []}
            job = successor
    raise AssertionError("replaced again and again")


@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "nan"])  # which is refused unverified
def test_with_every_order_verified_a_liar_is_named_and_none_of_its_results_counts(name: str) -> None:
    job = Job(IDS, make_spec(replace(SETTINGS, verify=1.0)))
    liar = attack(job, workers()[0], name)

    assert job.drive() == EXPECTED
    assert liars(job) == {liar}
    found = next(report for _, report in job.rounds if report.liars)
    assert any(f"{liar} lied about" in line for line in found.disturbances)
    later = {address for _, report in job.rounds[found.round :] for address in report.placement.values()}
    assert liar not in later


def test_three_liars_of_different_kinds_are_named_and_nobody_else() -> None:
    job = Job(IDS, make_spec(replace(SETTINGS, verify=1.0)))
    named = {
        attack(job, address, name) for address, name in zip(workers(), ("sign-flip", "lazy", "one-bit"), strict=False)
    }

    assert job.drive() == EXPECTED
    assert liars(job) == named


def test_every_file_of_a_verified_round_is_confirmed_by_another_node() -> None:
    job = Job(IDS, make_spec(replace(SETTINGS, verify=1.0)))
    job.drive()

    for _, report in job.rounds:
        assert report.verified.keys() == report.placement.keys()
        assert all(report.verified[file] != address for file, address in report.placement.items())
        assert report.liars == ()


@pytest.mark.parametrize("seed", range(3))
def test_a_liar_that_is_found_late_is_left_out_of_a_successor_that_ends_with_the_honest_model(seed: int) -> None:
    settings = replace(LONG, verify=0.3, seed=seed)
    first = Job(IDS, make_spec(settings))
    liar = attack(first, workers()[0], WRONG, from_round=2)

    weights, last = drive_to_the_end(first)

    assert weights == expected(settings)
    assert liars(last) == {liar}
    if last is not first:
        assert last.spec.replaces == first.spec.job
        old = first.look()
        assert (old.end, old.successor) == (records.REPLACED, last.spec.job)
        contents = {digest_of(content): content for content in (*CONTENTS.values(), VALIDATION)}
        assert list(last.look().results) == [each.result for each in replay.chain(last.spec, contents, Worker())]
        assert not {liar} & {a for _, report in last.rounds for a in report.placement.values()}


def job_with_a_late_liar(seed: int, comes_after: int) -> Job:
    """Return a job in which a node with wrong results trains only after some rounds."""
    job = Job(IDS, make_spec(replace(LONG, verify=0.1, seed=seed)))
    [ref] = [ref for ref in job.net.members if str(ref.address) == workers()[0]]
    job.net.dead.add(ref)
    job.net.before_answer = lambda node, request: job.net.dead.discard(ref) if len(job.rounds) >= comes_after else None
    attack(job, workers()[0], WRONG)
    return job


def test_a_successor_takes_over_the_rounds_before_the_liar_came() -> None:
    for seed in range(9):
        first = job_with_a_late_liar(seed, comes_after=4)
        weights, last = drive_to_the_end(first)
        if last is not first:
            break

    assert weights == expected(first.spec.settings)
    assert last.spec.inherited >= 4
    old, new = first.look().results, last.look().results
    taken = slice(0, last.spec.inherited + 1)
    assert [result.weights for result in new[taken]] == [result.weights for result in old[taken]]
    assert last.rounds[0][0].round == last.spec.inherited + 1


@pytest.mark.parametrize("state", ["failed", "unstable"])
def test_a_nodes_word_that_training_fails_is_not_taken(state: str) -> None:
    def fail(effect: Compute, honest: Callable[[Compute], Done]) -> Done:
        raise (WorkFailed if state == "failed" else StepTooLarge)("of course")

    job = Job(IDS, make_spec(replace(SETTINGS, verify=0.1)))
    liar = interfere(job, workers()[0], fail)

    assert job.drive() == EXPECTED
    assert liars(job) == {liar}


def test_training_that_fails_on_every_node_still_ends_the_job() -> None:
    def fail(effect: Compute, honest: Callable[[Compute], Done]) -> Done:
        if not isinstance(effect.order.task, MomentsTask):
            raise WorkFailed("of course")
        return honest(effect)

    job = Job(IDS, make_spec(replace(SETTINGS, verify=0.1)))
    for ref in job.net.members:
        interfere(job, str(ref.address), fail)

    with pytest.raises(WorkFailed, match="of course"):
        job.drive()


def test_wrong_moments_are_found_though_few_orders_are_verified() -> None:
    def double(effect: Compute, honest: Callable[[Compute], Done]) -> Done:
        done = honest(effect)
        if not isinstance(effect.order.task, MomentsTask):
            return done
        content = bytearray(as_bytes(done.result))
        content[-1] ^= 1
        return replace(done, result=bytes(content))

    job = Job(IDS, make_spec(replace(SETTINGS, verify=0.01)))
    liar = interfere(job, workers()[0], double)

    assert job.drive() == EXPECTED
    assert liars(job) == {liar}


@pytest.mark.parametrize("nth", range(1, 12, 2))
def test_a_driver_that_takes_over_amid_a_verification_names_the_same_liar(nth: int) -> None:
    job = Job(IDS, make_spec(replace(SETTINGS, verify=1.0)))
    liar = attack(job, workers()[0], WRONG, from_round=2)
    left = [nth]

    def kill(node: NodeRef, request: Any) -> None:
        if isinstance(request, Collect) and job.rounds:
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt  # of the driver

    job.net.before_answer = kill
    with pytest.raises(KeyboardInterrupt):
        job.drive()

    assert job.drive() == EXPECTED
    assert liars(job) == {liar}


@pytest.mark.parametrize("pair", [(0, 1), (1, 2)])
def test_a_pair_that_agrees_on_a_wrong_result_accuses_nobody(pair: tuple[int, int]) -> None:
    job = Job(IDS, make_spec(replace(LONG, verify=1.0)))
    both = {attack(job, workers()[number % len(workers())], "colluding") for number in pair}

    _, last = drive_to_the_end(job)

    assert liars(last) <= both


RIGHT, WRONG_1, WRONG_2 = (Progress("done", result=digit * 64) for digit in "abc")


@pytest.mark.parametrize(
    ("answers", "is_last", "guilty"),
    [
        ((RIGHT,), False, None),
        ((RIGHT,), True, None),
        ((RIGHT, RIGHT), False, ()),
        ((RIGHT, WRONG_1), True, None),
        ((RIGHT, WRONG_1, RIGHT), False, None),  # two may be a pair of liars, if there are others to ask
        ((RIGHT, WRONG_1, RIGHT), True, (1,)),
        ((WRONG_1, RIGHT, WRONG_1, RIGHT), True, None),
        ((WRONG_1, RIGHT, WRONG_1, RIGHT, RIGHT), False, (0, 2)),
        ((WRONG_1, WRONG_2, RIGHT, RIGHT, RIGHT), False, (0, 1)),
    ],
)
def test_enough_nodes_must_agree_before_another_is_called_a_liar(
    answers: Sequence[Progress], is_last: bool, guilty: tuple[int, ...] | None
) -> None:
    verdict = decide(dict(zip(NODES, answers, strict=False)), is_last)

    assert (verdict and verdict.liars) == (guilty if guilty is None else tuple(NODES[number] for number in guilty))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"topology": "tree"}, "add up the sums of others"),
        ({"topology": "gossip"}, "cannot be repeated"),
        ({"quorum": 0.5}, "cannot be repeated"),
    ],
)
def test_what_cannot_be_repeated_is_refused_with_a_sentence(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(BadSpec, match=why):
        Settings(verify=0.5, **settings)


def test_private_files_are_refused() -> None:
    spec = make_spec(replace(SETTINGS, verify=0.5))

    with pytest.raises(BadSpec, match="only one node has a private file"):
        replace(spec, pinned="wards", homes=("here:1",) * len(spec.files))


def test_the_wait_for_another_node_is_measured_by_time_not_by_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes, spec = ScriptedNodes(size=1), make_spec(replace(SETTINGS, verify=1.0))
    looked = []

    def look(roster: Roster) -> Procedure[None]:
        looked.append(roster)
        yield Sleep(9.0)

    monkeypatch.setattr(verification, "refresh_members", look)
    verifier = Verifier(spec, nodes.roster, lambda files: None, nodes.clock)
    work: Any = None  # nobody else is asked

    with pytest.raises(NodeUnreachable, match="too few nodes"):
        nodes.run(verifier._settle(work, nodes.refs[0], spec.files[:1], Progress("done", result="00")))

    assert WAIT_MAX_S <= nodes.now < WAIT_MAX_S + 10.0 and len(looked) == WAIT_MAX_S / 10.0


def test_a_report_with_liars_survives_its_encoding() -> None:
    report = RoundReport("", 3, "", 0, 0, 0, 0, 0, verified={"file": "b:1"}, liars=(Liar("a:1", 2),))

    assert records.report_from_bytes(report.to_bytes()) == report
