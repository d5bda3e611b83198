"""A trained model with the interface of scikit-learn: predict, predict_proba, score.

Does not need scikit-learn; if that is installed, the estimator is one of its classifiers, for pipelines and scorers.

    from roundelay.ml.estimator import load
    estimator = load("model.npz")
    estimator.predict_proba(x)  # x with the features of the training data: (n, features)
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from roundelay.ml.errors import BadTask
from roundelay.ml.readers import saved_model

_bases: tuple[type, ...] = ()
with suppress(ImportError):
    from sklearn.base import BaseEstimator, ClassifierMixin

    _bases = (ClassifierMixin, BaseEstimator)


class Estimator(*_bases):  # type: ignore[misc]  # the bases are known at run time only
    """A classifier that is already trained."""

    def __init__(self, model: saved_model.SavedModel) -> None:
        self.model = model
        self.n_features_in_ = model.design.features
        self.classes_ = np.array(model.labels or range(model.design.classes))  # (classes,)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, x: npt.ArrayLike, y: npt.ArrayLike | None = None) -> Estimator:
        """Do nothing: the model is trained already."""
        return self

    def predict_proba(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the probability of each class: (n, features) -> (n, classes)."""
        rows = np.asarray(x, np.float32)  # (n, features)
        if rows.ndim != 2 or rows.shape[1] != self.n_features_in_ or not np.isfinite(rows).all():
            raise BadTask(f"an array of {rows.shape}: expected finite rows of {self.n_features_in_} features")
        return self.model.probabilities(rows)

    def predict(self, x: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the label of the most probable class of each row: (n,)."""
        labels: npt.NDArray[Any] = self.classes_[self.predict_proba(x).argmax(axis=1)]  # (n,)
        return labels

    def score(self, x: npt.ArrayLike, y: npt.ArrayLike) -> float:
        """Return the accuracy."""
        return float(np.mean(self.predict(x) == np.asarray(y)))


def load(path: str | Path) -> Estimator:
    """Load a model from an .npz or .safetensors file. Raises InputMissing, DataError."""
    return Estimator(saved_model.load(Path(path)))
