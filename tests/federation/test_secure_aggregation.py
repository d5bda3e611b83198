"""Secure aggregation: the same model as without it, whoever drops out, and no site ever reveals two sums."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

from roundelay.chord.effects import Request
from roundelay.chord.errors import Malformed
from roundelay.chord.refs import NodeRef
from roundelay.federation import jobs, masker, records, round_tasks, site_drain, trained_round
from roundelay.federation.errors import BadSpec
from roundelay.federation.requests import Collect, Order
from roundelay.federation.secure_sum import MaskedSite, Masking, RevealedSet, SitePromise, split_masked
from roundelay.federation.settings import Settings
from roundelay.federation.site_gate import SiteGate
from roundelay.federation.site_policy import SitePolicy, SitePolicyInForce
from roundelay.federation.tasks import MomentsTask, PromiseTask, RevealTask, TrainTask
from roundelay.store.blobs import digest_of
from tests.federation.secure_job import ADDRESSES, SITES, THRESHOLD, SecureJob, carried_out, masking_of, promised_key
from tests.federation.test_driver import RING, SPEC, make_spec
from tests.federation.test_site_work import require_end_when_cancelled
from tests.killed import Killed

DROPPED = ((), (0,), (2, 5))  # python -m bench privacy drops every set


@cache
def plain(away: tuple[int, ...] = ()) -> list[tuple[str, str, float, tuple[int, ...]]]:
    job = SecureJob(secure=False, rounds=2)
    job.away(away)
    return outcome(job)


def outcome(job: SecureJob) -> list[tuple[str, str, float, tuple[int, ...]]]:
    job.drive()
    return [(result.weights, result.moments, result.loss, result.left_out) for result in job.look().results]


@pytest.mark.parametrize("away", DROPPED, ids=str)
def test_the_model_is_that_of_the_plain_sum_for_every_set_of_lost_sites(away: tuple[int, ...]) -> None:
    job = SecureJob(rounds=2)
    job.away(away)

    assert outcome(job) == plain(away)


@pytest.mark.parametrize("phase", [PromiseTask, TrainTask, RevealTask])
def test_sites_that_are_lost_in_the_middle_of_a_round_are_left_out_or_summed_whole(phase: type[Any]) -> None:
    """Two sites die once they have taken their orders of a phase; what they had sent before is summed."""
    job = SecureJob(rounds=1)
    dying = {job.site(1), job.site(4)}

    def die(node: NodeRef, request: Request[Any]) -> None:
        if isinstance(request, Collect) and node in dying:
            order = job.net.members[node].orders._orders.get(request.ticket)
            if order is not None and isinstance(order.task, phase) and order.round == 1:
                job.net.dead.add(node)

    job.net.before_answer = die
    job.drive()

    [(result, report)] = job.rounds
    lost = () if phase is RevealTask else (1, 4)
    left_out = tuple(f.index for f in job.spec.files if job.spec.homes[f.index] in {ADDRESSES[at] for at in lost})
    reference = SecureJob(secure=False, rounds=1)
    if phase is RevealTask:
        reference.drive()
    else:
        reference.net.before_answer = lambda node, request: (
            reference.away(lost) if isinstance(request, Order) and request.round == 1 else None
        )
        reference.drive()
    assert (result.weights, result.left_out) == (reference.rounds[0][0].weights, left_out)
    assert any("left out" in line for line in report.disturbances) == bool(lost)


@pytest.mark.parametrize("phase", [PromiseTask, TrainTask, RevealTask])
def test_a_job_that_is_cancelled_in_any_phase_waits_no_longer(phase: type[Any]) -> None:
    require_end_when_cancelled(SecureJob(), lambda order: order.round == 1 and isinstance(order.task, phase))


def test_below_the_threshold_nothing_is_revealed_and_the_round_says_so() -> None:
    job = SecureJob(rounds=2)
    asked: list[Order] = []

    def watch(node: NodeRef, request: Request[Any]) -> None:
        if isinstance(request, Order) and request.round == 2:
            if not isinstance(request.task, PromiseTask):
                asked.append(request)
            elif job.net.now == 0:
                job.away((0, 1, 2))
            if job.net.now > 3:
                job.net.dead.clear()

    job.net.before_answer = watch
    weights = job.drive()

    line = "3 of 6 sites have answered, 4 are needed: no sum over fewer is revealed"
    assert any(each.startswith(line) for each in job.rounds[1][1].disturbances)
    assert digest_of(weights) == plain()[-1][0]
    assert {str(order.masking.threshold) for order in asked if order.masking is not None} == {"4"}


# --- what a driver sees


def test_a_masked_vector_looks_like_chance_and_so_do_two_of_the_same_update() -> None:
    job = SecureJob(hidden=(400,))
    ref = job.site(0)
    vectors = [vector_of(job, ref, members) for members in (range(SITES), range(5))]
    again = vector_of(job, ref, range(SITES))

    assert again == vectors[0], "a repeated order must give the same bytes"
    words = [np.frombuffer(vector, "<u8") for vector in vectors]
    for each in (*words, words[0] - words[1]):
        assert len(each) > 3000
        bits = np.unpackbits(each.view(np.uint8))
        assert abs(bits.mean() - 0.5) < 5 * 0.5 / np.sqrt(bits.size)
        counts = np.bincount(each.view(np.uint8), minlength=256)
        chi2 = float(((counts - counts.mean()) ** 2 / counts.mean()).sum())
        assert abs(chi2 - 255) < 6 * np.sqrt(2 * 255)


def vector_of(job: SecureJob, ref: NodeRef, members: Any) -> bytes:
    masking = masking_of(job, members)
    progress = carried_out(job.net, ref, train_order(job, ref, masking))
    assert progress.state == "done", progress
    assert (progress.loss, progress.accuracy) == (0.0, 0.0)
    return split_masked(progress.content, masking)[0]


def train_order(job: SecureJob, ref: NodeRef, masking: Masking | None, number: int = 1) -> Order:
    weights = trained_round.first_weights(job.spec)
    files = tuple(f for f in job.spec.files if job.spec.homes[f.index] == str(ref.address))
    member = job.net.members[ref]
    order = Order(
        job.spec.job, number, files, replace(round_tasks.training_task(job.spec, b""), receipts=False),
        digest_of(weights), len(weights), masking=masking, content=weights,
    )  # fmt: skip
    member.handlers[type(order.staging)](order.staging)
    return replace(order, content=b"")


# --- a site that is slow


def test_a_site_that_a_round_has_given_up_holds_up_neither_its_reveal_nor_the_next_round() -> None:
    job = SecureJob(rounds=3, wait_for=10.0)
    job.net.hold_up(job.site(SITES - 1), lambda order: isinstance(order.task, TrainTask) and order.round == 2, 1000.0)
    job.drive()

    of_slow = tuple(f.index for f in job.spec.files if job.spec.homes[f.index] == ADDRESSES[-1])
    assert [result.left_out for result, _ in job.rounds] == [(), of_slow, of_slow]
    assert 10.0 <= job.net.now < 100.0


@pytest.mark.parametrize("task", [PromiseTask, MomentsTask, RevealTask])
def test_a_site_that_hangs_in_the_first_sum_of_a_job_is_left_out(task: type[Any]) -> None:
    job = SecureJob(rounds=1, wait_for=10.0)
    job.net.hold_up(job.site(SITES - 1), lambda order: isinstance(order.task, task), 10_000.0)
    job.drive()

    of_slow = tuple(f.index for f in job.spec.files if job.spec.homes[f.index] == ADDRESSES[-1])
    assert [result.left_out for result, _ in job.rounds] == [of_slow]
    assert job.net.now < 200.0


def test_a_drained_site_is_not_asked_for_its_key() -> None:
    job = SecureJob(rounds=1)
    drained = str(job.site(0).address)
    job.net.run(site_drain.set_drained(job.net.entry, RING, "wards", drained, True, next(job.versions)))
    asked = set[NodeRef]()
    job.net.before_answer = lambda node, request: asked.add(node) if isinstance(request, Order) else None
    job.drive()

    assert job.site(0) not in asked
    assert job.site(1) in asked


# --- a site with a gate: who may ask it for a promise

OPEN = SitePolicy(file_rows=1, batch_rows=1, steps=1, clip=0.0, noise=0.0)
SUM = "ab" * 32


def guarded(job: SecureJob) -> NodeRef:
    """Put the files of every site behind a gate; return one of them."""
    for member in job.net.members.values():
        digests = {file.digest for file in job.spec.files}
        policy = SitePolicyInForce(OPEN, job.net.clock)
        member.orders.executor._gate = SiteGate(policy, digests, None, lambda: 1)
    return job.site(0)


def promised(job: SecureJob, ref: NodeRef, of: str = "", number: int = 1, began: int = 1) -> tuple[str, str]:
    progress = carried_out(job.net, ref, Order(of or job.spec.job, number, (), PromiseTask(SUM, began, "a driver")))
    return progress.state, progress.message


def test_sites_with_gates_take_part_in_the_sums_of_their_jobs() -> None:
    job = SecureJob(rounds=2)
    guarded(job)

    assert outcome(job) == plain()
    state, message = promised(job, job.site(0))
    assert (state, f"job {job.spec.job[:8]} is done" in message) == ("unable", True)


def test_a_site_promises_nothing_for_what_is_no_sum_of_a_published_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masker, "JOBS_MAX", 1)
    job, open_job = SecureJob(rounds=2), SecureJob(secure=False)
    ref = guarded(job)
    job.net.run(jobs.publish(job.net.entry, RING, open_job.spec, next(job.versions)))

    for of in (f"{number:064x}" for number in range(3)):
        assert promised(job, ref, of) == ("failed", f"{REFUSED} no such job is published")
    assert promised(job, ref, number=3) == ("failed", f"{REFUSED} its job's spec has fewer rounds")
    assert promised(job, ref, open_job.spec.job) == ("failed", f"{REFUSED} its job's spec says whether it is masked")
    assert promised(job, ref, began=2**62) == ("unable", "its driver began in the future: set the clocks")
    assert outcome(job) == plain()


REFUSED = "the policy of the site refuses the order (submitters):"


def test_a_site_forgets_the_sums_of_jobs_that_are_over_when_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masker, "JOBS_MAX", 1)
    job = SecureJob(rounds=2)
    ref, other = job.site(0), replace(job.spec, nonce="another")
    job.net.run(jobs.publish(job.net.entry, RING, other, next(job.versions)))
    assert promised(job, ref)[0] == "done"
    assert promised(job, ref, other.job)[0] == "unable"

    job.net.run(jobs.put_record(job.net.entry, RING, job.spec.job, records.CANCELLED, b"", next(job.versions)))

    assert promised(job, ref, other.job)[0] == "done"


def test_a_site_that_has_revealed_a_sum_of_a_job_that_is_over_takes_part_in_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(masker, "JOBS_MAX", 1)
    job = SecureJob(rounds=1)
    job.drive()
    other = replace(job.spec, nonce="another")
    job.net.run(jobs.publish(job.net.entry, RING, other, next(job.versions)))

    assert promised(job, job.site(0), other.job)[0] == "done"
    state, message = promised(job, job.site(0))
    assert (state, "no more secure sums of this job: it is over" in message) == ("unable", True)


# --- a site that lies to a driver


@pytest.mark.parametrize(
    ("threshold", "address", "files"),
    [(1, ADDRESSES[0], range(12)), (1, "node-9:1", range(12)), (THRESHOLD, ADDRESSES[0], range(12))],
    ids=["only itself", "another", "with the files of all"],
)
def test_a_promise_of_a_set_that_no_driver_has_chosen_excludes_its_site(
    threshold: int, address: str, files: range
) -> None:
    """Otherwise the job would take what this site alone has sent for the sum over all files."""
    job = SecureJob(rounds=2)
    liar = job.net.members[job.site(0)].orders.executor._masker
    assert liar is not None
    others = masking_of(job, range(1, SITES)).sites if threshold > 1 else ()
    indices = tuple(index for index in files if index < len(job.spec.files))
    masking = Masking(threshold, tuple(sorted((MaskedSite(address, liar.key, indices), *others), key=address_of)))
    chosen = RevealedSet(masking, tuple(range(threshold)))
    liar.promise = lambda order, task: json.dumps(asdict(SitePromise(liar.key, (chosen,)))).encode()  # type: ignore[method-assign]

    assert outcome(job) == plain((0,))

    assert "its promise names a set of sites that no driver" in str(job.rounds[0][1].disturbances)


def address_of(site: MaskedSite) -> str:
    return site.address


# --- a site that is asked twice


def reveal(
    job: SecureJob,
    ref: NodeRef,
    masking: Masking,
    included: tuple[int, ...],
    began: int = 1,
    order_of: Callable[[SecureJob, NodeRef, Masking], Order] | None = None,
) -> Any:
    """Have a site reveal its shares for a set, as a driver would, from what the sites have sent."""
    orders = {place: (order_of or train_order)(job, job.site(place), masking) for place in included}
    contents = {place: carried_out(job.net, job.site(place), order) for place, order in orders.items()}
    me = masking.places[str(ref.address)]
    boxes = tuple(split_masked(contents[place].content, masking)[1][me] for place in included)
    task = RevealTask(orders[included[0]].sum_id, began, "a driver", RevealedSet(masking, included), boxes)
    return carried_out(job.net, ref, Order(job.spec.job, orders[included[0]].round, (), task))


def test_a_site_reveals_its_shares_for_one_set_only() -> None:
    job = SecureJob()
    ref, everybody, five = job.site(0), masking_of(job, range(SITES)), masking_of(job, range(5))

    assert reveal(job, ref, everybody, (0, 1, 2, 3, 4)).state == "done"
    assert reveal(job, ref, everybody, (0, 1, 2, 3, 4), began=2).state == "done", "the same set again"
    for masking, included in ((everybody, tuple(range(SITES))), (five, (0, 1, 2, 3)), (everybody, (0, 1, 2, 3))):
        refused = reveal(job, ref, masking, included, began=3)
        assert (refused.state, "never does for two" in refused.message) == ("unable", True)


def moments_order(job: SecureJob, ref: NodeRef, masking: Masking, number: int = 0, eta: float = 0.1) -> Order:
    plan = round_tasks.moments_task(job.spec).plan
    task = MomentsTask(replace(plan, config=replace(plan.config, eta=eta)))
    return replace(train_order(job, ref, masking), round=number, task=task, weights="", weights_bytes=0)


def test_a_site_reveals_one_sum_of_features_in_a_job() -> None:
    """They are the same in every round: the difference of two sums over other sites would be those of one site."""
    job = SecureJob()
    ref, everybody, five = job.site(0), masking_of(job, range(SITES)), masking_of(job, range(5))
    for began in (1, 2):
        assert reveal(job, ref, everybody, tuple(range(SITES)), began, moments_order).state == "done"

    other = reveal(job, ref, five, tuple(range(5)), 3, partial(moments_order, eta=0.2))
    late = carried_out(job.net, ref, moments_order(job, ref, five, number=1))

    assert (other.state, "another sum of features" in other.message) == ("unable", True)
    assert (late.state, "in round 0 only" in late.message) == ("failed", True)
    assert reveal(job, ref, everybody, tuple(range(SITES))).state == "done", "an update of round 1"


def test_a_site_answers_no_driver_after_it_has_promised_to_a_later_one() -> None:
    job = SecureJob()
    ref, masking = job.site(0), masking_of(job, range(SITES))
    order = train_order(job, ref, masking)
    promised_key(job.net, ref, Order(job.spec.job, 1, (), PromiseTask(order.sum_id, 7, "later")))

    refused = reveal(job, ref, masking, tuple(range(SITES)), began=6)

    assert (refused.state, refused.message) == ("unable", "another driver has begun with this sum")


def test_a_site_that_has_started_anew_takes_no_part_in_what_it_had_begun() -> None:
    job = SecureJob()
    ref, masking = job.site(0), masking_of(job, range(SITES))
    job.restart(ref, life=2)

    progress = carried_out(job.net, ref, train_order(job, ref, masking))

    assert (progress.state, "has started anew" in progress.message) == ("unable", True)


def test_sums_that_nobody_reveals_make_room_for_others() -> None:
    """Otherwise anybody who may send orders could have a site refuse all the rounds of a job."""
    job = SecureJob()
    ref, masking = job.site(0), masking_of(job, range(SITES))
    for number in range(80):
        promise = PromiseTask(f"{number:064x}", 1, "a driver")
        assert carried_out(job.net, ref, Order(job.spec.job, 3, (), promise)).state == "done"

    assert reveal(job, ref, masking, (0, 1, 2, 3)).state == "done"


def test_forgotten_sums_are_refused_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masker, "SUMS_MAX", 1)
    job = SecureJob()
    ref, masking = job.site(0), masking_of(job, range(SITES))
    assert reveal(job, ref, masking, (0, 1, 2, 3)).state == "done"
    assert carried_out(job.net, ref, Order(job.spec.job, 2, (), PromiseTask("ab" * 32, 1, "a driver"))).state == "done"

    refused = reveal(job, ref, masking, (0, 1, 2, 3, 4), began=9)

    assert (refused.state, "no more secure sums of round 1" in refused.message) == ("unable", True)


# --- takeover


REQUESTS_OF_A_DRIVER = 160, 880  # at least: with all sites, and while one is away


@pytest.mark.parametrize("seed", range(8))
def test_a_driver_that_is_killed_at_any_moment_leads_to_the_same_model(seed: int) -> None:
    """The first driver dies at a request drawn at random, in a round in which a site was away that comes back."""
    rng = random.Random(seed)
    print(f"to replay: seed {seed}")
    job = SecureJob(rounds=2)
    left = rng.randrange(1, REQUESTS_OF_A_DRIVER[seed % 2])
    absent = job.site(rng.randrange(SITES)) if seed % 2 else None

    def die(node: NodeRef, request: Request[Any]) -> None:
        nonlocal left
        left -= job.is_driver
        if left == 0 and job.is_driver:
            raise Killed
        if absent is not None and isinstance(request, Order) and request.round == 1:
            job.net.dead.add(absent)

    job.net.before_answer = die
    with pytest.raises(Killed):
        job.net.run(job.driver().drive())
    job.net.before_answer = job.watch
    job.net.dead.clear()
    job.drive()
    for node in job.net.members:
        job.note_revealed(node)

    if absent is None:
        assert [result.weights for result in job.look().results] == [each[0] for each in plain()]
    assert all(len(sets) == 1 for sets in job.revealed.values())
    assert len(job.look().results) == 3


def test_a_second_driver_completes_the_set_that_the_first_began_to_reveal() -> None:
    job = SecureJob(rounds=1)
    absent, reveals = job.site(2), 0

    def die(node: NodeRef, request: Request[Any]) -> None:
        nonlocal reveals
        if isinstance(request, Order) and request.round == 1:
            job.net.dead.add(absent)
        if isinstance(request, Order) and isinstance(request.task, RevealTask) and request.round == 1:
            reveals += 1
            if reveals == 4:
                raise Killed

    job.net.before_answer = die
    with pytest.raises(Killed):
        job.net.run(job.driver().drive())
    job.net.dead.clear()
    job.net.before_answer = job.watch
    job.drive()

    left_out = tuple(f.index for f in job.spec.files if job.spec.homes[f.index] == str(absent.address))
    assert job.rounds[0][0].left_out == left_out
    assert all(len(sets) == 1 for sets in job.revealed.values())


# --- what cannot be combined


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"verify": 0.5}, "cannot be combined with --verify"),
        ({"fraction": 0.5}, "cannot be combined with --fraction"),
        ({"topology": "gossip"}, "cannot be combined with --topology gossip"),
        ({"secure_aggregation": False, "secure_threshold": 4}, "--secure-threshold is for --secure-aggregation"),
    ],
)
def test_what_needs_single_updates_is_refused_at_the_start(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        Settings(**{"secure_aggregation": True, **settings})


def test_a_job_needs_sites_and_a_threshold_above_half_of_them() -> None:
    with pytest.raises(BadSpec, match="--secure-aggregation needs --private"):
        replace(SPEC, settings=replace(SPEC.settings, secure_aggregation=True))
    spec = SecureJob().spec
    assert spec.sum_threshold == THRESHOLD
    for wrong in (3, 7):
        with pytest.raises(BadSpec, match="expected more than half of the 6 sites"):
            replace(spec, settings=replace(spec.settings, secure_threshold=wrong))
    with pytest.raises(BadSpec, match="for 3 to 100 sites, not 2"):
        replace(spec, homes=(ADDRESSES[0],) + (ADDRESSES[1],) * (len(spec.files) - 1))


def test_only_updates_and_sums_of_features_can_be_masked() -> None:
    masking = Masking(1, (MaskedSite("a:1", "00" * 32, (0,)),))
    spec = make_spec()
    for task in (round_tasks.evaluation_task(spec, b""), replace(round_tasks.training_task(spec, b""), receipts=True)):
        with pytest.raises(Malformed, match=r"order\.masking"):
            Order(spec.job, 1, spec.files[:1], task, masking=masking)
    assert Order(spec.job, 0, spec.files[:1], MomentsTask(round_tasks.plan(spec)), masking=masking).masking


@pytest.mark.parametrize("wrong", [lambda m: replace(m, threshold=3), lambda m: replace(m, sites=m.sites[::-1])])
def test_a_masking_of_too_few_or_unordered_sites_is_refused(wrong: Callable[[Masking], Masking]) -> None:
    with pytest.raises(Malformed, match="masking"):
        wrong(masking_of(SecureJob(), range(SITES)))


def test_a_site_without_the_package_says_what_it_lacks() -> None:
    job = SecureJob()
    job.net.members[job.site(0)].orders.executor._masker = None

    progress = carried_out(job.net, job.site(0), train_order(job, job.site(0), masking_of(SecureJob(), range(SITES))))

    assert (progress.state, "pip install 'roundelay[secure]'" in progress.message) == ("unable", True)


def test_an_order_with_other_files_than_its_list_of_sites_is_refused() -> None:
    job = SecureJob()
    ref, masking = job.site(0), masking_of(job, range(SITES))
    order = replace(train_order(job, ref, masking), files=())

    progress = carried_out(job.net, ref, order)

    assert (progress.state, progress.message) == ("failed", "the order names other files than its own list of sites")
