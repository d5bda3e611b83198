"""The size of training's steps: notice a round that diverges, and make it again with half the step.

A round diverges if a weight or a loss leaves the range of numbers, or if its training loss is above that of guessing
by class shares (in a regression, by the mean of the targets) and has not fallen; the first round may be above it by a
margin. A loss above it that stands is named. It stands, too, if half the step does not change it: losses are measured
before each step, so that of a training of one step is the loss of the weights before the round. How often the step has
been halved is part of a round's result, so the round after it starts where it ended: all of this is a pure function of
the spec and the results before, and the training loss is an exact mean (roundelay.ml.exact). A user's own --eta is
never changed; the round then only says what happens.
"""

from __future__ import annotations

import math

from roundelay.federation.errors import StepTooLarge
from roundelay.federation.spec import JobSpec
from roundelay.ml.choices import ETA_MIN

FIRST_LOSS_MARGIN = 1.0  # nats: initial weights guess with more confidence than they should
VARIANCE = 1.0  # of standardised targets: the squared error of guessing their mean
FIRST_ERROR_MARGIN = 2.0  # the variance of what initial weights predict
DIGITS = 6  # of the loss of guessing: the last bit of a logarithm may depend on the machine


def eta_of(spec: JobSpec, halvings: int) -> float:
    """Return the learning rate after this many halvings."""
    return max(ETA_MIN, spec.settings.eta * 0.5**halvings)


def guessing_loss(spec: JobSpec) -> float:
    """Return the mean loss of guessing each class with its share of the rows, or the mean of a regression's targets.

    If the rows of each class are unknown, or all classes count the same, every class has the same share.
    """
    if spec.task == "regression":
        return VARIANCE
    present = [rows for rows in spec.class_rows if rows]
    if not present or spec.settings.weighting != "none":
        return round(math.log(len(present) or spec.classes), DIGITS)
    total = sum(present)
    return round(-sum(rows / total * math.log(rows / total) for rows in present), DIGITS)


def _first_loss(spec: JobSpec) -> float:
    """Return the largest loss that initial weights may have."""
    if spec.task == "regression":
        return VARIANCE + FIRST_ERROR_MARGIN
    return round(math.log(spec.classes) + FIRST_LOSS_MARGIN, DIGITS)


class StepControl:
    """Decides whether one round's training is accepted; `halvings` is what to train with."""

    def __init__(self, spec: JobSpec, number: int, loss_before: float, halvings: int) -> None:
        """loss_before, halvings: of the round before this one."""
        self.halvings = halvings
        self.notices: list[str] = []
        self._spec = spec
        self._number = number
        self._guess = guessing_loss(spec)
        self._rejected = math.nan  # the loss of the last training that was made again
        self._limit = max(self._guess, loss_before if number > 1 else _first_loss(spec))

    def is_usual(self, loss: float) -> bool:
        """Return whether a training with this loss stands in any case."""
        return loss <= self._limit or self._spec.raw  # Flower clients report losses of any kind

    def accepts(self, loss: float) -> bool:
        """Return whether a training with this loss stands; if not, train again with the halvings as they are now."""
        if loss <= self._guess or self._spec.raw:
            return True
        what = f"training loss {loss:.4g} is above that of guessing, {self._guess:.4g}"
        if self.is_usual(loss):
            self.notices.append(f"{what}, but {self._hope()}")
            return True
        if loss == self._rejected:
            self.notices.append(
                f"{what}: half the step does not change it, so the weights before the round are too large"
            )
            return True
        if self._halve(what):
            self._rejected = loss
            return False
        self.notices.append(f"{what}: {self._advice()}")
        return True

    def reject(self, error: Exception) -> None:
        """Halve the step after a training that left the range of numbers. Raises StepTooLarge if it must not be."""
        if not self._halve(str(error)):
            raise StepTooLarge(f"round {self._number}: {error}: {self._advice()}") from error

    def _halve(self, why: str) -> bool:
        if self.halvings >= self._spec.settings.halvings:
            return False
        self.halvings += 1
        self.notices.append(f"{why}: trained again with eta {eta_of(self._spec, self.halvings):.3g}")
        return True

    def _hope(self) -> str:
        falls = "this is the first round" if self._number == 1 else "it falls"
        if self.halvings < self._spec.settings.halvings:
            return f"{falls}: otherwise the round is trained again with half the step"
        return f"{falls}; if it stays above: {self._advice()}"

    def _advice(self) -> str:
        eta = eta_of(self._spec, self.halvings)
        if self._spec.settings.halvings:
            return f"eta {eta:.3g} is already halved {self.halvings} times; check the features for extreme values"
        return f"eta {eta:.3g} is too large; try --eta {eta / 10:.2g}, or leave --eta out"
