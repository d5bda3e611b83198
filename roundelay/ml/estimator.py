"""A trained model as scikit-learn's estimators behave: predict, predict_proba, score. Needs no scikit-learn; where that
is, it is one of its classifiers, for pipelines and scorers.

    from roundelay.ml.estimator import load
    estimator = load("model.npz")
    estimator.predict_proba(x)  # x as it was given for training: (n, features)
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from roundelay.ml.errors import BadTask
from roundelay.ml.readers import saved_model as models

_bases: tuple[type, ...] = ()
with suppress(ImportError):
    from sklearn.base import BaseEstimator, ClassifierMixin

    _bases = (ClassifierMixin, BaseEstimator)


class Estimator(*_bases):  # type: ignore[misc]  # known only here
    """One model, ready to be asked."""

    def __init__(self, model: models.SavedModel) -> None:
        self.model = model
        self.n_features_in_ = model.design.features
        self.classes_ = np.array(model.labels or range(model.design.classes))  # (classes,)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, x: npt.ArrayLike, y: npt.ArrayLike | None = None) -> Estimator:
        """Nothing: it is trained already, and stays as it is, whatever it is put into."""
        return self

    def predict_proba(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """(n, features) -> (n, classes)."""
        rows = np.asarray(x, np.float32)  # (n, features)
        if rows.ndim != 2 or rows.shape[1] != self.n_features_in_ or not np.isfinite(rows).all():
            raise BadTask(f"an array of {rows.shape}: expected finite rows of {self.n_features_in_} features")
        return self.model.probabilities(rows)

    def predict(self, x: npt.ArrayLike) -> npt.NDArray[Any]:
        """The most probable class of each row, by its label: (n,)."""
        found: npt.NDArray[Any] = self.classes_[self.predict_proba(x).argmax(axis=1)]  # (n,)
        return found

    def score(self, x: npt.ArrayLike, y: npt.ArrayLike) -> float:
        """The accuracy."""
        return float(np.mean(self.predict(x) == np.asarray(y)))


def load(path: str | Path) -> Estimator:
    """From an .npz or .safetensors. Raises InputMissing, DataError."""
    return Estimator(models.load(Path(path)))
