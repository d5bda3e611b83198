"""FederatedClassifier and FederatedRegressor are estimators of scikit-learn."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import roundelay
from roundelay.client.errors import MissingExtra

RNG = np.random.default_rng(1)
Y = np.arange(90) % 3
X = (RNG.standard_normal((3, 4)) * 3)[Y] + RNG.standard_normal((90, 4))


@pytest.fixture(scope="module")
def ring() -> Iterator[roundelay.Ring]:
    pytest.importorskip("sklearn", reason="scikit-learn is the extra sklearn")
    with roundelay.local_ring(1) as made:
        yield made


@pytest.mark.parametrize("kind", ["FederatedClassifier", "FederatedRegressor"])
def test_it_passes_the_checks_of_scikit_learn(ring: roundelay.Ring, kind: str) -> None:
    from sklearn.utils.estimator_checks import estimator_checks_generator

    address = str(ring.connection.address.supernode)
    failures = []
    for estimator, check in estimator_checks_generator(getattr(roundelay, kind)(ring=address, clients=2, hidden=(16,))):
        try:
            check(estimator)
        except Exception as error:
            if type(error).__name__ != "SkipTest":
                failures.append((getattr(check, "func", check).__name__, str(error)))

    assert failures == []


def test_it_works_in_pipelines_and_searches(ring: roundelay.Ring) -> None:
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = roundelay.FederatedClassifier(ring=ring, rounds=3, random_state=1)
    chain = make_pipeline(StandardScaler(), classifier)
    search = GridSearchCV(chain, {"federatedclassifier__clients": [1, 3]}, cv=2).fit(X, np.array(["a", "b", "c"])[Y])

    assert search.best_score_ > 0.7
    assert set(search.predict(X)) == {"a", "b", "c"}


def test_validation_rows_can_be_given_and_a_trained_model_is_a_fitted_classifier(
    ring: roundelay.Ring, tmp_path: Path
) -> None:
    fitted = roundelay.FederatedClassifier(ring=ring, rounds=2, partition=roundelay.Dirichlet(0.5), random_state=1)
    fitted.fit(X[:60], Y[:60], validation=(X[60:], Y[60:]))
    roundelay.save_model(tmp_path / "m.npz", fitted.model_)

    again = roundelay.FederatedClassifier.from_model(tmp_path / "m.npz")

    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert fitted.history_[-1]["validation_error"] == pytest.approx(1 - fitted.score(X[60:], Y[60:]), abs=1e-6)
    with pytest.raises(ValueError, match="a class that is missing"):
        fitted.fit(X[Y < 2], Y[Y < 2], validation=(X, Y))


def test_a_regressor_predicts_in_the_unit_of_the_target_and_takes_its_own_models_only(
    ring: roundelay.Ring, tmp_path: Path
) -> None:
    y = 1000 + 50 * X[:, 0]
    fitted = roundelay.FederatedRegressor(ring=ring, rounds=20, random_state=1).fit(X, y, validation=(X, y))

    assert fitted.score(X, y) > 0.9
    roundelay.save_model(tmp_path / "m.npz", fitted.model_)
    again = roundelay.FederatedRegressor.from_model(tmp_path / "m.npz")
    assert np.array_equal(again.predict(X), fitted.predict(X))
    with pytest.raises(ValueError, match="FederatedClassifier: the model is a regression"):
        roundelay.FederatedClassifier.from_model(tmp_path / "m.npz")


def test_without_scikit_learn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "roundelay.client.estimators", raising=False)
    missing: Any = pytest.raises(MissingExtra, match=r"need scikit-learn.*install 'roundelay\[sklearn\]'")

    with missing:
        roundelay.FederatedClassifier  # noqa: B018 - the access is the test
