"""The rules, against their papers' formulas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.rule_check import largest_difference, product_weights
from roundelay.federation import audit, replay
from roundelay.federation.client_sampling import sampled_files
from roundelay.federation.errors import BadRecord, BadSpec
from roundelay.federation.requests import Order
from roundelay.federation.rules import RULES, Tuning
from roundelay.federation.rules.fedadam import BETA1, BETA2, TAU
from roundelay.federation.rules.steps import EACH, STEPS
from roundelay.federation.rules.vectors import unpack
from roundelay.federation.settings import Settings
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of
from tests.federation.test_driver import CONTENTS, IDS, RING, SETTINGS, Job, make_spec
from tests.killed import Killed

TUNING = Tuning(server_eta=0.5, server_momentum=0.9)
RNG = np.random.default_rng(3)
BASE = RNG.standard_normal(50).astype(np.float32)  # (parameters,)
MEANS = [BASE + RNG.standard_normal(50).astype(np.float32) for _ in range(3)]  # (parameters,)


def chosen(rule: str, **more: object) -> Settings:
    if "trusted" in RULES[rule].takes:
        more |= {"trusted": "file-5"}
    return replace(SETTINGS, rule=rule, rounds=4, **more)  # type: ignore[arg-type]


def alone_model(settings: Settings) -> bytes:
    spec, worker = make_spec(settings), Worker()
    contents = {digest_of(c): c for c in CONTENTS.values()}
    *_, weights = replay.rounds(spec, replay.moments(spec, contents, worker), worker)
    return weights


def follow(rule: str, tuning: Tuning) -> list[np.ndarray]:
    """The weights after each of three rounds whose means are given."""
    weights, state, made = BASE, b"", []
    for mean in MEANS:
        weights, state = STEPS[rule](weights, mean, state, tuning)
        made.append(weights)
    return made


def test_every_rule_has_its_step() -> None:
    assert STEPS.keys() | EACH.keys() == set(RULES)
    assert all((RULES[rule].needs == "each") == (rule in EACH) for rule in RULES)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_equals_one_written_from_its_paper(rule: str) -> None:
    assert largest_difference(rule, rounds=2) < 1e-6


@pytest.mark.parametrize("rule", RULES)
def test_the_bits_do_not_depend_on_which_node_trained_which_file(rule: str) -> None:
    assert len({product_weights(rule, groups) for groups in (1, 3, 20)}) == 1


def test_momentum_follows_the_formula() -> None:
    weights, velocity = BASE.astype(np.float64), np.zeros(50)  # (parameters,)
    for mean, made in zip(MEANS, follow("fedavgm", TUNING), strict=True):
        velocity = 0.9 * velocity + (mean - weights)
        weights = weights + 0.5 * velocity
        assert np.allclose(made, weights, atol=1e-5)


def test_adam_follows_the_formula() -> None:
    weights, first, second = BASE.astype(np.float64), np.zeros(50), np.full(50, TAU**2)  # (parameters,)
    for mean, made in zip(MEANS, follow("fedadam", TUNING), strict=True):
        change = mean - weights
        first, second = BETA1 * first + (1 - BETA1) * change, BETA2 * second + (1 - BETA2) * change**2
        weights = weights + 0.5 * first / (np.sqrt(second) + TAU)
        assert np.allclose(made, weights, atol=1e-4)


def test_momentum_without_memory_and_with_eta_1_is_fedavg() -> None:
    for plain, made in zip(MEANS, follow("fedavgm", Tuning(1.0, 0.0)), strict=True):
        assert np.allclose(made, plain, atol=1e-6)


def test_a_state_of_another_size_is_refused() -> None:
    with pytest.raises(BadRecord, match="state of 8 bytes"):
        unpack(bytes(8), 1, 50)


@pytest.mark.parametrize("rule", RULES)
def test_on_a_ring_every_rule_gives_the_bits_it_gives_alone(rule: str) -> None:
    job = Job(IDS[:4], make_spec(chosen(rule)))

    assert job.drive() == alone_model(chosen(rule))


def test_the_rules_are_different_models() -> None:
    assert len({alone_model(chosen(rule)) for rule in RULES}) == len(RULES)
    assert alone_model(chosen("fedprox", mu=0.0)) == alone_model(chosen("fedavg"))


@pytest.mark.parametrize("rule", ["fedavgm", "fedadam", "scaffold"])
def test_another_driver_goes_on_with_the_rules_state(rule: str) -> None:
    job = Job(IDS[:4], make_spec(chosen(rule)))

    def kill(node: object, request: object) -> None:
        if isinstance(request, Order) and request.round == 4:
            raise Killed

    job.net.before_answer = kill
    with pytest.raises(Killed):
        job.net.run(job.driver().drive())
    job.net.before_answer = lambda node, request: None
    assert job.look().results[-1].state

    assert job.drive() == alone_model(chosen(rule))


@pytest.mark.parametrize(
    "settings",
    [chosen("fedadam"), chosen("scaffold"), chosen("fedavg", fraction=0.4)],
    ids=["a rule", "a start with a state", "a fraction"],
)
def test_a_round_can_be_made_again_by_an_audit(settings: Settings) -> None:
    job = Job(IDS[:4], make_spec(settings))
    job.drive()

    finding = job.net.run(audit.retrain(job.net.entry, RING, job.look(), 4, Worker()))

    assert finding.holds, finding.detail


# --- a fraction of the files


def test_each_round_samples_anew_and_every_driver_samples_the_same() -> None:
    spec = make_spec(replace(SETTINGS, fraction=0.3, rounds=50))
    drawn = [sampled_files(spec, number) for number in range(1, 51)]

    assert {len(files) for files in drawn} == {3}  # of 9
    assert len(set(drawn)) > 20
    assert {f for files in drawn for f in files} == set(spec.files)
    assert sampled_files(spec, 0) == spec.files
    assert drawn == [sampled_files(make_spec(spec.settings), number) for number in range(1, 51)]
    assert drawn != [sampled_files(make_spec(replace(spec.settings, seed=1)), number) for number in range(1, 51)]


def test_a_job_with_a_fraction_trains_only_these_and_ends_in_the_bits_it_has_alone() -> None:
    settings = replace(SETTINGS, fraction=0.3)
    job = Job(IDS[:4], make_spec(settings))

    assert job.drive() == alone_model(settings)

    for result, report in job.rounds:
        assert sorted(report.placement) == sorted(f.name for f in sampled_files(job.spec, result.round))
        assert result.left_out == ()


# --- settings that do nothing


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mu": 0.5}, "--mu is for --rule fedprox, not for fedavg"),
        ({"rule": "fedprox", "server_eta": 0.5}, "--server-eta is for --rule .* or fedadagrad, not for fedprox"),
        ({"rule": "fedadam", "server_momentum": 0.5}, "--server-momentum is for --rule fedavgm, not for fedadam"),
        ({"rule": "krum", "topology": "tree"}, "--rule krum needs --topology star, not tree: .* only sums"),
        ({"rule": "median", "malicious": 0.1}, "--malicious is for --rule .* or bulyan, not for median"),
        ({"rule": "fednova", "optimizer": "adam"}, "--rule fednova counts the steps of --optimizer sgd and gd"),
        ({"rule": "fltrust"}, "--rule fltrust needs --trusted NAME"),
        ({"rule": "fltrust", "trusted": "a", "fraction": 0.5}, "--rule fltrust cannot be combined with --fraction"),
        (
            {"rule": "fedprox", "course": True, "optimizer": "gd"},
            "--course-trainer cannot be combined with --rule fedprox",
        ),
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        Settings(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rule": "bulyan", "malicious": 0.3}, r"stands 1 malicious of 9 files in a round \(f of 4 f \+ 3\)"),
        ({"rule": "krum", "fraction": 0.2}, "--rule krum needs at least 3 files in a round, and there are 2"),
        ({"rule": "fltrust", "trusted": "file-9"}, "--trusted file-9 is not one of the 9 training files"),
    ],
)
def test_a_rule_that_these_files_are_too_few_for_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        make_spec(Settings(**settings))  # type: ignore[arg-type]
