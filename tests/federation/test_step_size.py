"""A round that diverges: it is noticed, and made again with half the step if the settings follow from the data."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.federation import records, replay, result_sums, round_tasks
from roundelay.federation.errors import StepTooLarge
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.requests import Order, Progress
from roundelay.federation.settings import Settings
from roundelay.federation.step_size import StepControl, eta_of, guessing_loss
from roundelay.ml import exact
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of
from tests.federation.test_driver import CONTENTS, IDS, SETTINGS, VALIDATION, Job, make_spec
from tests.killed import Killed

WILD = replace(SETTINGS, rounds=5, eta=60.0, momentum=0.9, epochs=6)
MENDED = replace(WILD, halvings=20)
SPEC = make_spec(MENDED)


# --- one round's decision


def control(loss_before: float = 1.0, number: int = 2, halvings: int = 0, allowed: int = 3) -> StepControl:
    return StepControl(make_spec(replace(SETTINGS, halvings=allowed, eta=0.8)), number, loss_before, halvings)


def test_guessing_costs_the_entropy_of_the_class_shares() -> None:
    spec = replace(SPEC, class_rows=(30, 10, 0, 0, 0))

    assert guessing_loss(spec) == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25), abs=1e-6)
    assert guessing_loss(replace(spec, class_rows=())) == pytest.approx(math.log(5), abs=1e-6)
    balanced = replace(spec, settings=replace(MENDED, weighting="balanced"))
    assert guessing_loss(balanced) == pytest.approx(math.log(2), abs=1e-6)


def test_a_loss_below_that_of_guessing_stands() -> None:
    step = control(loss_before=0.1)

    assert step.accepts(math.log(5) - 0.01)
    assert not step.notices


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (control(loss_before=4.0), "but it falls: otherwise the round is trained again with half the step"),
        (control(number=1), "but this is the first round: otherwise"),
        (control(loss_before=4.0, allowed=0), "but it falls; if it stays above: eta 0.8 is too large; try --eta 0.08"),
    ],
)
def test_a_loss_above_it_stands_while_it_falls_and_is_named(step: StepControl, why: str) -> None:
    loss = math.log(5) + 0.9

    assert step.accepts(loss)
    assert step.halvings == 0
    (notice,) = step.notices
    assert notice.startswith("training loss 2.509 is above that of guessing, 1.609, ")
    assert why in notice


def test_a_loss_above_it_that_has_not_fallen_halves_the_step() -> None:
    step = control(loss_before=2.0)

    assert not step.accepts(2.1)
    assert step.halvings == 1
    assert step.notices == ["training loss 2.1 is above that of guessing, 1.609: trained again with eta 0.4"]


def test_a_loss_that_half_the_step_does_not_change_stands() -> None:
    step = control(loss_before=2.0)

    assert not step.accepts(2.1)
    assert step.accepts(2.1)
    assert step.halvings == 1
    assert "half the step does not change it" in step.notices[1]


def test_when_no_halving_is_left_the_loss_stands_and_is_named() -> None:
    step = control(loss_before=2.0, halvings=3)

    assert step.accepts(2.1)
    assert "halved 3 times" in step.notices[0]


def test_the_step_of_a_user_stands_and_the_notice_says_what_helps() -> None:
    step = control(loss_before=2.0, allowed=0)

    assert step.accepts(2.1)
    assert step.halvings == 0
    assert "eta 0.8 is too large; try --eta 0.08, or leave --eta out" in step.notices[0]
    with pytest.raises(StepTooLarge, match="leave --eta out"):
        step.reject(StepTooLarge("a weight has changed by 1e9"))


# --- the exact mean of the losses


@given(st.lists(st.tuples(st.integers(1, 1 << 20), st.floats(0, 200)), min_size=1, max_size=12), st.randoms())
def test_the_mean_loss_does_not_depend_on_how_files_are_grouped(
    files: list[tuple[int, float]], rng: random.Random
) -> None:
    bits = exact.fraction_bits(sum(rows for rows, _ in files))
    total = sum(exact.loss_units(loss, rows, bits) for rows, loss in files)
    grouped = 0
    rng.shuffle(files)
    while files:
        count = rng.randint(1, len(files))
        group, files = files[:count], files[count:]
        rows = sum(each for each, _ in group)
        mean = exact.mean_loss(sum(exact.loss_units(loss, each, bits) for each, loss in group), rows, bits)
        grouped += exact.units_of_mean(mean, rows, bits)

    assert grouped == total


@given(st.integers(1, 1 << 40), st.floats(-200, 200))
def test_a_mean_loss_gives_back_its_units_for_any_number_of_rows(rows: int, loss: float) -> None:
    bits = exact.fraction_bits(rows)
    units = exact.loss_units(loss, rows, bits)

    assert exact.units_of_mean(exact.mean_loss(units, rows, bits), rows, bits) == units


# --- a job


def reference(settings: Settings) -> list[replay.ReplayedRound]:
    contents = {digest_of(content): content for content in (*CONTENTS.values(), VALIDATION)}
    return list(replay.chain(make_spec(settings), contents, Worker()))


EXPECTED = [each.result for each in reference(MENDED)]


def test_the_step_is_halved_until_training_converges() -> None:
    assert EXPECTED[1].halvings > 0
    assert EXPECTED[-1].halvings >= EXPECTED[1].halvings
    assert EXPECTED[-1].loss < 3.0


@pytest.mark.parametrize("topology", ["star", "tree"])
@pytest.mark.parametrize("count", [1, 3, 7])
def test_every_ring_halves_alike(topology: str, count: int) -> None:
    job = Job(IDS[:count], make_spec(replace(MENDED, topology=topology)))
    job.drive()

    mine = [(r.weights, r.loss, r.halvings, r.errors) for r in job.look().results]
    assert mine == [(r.weights, r.loss, r.halvings, r.errors) for r in EXPECTED]
    assert any("trained again with eta" in line for _, report in job.rounds for line in report.notices)


@pytest.mark.parametrize("rule", ["fedavg", "fedprox", "fedavgm", "fedadam"])
def test_every_rule_halves_as_the_centralized_reference_does(rule: str) -> None:
    settings = replace(MENDED, rule=rule)
    job = Job(IDS[:3], make_spec(settings))
    job.drive()

    assert list(job.look().results) == [each.result for each in reference(settings)]


def test_gossip_halves_too() -> None:
    job = Job(IDS[:3], make_spec(replace(MENDED, topology="gossip")))
    job.drive()

    assert job.look().results[-1].halvings > 0


@pytest.mark.parametrize("nth", [1, 4, 9, 14, 20])
def test_a_driver_that_dies_among_the_halvings_is_succeeded_by_one_that_halves_alike(nth: int) -> None:
    job = Job(IDS[:3], SPEC)
    seen: list[Order] = []

    def kill_the_driver(node: object, request: object) -> None:
        if isinstance(request, Order):
            seen.append(request)
            if len(seen) == nth:
                raise Killed

    job.net.before_answer = kill_the_driver
    with pytest.raises(Killed):
        job.net.run(job.driver().drive())
    job.net.before_answer = lambda node, request: None
    job.drive()

    assert list(job.look().results) == EXPECTED


def test_a_round_of_one_step_is_not_repeated_for_nothing() -> None:
    """The loss is that of the weights before the step, which no step size changes."""
    job = Job(IDS[:2], make_spec(replace(MENDED, rounds=4, epochs=1, batch=256, momentum=0.0, eta=10.0)))

    job.drive()

    halvings = [result.halvings for result, _ in job.rounds]
    assert any(halvings)
    assert all(after - before <= 1 for before, after in itertools.pairwise(halvings))


def test_with_the_users_own_eta_the_job_fails_by_name_if_it_must() -> None:
    job = Job(IDS[:3], make_spec(replace(WILD, eta=100.0, rounds=2, epochs=300)))

    with pytest.raises(StepTooLarge, match=r"round 1: .*eta 100 is too large"):
        job.drive()

    assert job.look().end == records.FAILED
    assert "leave --eta out" in job.look().reason


def test_with_the_users_own_eta_each_round_says_what_happens() -> None:
    job = Job(IDS[:3], make_spec(replace(WILD, eta=1.5)))
    job.drive()

    assert all(result.halvings == 0 for result in job.look().results)
    assert any("eta 1.5 is too large" in line for _, report in job.rounds for line in report.notices)
    assert job.look().end == records.DONE


def test_a_smaller_step_is_what_the_trainers_are_given() -> None:
    spec = make_spec(replace(SETTINGS, eta=0.4))

    assert [eta_of(spec, count) for count in (0, 1, 3)] == [0.4, 0.2, 0.05]
    assert round_tasks.training_task(spec, b"", 1).plan.config.eta == 0.2


def test_the_loss_of_a_round_is_the_mean_over_rows() -> None:
    task = round_tasks.training_task(SPEC, b"")
    files = SPEC.files[:2]
    parts = [
        PartialResult(RING_ENTRY, (file,), Progress("done", loss=loss), b"")
        for file, loss in zip(files, (1.0, 2.0), strict=True)
    ]

    loss, _ = result_sums.mean_of_progress(task, parts)

    assert loss == pytest.approx((files[0].rows + 2 * files[1].rows) / (files[0].rows + files[1].rows))


RING_ENTRY = Job(IDS[:1]).net.entry
