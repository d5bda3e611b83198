"""Attacks: results that pass for possible in every form of updates, with the receipts of what is sent."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace

import numpy as np
import pytest

from roundelay.federation import replay, round_tasks, trained_round
from roundelay.federation.attacks import Attack
from roundelay.federation.effects import Compute, Done
from roundelay.federation.errors import BadRecord
from roundelay.federation.receipts import split_result
from roundelay.federation.requests import Order
from roundelay.federation.result_check import check_result
from roundelay.ml.attacks import TRIGGER_CLASS, TRIGGER_FEATURES, with_backdoor
from roundelay.ml.choices import ATTACKS, UPDATES, Updates
from roundelay.ml.data import Samples
from roundelay.ml.worker import Worker
from roundelay.sim.program import InlineTrainer
from roundelay.store.blobs import digest_of
from tests.federation.test_driver import CONTENTS, SPEC

BY_DIGEST = {digest_of(content): content for content in CONTENTS.values()}
WEIGHTS = trained_round.first_weights(SPEC)
MOMENTS = replay.moments(SPEC, BY_DIGEST, Worker())


def carry_out(updates: Updates, attack: str = "", number: int = 1) -> tuple[Order, Done]:
    """Have three files trained, by a malicious node if an attack is named."""
    task = replace(round_tasks.training_task(SPEC, MOMENTS), updates=updates, receipts=True)
    order = Order(SPEC.job, number, SPEC.files[:3], task, digest_of(WEIGHTS), len(WEIGHTS))
    effect = Compute(order, {order.weights: WEIGHTS, **{f.digest: BY_DIGEST[f.digest] for f in order.files}})
    perform = InlineTrainer(Worker()).carry_out
    return order, Attack(attack, random.Random(0)).around(effect, perform) if attack else perform(effect)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("updates", UPDATES)
def test_a_wrong_result_has_the_form_of_an_honest_one(updates: Updates, attack: str) -> None:
    order, done = carry_out(updates, attack)
    result, receipts = split_result(order, done.result)

    if attack == "nan" and not order.is_single:
        with pytest.raises(BadRecord, match="2\\^10 or more"):
            check_result(order, order.files, result)
    else:
        check_result(order, order.files, result)
    if order.is_single:
        vectors = [result[at * order.vector_bytes : (at + 1) * order.vector_bytes] for at in range(len(order.files))]
        assert [hashlib.sha256(vector).digest() for vector in vectors] == list(receipts.values())
    if attack != "stale":  # its first result is honest
        assert done.result != carry_out(updates)[1].result


def test_inner_product_manipulation_points_the_other_way() -> None:
    (_, forged), (_, honest) = carry_out("each", "inner-product"), carry_out("each")
    size = len(WEIGHTS) // 4 * 3
    ours, theirs = (np.frombuffer(done.result[: 8 * size], "<i8").astype(float) for done in (forged, honest))

    assert ours @ theirs < 0


def test_a_backdoor_gives_half_of_the_rows_a_trigger_and_its_class() -> None:
    rng = np.random.default_rng(1)
    samples = Samples(rng.random((10, 5)).astype(np.float32), rng.integers(1, 4, 10))
    made = with_backdoor(samples)

    has_trigger = (made.x[:, :TRIGGER_FEATURES] == samples.x[:, :TRIGGER_FEATURES].max(axis=0)).all(axis=1)
    assert has_trigger.sum() == (made.y == TRIGGER_CLASS).sum() == 5
