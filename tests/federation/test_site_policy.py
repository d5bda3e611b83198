"""A site's policy: orders outside it are refused by the name of the rule, and a file of it is checked."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest

from roundelay.chord.errors import NotFound
from roundelay.federation.errors import BadPolicy, WorkFailed
from roundelay.federation.requests import Order, TrainingFile
from roundelay.federation.site_policy import DAY_S, SitePolicy, SitePolicyInForce, policy_from_toml
from roundelay.federation.tasks import DescribeTask, EvaluateTask, MomentsTask, TrainTask
from roundelay.ml.design import Design
from roundelay.ml.readers.reading import Reading
from roundelay.ml.training_plan import TrainConfig, TrainingPlan
from roundelay.trust.identity import Identity

FILE = TrainingFile(0, "a.txt", "ab" * 32, 1, 500)
ALICE = Identity("00" * 8, "submitter", "alice", None, (), 1, 0.0, 1.0)


def order(config: TrainConfig = TrainConfig(), model: str = "mlp", rows: int = 500) -> Order:  # noqa: B008
    plan = TrainingPlan(Design((16, 8, 26), model), config, 10)
    return Order("j", 1, (replace(FILE, rows=rows),), TrainTask(plan, b"", 1))


def rounded() -> Order:
    """An order of a job whose updates are rounded to units."""
    task = order().task
    assert isinstance(task, TrainTask)
    return replace(order(), task=replace(task, units=bytes(3)))


def test_an_ordinary_order_is_inside_the_default_policy() -> None:
    SitePolicy().check(order(), None)


@pytest.mark.parametrize(
    ("policy", "given", "rule"),
    [
        (SitePolicy(submitters=("bob",)), order(), "submitters"),
        (SitePolicy(), order(model="my:Model"), "models"),
        (SitePolicy(), order(rows=10), "file_rows"),
        (SitePolicy(), order(TrainConfig(batch=1)), "batch_rows"),
        (SitePolicy(), order(TrainConfig(batch=499)), "batch_rows"),
        (SitePolicy(), order(TrainConfig("gd", epochs=1)), "steps"),
        (SitePolicy(), rounded(), "clip"),
        (SitePolicy(sums=False), replace(order(), task=MomentsTask(order().task.plan)), "sums"),  # type: ignore[union-attr]
        (SitePolicy(), replace(order(), task=EvaluateTask(order().task.plan, b"")), "models"),  # type: ignore[union-attr]
    ],
)
def test_an_order_outside_the_policy_is_refused_by_the_rules_name(policy: SitePolicy, given: Order, rule: str) -> None:
    with pytest.raises(WorkFailed, match=rf"the policy of the site refuses the order \({rule}\)"):
        policy.check(given, ALICE)


@pytest.mark.parametrize(("missing", "is_refused"), [("refuse", False), ("zero", False), ("mean", True)])
def test_a_site_that_gives_no_sums_away_describes_no_means_either(missing: str, is_refused: bool) -> None:
    asked = replace(order(), task=DescribeTask(Reading(missing=missing).to_json()))

    SitePolicy().check(asked, None)
    for policy, rule in ((SitePolicy(sums=False), "sums"), (SitePolicy(sites=2), "sites")):
        with pytest.raises(NotFound, match=rf"\({rule}\).*--missing mean") if is_refused else nullcontext():
            policy.check(asked, None)


def test_rounded_updates_may_leave_a_site_that_clips_nothing() -> None:
    SitePolicy(clip=0).check(rounded(), None)


def test_orders_are_counted_over_a_day() -> None:
    now = [0.0]
    gate = SitePolicyInForce(SitePolicy(rounds_a_day=2), lambda: now[0])
    gate.admit(order(), None)
    gate.admit(order(), None)

    with pytest.raises(WorkFailed, match="rounds_a_day"):
        gate.admit(order(), None)
    now[0] += DAY_S
    gate.admit(order(), None)


def test_a_file_overrides_the_rules_that_it_names() -> None:
    policy = policy_from_toml('submitters = ["alice"]\nclip = 1\nsums = false\n')

    assert policy == SitePolicy(submitters=("alice",), clip=1, sums=False)
    assert policy_from_toml("") == SitePolicy()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("clip = [", "not TOML"),
        ("clpi = 1", "clpi: not a rule; there are submitters"),
        ('clip = "1"', "clip: expected a number"),
        ("clip = -1", "clip: -1, expected a number from 0 on"),
        ("clip = nan", "clip: nan"),
        ("clip = true", "clip: expected a number"),
        ("sums = 1", "sums: expected true or false"),
        ('submitters = "alice"', "submitters: expected a list of names"),
    ],
)
def test_a_malformed_policy_is_refused_by_its_key(text: str, reason: str) -> None:
    with pytest.raises(BadPolicy, match=reason):
        policy_from_toml(text)
