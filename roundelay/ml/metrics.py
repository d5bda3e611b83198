"""Metrics of a classifier, and of a regression.

Of a classifier: confusion matrix, and precision, recall, F1 and AUC of each class, computed from the probabilities of
rows with known classes; of two classes, also what other thresholds than 0.5 give. Precision of a class that was never
predicted and recall of a class without rows are 0; the AUC is None (undefined) for a class that all rows or no rows
have. Of a regression: root mean square error, mean absolute error, and R2, the share of the targets' variance that the
predictions explain.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Doubles, Ints, Labels

Probabilities = npt.NDArray[np.floating[Any]]  # (n, classes)

THRESHOLDS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
FIT_DIGITS = 6
ERROR_MAX = 1e300


@dataclass(frozen=True)
class ClassMetrics:
    """One class against all others."""

    label: str
    rows: int
    precision: float
    recall: float
    f1: float
    auc: float | None


@dataclass(frozen=True)
class ThresholdMetrics:
    """The second of two classes, if it is predicted from this probability on."""

    probability: float
    precision: float
    recall: float  # sensitivity
    specificity: float
    f1: float
    predicted: int  # rows


@dataclass(frozen=True)
class Metrics:
    """The metrics of one model on one file."""

    rows: int
    accuracy: float
    confusion: tuple[tuple[int, ...], ...]  # rows: true class; columns: predicted class
    classes: tuple[ClassMetrics, ...]
    thresholds: tuple[ThresholdMetrics, ...] = ()  # of two classes that both occur

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes that occur."""
        return _mean([each.f1 for each in self.classes if each.rows])

    @property
    def auc(self) -> float | None:
        """The AUC of the second of two classes; with more classes, the mean of those that are defined."""
        defined = [each.auc for each in self.classes if each.auc is not None]
        return self.classes[1].auc if len(self.classes) == 2 else (_mean(defined) if defined else None)

    def to_json(self) -> dict[str, object]:
        """Return what --json prints."""
        per_class = [
            {
                "label": c.label,
                "rows": c.rows,
                "precision": _rounded(c.precision),
                "recall": _rounded(c.recall),
                "f1": _rounded(c.f1),
                "auc": _rounded(c.auc),
            }
            for c in self.classes
        ]
        thresholds = [{name: _rounded(value) for name, value in asdict(each).items()} for each in self.thresholds]
        return {
            "rows": self.rows,
            "accuracy": _rounded(self.accuracy),
            "macro_f1": _rounded(self.macro_f1),
            "auc": _rounded(self.auc),
            "classes": per_class,
            "confusion": [list(row) for row in self.confusion],
            **({"thresholds": thresholds} if thresholds else {}),
        }


@dataclass(frozen=True)
class FitMetrics:
    """The metrics of a regression on one file, in the unit of the target."""

    rows: int
    rmse: float
    mae: float
    r2: float

    @property
    def numbers(self) -> tuple[float, ...]:
        """RMSE, MAE and R2, to as many digits as agree between machines."""
        return tuple(float(f"{value:.{FIT_DIGITS}g}") for value in (self.rmse, self.mae, self.r2))

    def to_json(self) -> dict[str, object]:
        """Return what --json prints."""
        rmse, mae, r2 = self.numbers
        return {"rows": self.rows, "rmse": rmse, "mae": mae, "r2": r2}


def measure_fit(predictions: Doubles, targets: Labels) -> FitMetrics:
    """Return the metrics of predictions (n,) for rows with these targets (n,), both in the target's unit."""
    true = targets.astype(np.float64)  # (n,)
    with np.errstate(all="ignore"):
        residual = predictions - true  # (n,)
        squared, absolute = exact_mean(np.square(residual)), exact_mean(np.abs(residual))
        variance = exact_mean(np.square(true - exact_mean(true)))
        r2 = 1 - squared / variance if variance else float(not squared)
    return FitMetrics(len(true), _bounded(float(np.sqrt(squared))), _bounded(absolute), -_bounded(-r2))


def exact_mean(values: Doubles) -> float:
    """Return the mean from an exact sum: the same on every machine."""
    return math.fsum(values.tolist()) / len(values) if np.isfinite(values).all() else math.inf


def measure(p: Probabilities, y: Ints, labels: tuple[str, ...] = ()) -> Metrics:
    """Return the metrics of probabilities p (n, classes) for rows of classes y (n,)."""
    classes = p.shape[1]
    predicted = p.argmax(axis=1)  # (n,)
    confusion = np.bincount(y * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    names, odds = labels or tuple(map(str, range(classes))), _odds(p)
    areas = [auc(odds[:, number], y == number) for number in range(classes)]
    each = tuple(_of_class(confusion, number, names[number], areas[number]) for number in range(classes))
    thresholds = _thresholds(p[:, 1], y == 1) if classes == 2 else ()
    return Metrics(len(y), int(np.trace(confusion)) / len(y), tuple(map(tuple, confusion.tolist())), each, thresholds)


def measure_confusion(confusion: Ints, labels: tuple[str, ...] = (), area: float | None = None) -> Metrics:
    """Return the metrics that a confusion matrix (classes, classes) gives. area: the AUC of two classes, if known."""
    names = labels or tuple(map(str, range(len(confusion))))
    each = tuple(_of_class(confusion, number, names[number], area) for number in range(len(confusion)))
    rows, cells = int(confusion.sum()), tuple(map(tuple, confusion.tolist()))
    return Metrics(rows, int(np.trace(confusion)) / rows if rows else 0.0, cells, each)


def auc(scores: npt.NDArray[np.floating[Any]], positive: npt.NDArray[np.bool_]) -> float | None:
    """Return the probability that a positive row scores higher than a negative one; equal scores count half."""
    count = int(positive.sum())
    if not 0 < count < len(positive):
        return None
    _, place, sizes = np.unique(scores, return_inverse=True, return_counts=True)  # ties share a rank
    last = np.cumsum(sizes)  # (distinct,)
    ranks = (last - (sizes - 1) / 2)[place]  # (n,) from 1 on, the mean of those that tie
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(positive) - count)))


def _odds(p: Probabilities) -> Probabilities:
    """Return p / (1 - p), in the same order as p, but without ties where p has been rounded to 1: (n, classes)."""
    before, after = np.zeros_like(p), np.zeros_like(p)  # the sums of a row's other probabilities
    before[:, 1:] = np.cumsum(p[:, :-1], axis=1)
    after[:, :-1] = np.cumsum(p[:, :0:-1], axis=1)[:, ::-1]
    with np.errstate(all="ignore"):
        return p / (before + after)


def _thresholds(scores: Probabilities, positive: npt.NDArray[np.bool_]) -> tuple[ThresholdMetrics, ...]:
    """Return what each threshold gives; nothing unless both classes occur."""
    actual, negative = int(positive.sum()), int((~positive).sum())
    if not actual or not negative:
        return ()
    made = []
    for threshold in THRESHOLDS:
        said = scores >= threshold  # (n,)
        right, predicted = int((said & positive).sum()), int(said.sum())
        precision, recall = right / predicted if predicted else 0.0, right / actual
        specificity = 1 - (predicted - right) / negative
        made.append(
            ThresholdMetrics(threshold, precision, recall, specificity, 2 * right / (actual + predicted), predicted)
        )
    return tuple(made)


def _of_class(confusion: Ints, number: int, label: str, area: float | None) -> ClassMetrics:
    row, column = confusion[number], confusion[:, number]  # (classes,)
    correct, actual, predicted = int(row[number]), int(row.sum()), int(column.sum())
    precision, recall = correct / predicted if predicted else 0.0, correct / actual if actual else 0.0
    f1 = 2 * correct / (actual + predicted) if actual + predicted else 0.0
    return ClassMetrics(label, actual, precision, recall, f1, area)


def _bounded(value: float) -> float:
    """Return an error as a number that JSON can write, also if the training has diverged."""
    return min(value, ERROR_MAX) if value == value else ERROR_MAX  # NaN differs from itself


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
