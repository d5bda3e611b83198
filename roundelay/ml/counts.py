"""Exact counts of how well a model predicts rows. Sums of them do not depend on how the rows are grouped.

Each site counts on the rows that it holds out; added up, the counts give the metrics of all these rows together. The
AUC compares rows of different sites: of two classes, it follows from how many rows of each have which score, rounded to
SCORE_STEPS; it is exactly that of the rounded scores.
"""

from __future__ import annotations

import json
import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from roundelay.ml.data import Array, Doubles, Ints, Labels
from roundelay.ml.design import WIDTH_MAX
from roundelay.ml.errors import BadTask
from roundelay.ml.exact import LOSS_MAX
from roundelay.ml.float_sums import UNIT_BITS, exact_sum, from_hex
from roundelay.ml.metrics import ERROR_MAX, FitMetrics
from roundelay.ml.task import ROWS_MAX

SCORE_STEPS, SCORE_MAX = 32, 32  # of log-odds: steps in each unit, and the largest that are told apart
LOSS_BITS = 20  # after the point of a row's loss, which is rounded to them
COUNTS_BYTES_MAX = 16 << 20
FIT_SIGNS = (False, False, True, False)  # of the sums of a regression, which of them may be negative
RESIDUAL_MAX = 1e150  # its square is still a number

Cell = tuple[int, int, int]  # true class, predicted class, rows
Score = tuple[int, int, int]  # log-odds of the second class in steps, rows of the first class, rows of the second


@dataclass(frozen=True)
class Counts:
    """Counts of some rows.

    loss: the sum of their losses, in units of 2^-LOSS_BITS. cells: of a classifier, the confusion matrix without zeros.
    fit: of a regression, the exact sums of squared and absolute errors, of targets and of squared targets (float_sums).
    scores: of two classes, the rows by their score.
    """

    rows: int = 0
    loss: int = 0
    cells: tuple[Cell, ...] = ()
    fit: tuple[int, ...] = ()
    scores: tuple[Score, ...] = ()

    def __add__(self, other: Counts) -> Counts:
        cells: Counter[tuple[int, int]] = Counter()
        for true, predicted, rows in (*self.cells, *other.cells):
            cells[true, predicted] += rows
        fit = tuple(map(operator.add, self.fit, other.fit)) if self.fit and other.fit else self.fit or other.fit
        negative, positive = Counter[int](), Counter[int]()
        for step, first, second in (*self.scores, *other.scores):
            negative[step] += first
            positive[step] += second
        scores = _scores(negative, positive)
        return Counts(self.rows + other.rows, self.loss + other.loss, _cells(cells), fit, scores)

    @property
    def errors(self) -> int:
        """The rows that are predicted wrongly; 0 in a regression."""
        return sum(rows for true, predicted, rows in self.cells if true != predicted)

    @property
    def mean_loss(self) -> float:
        return self.loss / (self.rows << LOSS_BITS) if self.rows else 0.0

    @property
    def error(self) -> float:
        return self.errors / self.rows if self.rows else 1.0

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes that occur."""
        actual, said, right = Counter[int](), Counter[int](), Counter[int]()
        for true, predicted, rows in self.cells:
            actual[true] += rows
            said[predicted] += rows
            right[true] += rows * (true == predicted)
        return sum(2 * right[each] / (actual[each] + said[each]) for each in actual) / len(actual) if actual else 0.0

    @property
    def auc(self) -> float | None:
        """The probability that a row of the second class has a larger score than one of the first; equal ones half.

        None unless there are two classes, and both occur.
        """
        below = twice = 0  # rows of the first class below; pairs in order, and half of those that tie, doubled
        for _, first, second in self.scores:
            twice += second * (2 * below + first)
            below += first
        pairs = below * sum(second for *_, second in self.scores)
        from fractions import Fraction  # which trainers seldom need

        return float(Fraction(twice, 2 * pairs)) if pairs else None

    @property
    def fit_metrics(self) -> FitMetrics:
        """RMSE, MAE and R2, each rounded once."""
        from fractions import Fraction

        squared, absolute, total, squares = (Fraction(each, 1 << UNIT_BITS) for each in self.fit)
        variance = squares - total * total / self.rows
        r2 = 1 - float(min(squared / variance, Fraction(ERROR_MAX))) if variance else float(not squared)
        return FitMetrics(self.rows, float(squared / self.rows) ** 0.5, float(absolute / self.rows), r2)

    def to_bytes(self, auc: float | None = None) -> bytes:
        """Encode counts, with the AUC of the same rows where it is defined."""
        raw = {"rows": self.rows, "loss": self.loss, "cells": self.cells, "fit": list(map(hex, self.fit)), "auc": auc}
        raw["scores"] = self.scores
        return json.dumps(raw).encode()


def of_classes(scores: Array, losses: Array, y: Ints) -> Counts:
    """Count the rows of a classifier by their scores (n, classes), losses (n,) and classes (n,)."""
    counted = Counter(zip(y.tolist(), scores.argmax(axis=1).tolist(), strict=True))
    steps = _steps(scores) if scores.shape[1] == 2 else y[:0]
    found = _scores(Counter(steps[y[: len(steps)] == 0].tolist()), Counter(steps[y[: len(steps)] == 1].tolist()))
    return Counts(len(y), _units(losses), _cells(counted), scores=found)


def of_targets(predictions: Doubles, losses: Array, y: Labels) -> Counts:
    """Count the rows of a regression by predictions (n,) and targets (n,) in the target's unit, and losses (n,)."""
    true = y.astype(np.float32).astype(np.float64)  # (n,) squares of 24 bits are exact in float64: see from_bytes
    with np.errstate(all="ignore"):
        residual = np.nan_to_num(predictions - true, nan=ERROR_MAX, posinf=ERROR_MAX, neginf=-ERROR_MAX)
        residual = np.clip(residual, -RESIDUAL_MAX, RESIDUAL_MAX)  # its square stays finite
    sums = (np.square(residual), np.abs(residual), true, np.square(true))
    return Counts(len(y), _units(losses), fit=tuple(map(exact_sum, sums)))


def from_bytes(content: bytes) -> tuple[Counts, float | None]:
    """Decode what Counts.to_bytes wrote. Raises BadTask unless these can be the counts of some rows."""
    if len(content) > COUNTS_BYTES_MAX:
        raise BadTask(f"counts of {len(content)} bytes, at most {COUNTS_BYTES_MAX}")
    try:
        raw = json.loads(content)
        cells = tuple((_number(t), _number(p), _number(n)) for t, p, n in raw["cells"])
        rows = _number(raw["rows"])
        signs = FIT_SIGNS if raw["fit"] else ()
        fit = tuple(from_hex(each, rows, signed) for each, signed in zip(raw["fit"], signs, strict=True))
        scores = tuple((_whole(s), _number(first), _number(second)) for s, first, second in raw["scores"])
        counts = Counts(rows, int(raw["loss"]), cells, fit, scores)
        auc = None if raw["auc"] is None else float(raw["auc"])
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        raise BadTask(f"malformed counts: {error}") from error
    largest = round(LOSS_MAX * (1 << LOSS_BITS)) * counts.rows
    if counts.rows > ROWS_MAX or abs(counts.loss) > largest or not (auc is None or 0 <= auc <= 1):
        raise BadTask("malformed counts: rows, loss or AUC are out of range")
    if fit and (cells or fit[2] ** 2 > (counts.rows * fit[3] << UNIT_BITS)):
        raise BadTask("malformed counts: the sums of a regression contradict each other")
    if not fit and sum(each for *_, each in cells) != counts.rows:
        raise BadTask("malformed counts: the confusion matrix has other rows")
    if scores and not _fit_together(counts):
        raise BadTask("malformed counts: the scores are of other rows")
    if any(max(true, predicted) >= WIDTH_MAX for true, predicted, _ in cells):
        raise BadTask("malformed counts: no such class")
    return counts, auc


def check(counts: Counts, classes: int) -> None:
    """Raise BadTask unless these can be counts of this many classes, or of a regression: 0."""
    if counts.rows and bool(counts.fit) == bool(classes):
        raise BadTask(f"counts of a {'regression' if classes else 'classification'}, but the job is the other kind")
    if any(max(true, predicted) >= classes for true, predicted, _ in counts.cells):
        raise BadTask(f"counts of a class that is not one of {classes}")
    if counts.rows and bool(counts.scores) != (classes == 2):
        raise BadTask(f"counts with{'' if counts.scores else 'out'} scores, of {classes} classes")


def _fit_together(counts: Counts) -> bool:
    """Return whether scores are in order and within range, and of the rows of two classes."""
    steps, largest = [step for step, *_ in counts.scores], SCORE_STEPS * SCORE_MAX
    of_class = [sum(rows for true, _, rows in counts.cells if true == each) for each in (0, 1)]
    of_scores = [sum(each[at] for each in counts.scores) for at in (1, 2)]
    in_order = steps == sorted(set(steps)) and max(map(abs, steps)) <= largest
    return in_order and of_class == of_scores and sum(of_class) == counts.rows


def total(parts: Iterable[Counts]) -> Counts:
    """Return the counts of all rows together."""
    return sum(parts, Counts())


def _cells(counted: Counter[tuple[int, int]]) -> tuple[Cell, ...]:
    return tuple(sorted((true, predicted, rows) for (true, predicted), rows in counted.items() if rows))


def _scores(negative: Counter[int], positive: Counter[int]) -> tuple[Score, ...]:
    """Return rows by their score, from the rows of each class by it."""
    return tuple((step, negative[step], positive[step]) for step in sorted({*negative, *positive}))


def _steps(scores: Array) -> Ints:
    """Return the log-odds of the second class of two in steps: (n, 2) -> (n,)."""
    with np.errstate(all="ignore"):
        odds = np.nan_to_num(scores[:, 1].astype(np.float64) - scores[:, 0].astype(np.float64))
    return np.rint(np.clip(odds, -SCORE_MAX, SCORE_MAX) * SCORE_STEPS).astype(np.int64)


def _units(losses: Array) -> int:
    """Return the sum of losses, each rounded by itself; what is not finite counts as the largest."""
    limited = np.nan_to_num(losses.astype(np.float64), nan=LOSS_MAX, posinf=LOSS_MAX, neginf=-LOSS_MAX)
    return int(np.rint(np.ldexp(np.clip(limited, -LOSS_MAX, LOSS_MAX), LOSS_BITS)).astype(np.int64).sum())


def _number(raw: object) -> int:
    if type(raw) is not int or raw < 0:
        raise ValueError(f"{raw!r} is not a count")
    return raw


def _whole(raw: object) -> int:
    if type(raw) is not int:
        raise ValueError(f"{raw!r} is not a score in steps")
    return raw


def matrix(counts: Counts, classes: int) -> Sequence[Sequence[int]]:
    """Return the whole confusion matrix: rows are true classes, columns predicted ones."""
    made = [[0] * classes for _ in range(classes)]
    for true, predicted, rows in counts.cells:
        if max(true, predicted) < classes:
            made[true][predicted] = rows
    return made
