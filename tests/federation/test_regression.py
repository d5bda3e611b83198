"""Regression jobs: the same bits whatever the topology and rule, errors in the unit of the target in every record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from roundelay.federation import replay
from roundelay.federation.early_stopping import best_round, has_stopped, kept_round
from roundelay.federation.errors import BadRecord, BadSpec
from roundelay.federation.records import RoundReport, RoundResult, result_from_bytes
from roundelay.federation.requests import Order
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec, spec_from_bytes
from roundelay.federation.step_size import StepControl, guessing_loss
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of
from tests.federation.test_driver import CONTENTS, IDS, SETTINGS, VALIDATION, Job, make_spec

SMALL_STEPS = replace(SETTINGS, eta=0.02)


def regression(settings: Settings = SMALL_STEPS) -> JobSpec:
    """The job of these settings whose last column is a target instead of a class."""
    return replace(make_spec(settings), classes=0)


def alone(spec: JobSpec) -> list[RoundResult]:
    """The chain of a job, computed without a ring."""
    contents = {digest_of(c): c for c in (*CONTENTS.values(), VALIDATION)}
    return [each.result for each in replay.chain(spec, contents, Worker())]


def chain_of(*errors: float) -> list[RoundResult]:
    fits = [(), *((error, error / 2, 0.5) for error in errors)]
    return [RoundResult("j", number, "", f"w{number}", 1, rows=60, fit=fit) for number, fit in enumerate(fits)]


@pytest.mark.parametrize("topology", ["star", "tree"])
@pytest.mark.parametrize("rule", ["fedavg", "fedprox", "fedavgm", "fedadam"])
def test_a_ring_makes_the_chain_of_one_machine(topology: str, rule: str) -> None:
    spec = regression(replace(SMALL_STEPS, topology=topology, rule=rule))
    made = Job(IDS, spec)

    made.drive()

    assert [result for result, _ in made.rounds] == alone(spec)[1:]
    for result, report in made.rounds:
        rmse, mae, r2 = result.fit
        assert 0 < mae <= rmse
        assert r2 < 1
        assert result.error == rmse
        assert (result.errors, report.training_accuracy) == (0, 0.0)


def test_a_node_that_dies_changes_no_bit() -> None:
    made = Job(IDS, regression())
    made.net.kill_at(Order, 2)

    made.drive()

    assert [result for result, _ in made.rounds] == alone(regression())[1:]


def test_gossip_reports_each_nodes_error_in_the_unit_of_the_target() -> None:
    made = Job(IDS, regression(replace(SMALL_STEPS, topology="gossip", exchanges=20)))

    made.drive()

    result, report = made.rounds[-1]
    assert len(report.errors) == len(IDS)
    assert all(error == pytest.approx(result.fit[0], rel=0.05) for error in report.errors.values())


def test_round_zero_has_the_moments_of_the_target_behind_those_of_the_features() -> None:
    first, *_ = alone(regression())

    assert len(bytes.fromhex(first.moments)) == 8 * (4 + 1)
    assert first.fit == ()


def test_the_round_with_the_lowest_rmse_is_kept_and_patience_counts_from_it() -> None:
    chain, settings = chain_of(3.0, 2.0, 2.5, 2.0), Settings(keep="best", patience=2)

    assert best_round(chain).round == kept_round(settings, chain).round == 2
    assert has_stopped(settings, chain)
    assert not has_stopped(settings, chain[:-1])
    assert chain[2].error_text == "RMSE 2, R2 0.5000"
    assert replace(chain[2], fit=(2.0, 1.0, -1.75e15)).error_text == "RMSE 2, R2 -1.750e+15"


def test_guessing_the_mean_has_a_loss_of_the_variance_which_is_one() -> None:
    spec = regression(replace(SMALL_STEPS, halvings=2))

    assert guessing_loss(spec) == 1.0
    assert StepControl(spec, 1, 0.0, 0).accepts(2.9)  # initial weights are worse than guessing
    later = StepControl(spec, 2, 0.8, 0)
    assert later.accepts(1.0)
    assert not later.accepts(1.1)
    assert later.halvings == 1
    assert "training loss 1.1 is above that of guessing, 1" in later.notices[0]


def test_a_step_that_is_too_large_is_halved_until_the_regression_trains() -> None:
    made = Job(IDS, regression(replace(SETTINGS, eta=10.0, halvings=12)))

    made.drive()

    first: RoundReport = made.rounds[0][1]
    assert made.rounds[0][0].halvings > 3
    assert first.training_loss < 3
    assert "trained again with eta" in first.notices[0]


def test_a_spec_of_a_regression_has_one_output_and_no_class_weights() -> None:
    spec = regression()

    assert (spec.task, spec.sizes, spec.design.task, spec.labels) == ("regression", (4, 6, 1), "regression", ())
    assert spec_from_bytes(spec.to_bytes()) == spec
    with pytest.raises(BadSpec, match="--weighting balanced weighs classes: a regression has none"):
        regression(replace(SETTINGS, weighting="balanced"))
    with pytest.raises(BadRecord, match="the course's trainer trains classifiers"):
        spec_from_bytes(replace(spec, settings=Settings(course=True, optimizer="gd", hidden=(6,))).to_bytes())
    with pytest.raises(BadRecord, match="classes is -1"):
        spec_from_bytes(replace(spec, classes=-1).to_bytes())


def test_a_result_with_other_numbers_is_malformed() -> None:
    whole = alone(regression())[1]
    assert result_from_bytes(whole.to_bytes()) == whole
    with pytest.raises(BadRecord, match="other numbers than RMSE, MAE and R2"):
        result_from_bytes(replace(whole, fit=(1.0,)).to_bytes())
