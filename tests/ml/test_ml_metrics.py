"""Metrics against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.ml.metrics import auc, measure
from tests.ml.ml_oracles import EFFORT


def test_metrics_match_a_case_computed_by_hand() -> None:
    y = np.array([0, 0, 0, 1, 1, 2])
    predicted = np.array([0, 0, 1, 1, 0, 1])

    found = measure(np.eye(3)[predicted], y, ("a", "b", "c"))

    assert found.confusion == ((2, 1, 0), (1, 1, 0), (0, 1, 0))
    assert found.accuracy == 0.5
    first, second, third = found.classes
    assert (first.label, first.rows) == ("a", 3)
    assert first.precision == first.recall == pytest.approx(2 / 3)
    assert [second.precision, second.recall, second.f1] == pytest.approx([1 / 3, 0.5, 0.4])
    assert (third.precision, third.recall, third.f1) == (0.0, 0.0, 0.0)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
@EFFORT
def test_auc_is_the_probability_of_the_right_order(rows: list[tuple[int, bool]]) -> None:
    scores, positive = (np.array(column) for column in zip(*rows, strict=True))
    pairs = [(a > b) + (a == b) / 2 for a in scores[positive] for b in scores[~positive]]

    found = auc(scores.astype(float), positive)

    assert found == (pytest.approx(np.mean(pairs)) if pairs else None)


def test_the_auc_of_two_classes_is_that_of_the_second() -> None:
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])

    found = measure(p, np.array([0, 1, 1, 0]))

    assert found.auc == found.classes[1].auc == 0.75
    assert measure(p, np.zeros(4, np.int64)).auc is None


def test_probabilities_that_are_rounded_to_one_still_have_an_order() -> None:
    odds = np.array([1e18, 1e20, 1e22, 1e17])
    p = np.column_stack([1 / (1 + odds), odds / (1 + odds)])
    assert (p[:, 1] == 1).all()

    assert measure(p, np.array([0, 1, 1, 0])).auc == 1.0


def test_other_thresholds_are_shown_for_two_classes() -> None:
    p1 = np.array([0.95, 0.45, 0.25, 0.35, 0.05])

    found = measure(np.column_stack([1 - p1, p1]), np.array([1, 1, 1, 0, 0]), ("no", "yes"))

    by_probability = {each.probability: each for each in found.thresholds}
    at = by_probability[0.4]
    assert [at.predicted, at.precision, at.recall, at.specificity] == pytest.approx([2, 1.0, 2 / 3, 1.0])
    low = by_probability[0.2]
    assert (low.predicted, low.precision, low.recall, low.specificity) == (4, 0.75, 1.0, 0.5)
    assert low.f1 == pytest.approx(6 / 7)
    assert by_probability[0.99].precision == 0.0
    assert len(found.to_json()["thresholds"]) == len(found.thresholds)  # type: ignore[arg-type]
    assert measure(np.eye(3), np.arange(3)).thresholds == ()
    assert measure(np.eye(2), np.zeros(2, np.int64)).thresholds == ()
