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
