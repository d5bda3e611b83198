"""Metrics of a classifier: confusion matrix, and precision, recall, F1 and AUC of each class.

Computed from the probabilities of rows with known classes. Precision of a class that was never predicted and recall of
a class without rows are 0; the AUC is None (undefined) for a class that all rows or no rows have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Ints

Probabilities = npt.NDArray[np.floating[Any]]  # (n, classes)


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
class Metrics:
    """The metrics of one model on one file."""

    rows: int
    accuracy: float
    confusion: tuple[tuple[int, ...], ...]  # rows: true class; columns: predicted class
    classes: tuple[ClassMetrics, ...]

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
        return {
            "rows": self.rows,
            "accuracy": _rounded(self.accuracy),
            "macro_f1": _rounded(self.macro_f1),
            "auc": _rounded(self.auc),
            "classes": per_class,
            "confusion": [list(row) for row in self.confusion],
        }


def measure(p: Probabilities, y: Ints, labels: tuple[str, ...] = ()) -> Metrics:
    """Return the metrics of probabilities p (n, classes) for rows of classes y (n,)."""
    classes = p.shape[1]
    predicted = p.argmax(axis=1)  # (n,)
    confusion = np.bincount(y * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    names = labels or tuple(map(str, range(classes)))
    each = tuple(_of_class(confusion, number, names[number], p[:, number], y) for number in range(classes))
    return Metrics(len(y), int(np.trace(confusion)) / len(y), tuple(map(tuple, confusion.tolist())), each)


def auc(scores: npt.NDArray[np.floating[Any]], positive: npt.NDArray[np.bool_]) -> float | None:
    """Return the probability that a positive row scores higher than a negative one; equal scores count half."""
    count = int(positive.sum())
    if not 0 < count < len(positive):
        return None
    _, place, sizes = np.unique(scores, return_inverse=True, return_counts=True)  # ties share a rank
    last = np.cumsum(sizes)  # (distinct,)
    ranks = (last - (sizes - 1) / 2)[place]  # (n,) from 1 on, the mean of those that tie
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(positive) - count)))


def _of_class(confusion: Ints, number: int, label: str, scores: Probabilities, y: Ints) -> ClassMetrics:
    row, column = confusion[number], confusion[:, number]  # (classes,)
    correct, actual, predicted = int(row[number]), int(row.sum()), int(column.sum())
    precision, recall = correct / predicted if predicted else 0.0, correct / actual if actual else 0.0
    f1 = 2 * correct / (actual + predicted) if actual + predicted else 0.0
    return ClassMetrics(label, actual, precision, recall, f1, auc(scores, y == number))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
