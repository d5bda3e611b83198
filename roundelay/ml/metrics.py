"""What people expect to read of a classifier: confusion matrix, and per class precision, recall, F1 and AUC.

Computed from the probabilities of rows whose classes are known. A share of nothing (a class that nobody has, or that
was never predicted) is 0; the AUC of a class that all rows or none have is not defined, and None.
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
    """Of one model on one file."""

    rows: int
    accuracy: float
    confusion: tuple[tuple[int, ...], ...]  # rows: what it is; columns: what was predicted
    classes: tuple[ClassMetrics, ...]

    @property
    def macro_f1(self) -> float:
        """The mean of the classes that occur."""
        return _mean([each.f1 for each in self.classes if each.rows])

    @property
    def auc(self) -> float | None:
        """Of two classes that of the second; of more, the mean of those that have one."""
        defined = [each.auc for each in self.classes if each.auc is not None]
        return self.classes[1].auc if len(self.classes) == 2 else (_mean(defined) if defined else None)

    def to_json(self) -> dict[str, object]:
        """What --json prints."""
        per_class = [
            {
                "label": c.label,
                "rows": c.rows,
                "precision": _short(c.precision),
                "recall": _short(c.recall),
                "f1": _short(c.f1),
                "auc": _short(c.auc),
            }
            for c in self.classes
        ]
        return {
            "rows": self.rows,
            "accuracy": _short(self.accuracy),
            "macro_f1": _short(self.macro_f1),
            "auc": _short(self.auc),
            "classes": per_class,
            "confusion": [list(row) for row in self.confusion],
        }


def measure(p: Probabilities, y: Ints, labels: tuple[str, ...] = ()) -> Metrics:
    """The metrics of probabilities p (n, classes) of rows whose classes are y (n,)."""
    classes = p.shape[1]
    predicted = p.argmax(axis=1)  # (n,)
    confusion = np.bincount(y * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    names = labels or tuple(map(str, range(classes)))
    each = tuple(_of_class(confusion, number, names[number], p[:, number], y) for number in range(classes))
    right = int(np.trace(confusion))
    return Metrics(len(y), right / len(y), tuple(map(tuple, confusion.tolist())), each)


def auc(scores: npt.NDArray[np.floating[Any]], positive: npt.NDArray[np.bool_]) -> float | None:
    """The chance that a positive row has the higher score than a negative one; equal scores count half."""
    count = int(positive.sum())
    if not 0 < count < len(positive):
        return None
    _, place, sizes = np.unique(scores, return_inverse=True, return_counts=True)  # ties share a rank
    last = np.cumsum(sizes)  # (distinct,)
    ranks = (last - (sizes - 1) / 2)[place]  # (n,) from 1 on, the mean of those that tie
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(positive) - count)))


def _of_class(confusion: Ints, number: int, label: str, scores: Probabilities, y: Ints) -> ClassMetrics:
    row, column = confusion[number], confusion[:, number]  # (classes,)
    right, is_it, said = int(row[number]), int(row.sum()), int(column.sum())
    precision, recall = right / said if said else 0.0, right / is_it if is_it else 0.0
    f1 = 2 * right / (is_it + said) if is_it + said else 0.0
    return ClassMetrics(label, is_it, precision, recall, f1, auc(scores, y == number))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
