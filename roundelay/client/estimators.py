"""Estimators of scikit-learn that are trained by federated averaging; they need the extra `sklearn`.

from roundelay import Dirichlet, FederatedClassifier, FederatedRegressor
FederatedClassifier(clients=10, partition=Dirichlet(0.5), rounds=20).fit(x, y).predict(x)
FederatedRegressor(clients=10, rounds=20).fit(x, y).predict(x)
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from roundelay.client.errors import MissingExtra
from roundelay.client.ring import Ring, connect, load_model, local_ring
from roundelay.ml.readers.saved_model import SavedModel

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingExtra(
        f"FederatedClassifier and FederatedRegressor need scikit-learn ({error}): "
        "python3 -m pip install 'roundelay[sklearn]'"
    ) from error

SEEDS = 1 << 31
VALIDATION_ROWS_MAX = 10_000  # of the training rows, if no validation rows are given


class _FederatedEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn is an extra
    """What both have in common: the settings, the ring and the training."""

    def __init__(
        self,
        *,
        ring: Ring | str | None = None,
        nodes: int = 2,
        clients: int = 4,
        partition: Any = None,
        model: str = "mlp",
        hidden: tuple[int, ...] = (64,),
        rounds: int = 10,
        epochs: int = 5,
        eta: float | None = None,
        rule: str = "fedavg",
        options: Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        self.ring = ring
        self.nodes = nodes
        self.clients = clients
        self.partition = partition
        self.model = model
        self.hidden = hidden
        self.rounds = rounds
        self.epochs = epochs
        self.eta = eta
        self.rule = rule
        self.options = options
        self.random_state = random_state

    @classmethod
    def from_model(cls, model: SavedModel | str | Path) -> Self:
        """Return a fitted estimator of a trained model, or of the file that holds it. Raises ValueError."""
        made = cls()
        made._take(model if isinstance(model, SavedModel) else load_model(model))
        return made

    def _take(self, model: SavedModel) -> None:
        """Become the estimator of a model. Raises ValueError if it is of another kind."""
        if model.is_regression != isinstance(self, RegressorMixin):
            raise ValueError(f"{type(self).__name__}: the model is a {model.design.task}")
        self.model_ = model
        self.n_features_in_ = model.design.features

    def _train(self, rows: Any, targets: Any, validation: tuple[Any, Any] | None) -> None:
        """Train on rows (n, features) and targets or numbers of classes (n,); show errors on some rows by default."""
        seed = int(check_random_state(self.random_state).randint(SEEDS))
        shown = np.random.default_rng(seed).permutation(len(rows))[:VALIDATION_ROWS_MAX]  # (some,)
        with self._open_ring() as ring:
            job = ring.train(
                rows,
                targets,
                validation=(rows[shown], targets[shown]) if validation is None else validation,
                clients=min(self.clients, len(rows)),
                partition=self.partition,
                **self._settings(seed),
            )
            self.model_ = job.result().model
            self.history_ = job.history()
        self.n_iter_ = len(self.history_)

    def _open_ring(self) -> Any:
        """Return a ring for one training; a ring that was given stays open."""
        if isinstance(self.ring, Ring):
            return nullcontext(self.ring)
        return local_ring(self.nodes) if self.ring is None else connect(self.ring)

    def _settings(self, seed: int) -> dict[str, Any]:
        given = {"model": self.model, "hidden": self.hidden, "rounds": self.rounds, "epochs": self.epochs}
        given |= {"rule": self.rule, "seed": seed, **(self.options or {})}
        return given if self.eta is None else given | {"eta": self.eta}


class FederatedClassifier(ClassifierMixin, _FederatedEstimator):  # type: ignore[misc]  # scikit-learn is an extra
    """Divides the rows among clients, trains them on a ring, and predicts classes with the common model.

    `ring` is a Ring or the address of one, HOST:PORT; by default `fit` starts a ring of `nodes` on this machine and
    stops it. All rows are trained on; `history_` then holds errors on (some of) these rows, unless `fit` is given
    `validation`. `options` are further settings of Ring.train.
    """

    def fit(self, x: Any, y: Any, validation: Any = None) -> Self:
        """Train on rows (n, features) and their classes (n,); `validation` is a pair of the same kind."""
        rows, classes = validate_data(self, x, y, dtype=np.float64)
        check_classification_targets(classes)
        self.classes_, numbers = np.unique(classes, return_inverse=True)  # (classes,), (n,)
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__} needs samples of at least 2 classes, all rows are of one class")
        self._train(rows, numbers, None if validation is None else self._numbered(*validation))
        return self

    def predict_proba(self, x: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class: (n, features) -> (n, classes)."""
        check_is_fitted(self)
        rows = validate_data(self, x, dtype=np.float64, reset=False)
        proba: npt.NDArray[np.float64] = self.model_.predict_proba(rows)
        return proba

    def predict(self, x: Any) -> npt.NDArray[Any]:
        """Return the most probable class of each row: (n,)."""
        best = self.predict_proba(x).argmax(axis=1)  # (n,)
        labels: npt.NDArray[Any] = self.classes_[best]  # (n,)
        return labels

    def _numbered(self, x: Any, y: Any) -> tuple[Any, npt.NDArray[np.int64]]:
        """Return validation rows with the numbers of their classes. Raises ValueError for an unknown class."""
        classes = np.asarray(y)  # (n,)
        numbers = np.searchsorted(self.classes_, classes).clip(max=len(self.classes_) - 1)  # (n,)
        if (self.classes_[numbers] != classes).any():
            raise ValueError("validation holds a class that is missing in the training rows")
        return validate_data(self, x, dtype=np.float64, reset=False), numbers

    def _take(self, model: SavedModel) -> None:
        super()._take(model)
        self.classes_ = model.classes


class FederatedRegressor(RegressorMixin, _FederatedEstimator):  # type: ignore[misc]  # scikit-learn is an extra
    """Divides the rows among clients, trains them on a ring, and predicts numbers with the common model.

    Its parameters are those of FederatedClassifier.
    """

    def fit(self, x: Any, y: Any, validation: Any = None) -> Self:
        """Train on rows (n, features) and their targets (n,); `validation` is a pair of the same kind."""
        rows, targets = validate_data(self, x, y, dtype=np.float64, y_numeric=True)
        if validation is not None:
            of_rows, of_targets = validation
            checked = validate_data(self, of_rows, dtype=np.float64, reset=False)
            validation = checked, np.asarray(of_targets, np.float64)
        self._train(rows, targets.astype(np.float64), validation)
        return self

    def predict(self, x: Any) -> npt.NDArray[np.float64]:
        """Return the prediction for each row: (n, features) -> (n,)."""
        check_is_fitted(self)
        rows = validate_data(self, x, dtype=np.float64, reset=False)
        found: npt.NDArray[np.float64] = self.model_.predict(rows)
        return found

    def _settings(self, seed: int) -> dict[str, Any]:
        return super()._settings(seed) | {"task": "regression"}
