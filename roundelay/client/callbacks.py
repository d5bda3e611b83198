"""What a program hooks into a job: callbacks, called with each round, and metrics, measured after each round."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from roundelay.client.errors import InvalidRequest
from roundelay.store.blobs import Content

if TYPE_CHECKING:
    from roundelay.client.job import Job
    from roundelay.client.report import Round

Metric = Callable[[Any, Any], float]  # labels (n,), probabilities (n, classes) or predictions (n,) -> a number
WEIGHTS_MAX = 32  # of rounds that wait for slow callbacks; those of later rounds are fetched from the ring


class Callback(Protocol):
    """Called with every round as it finishes; a method `close`, if there is one, is called at the end.

    An error that it raises cancels the job and is raised where the job is watched.
    """

    def __call__(self, job: Job, each: Round, /) -> object:
        """Handle a finished round."""


def hooks_of(callbacks: Sequence[Callback], metrics: Mapping[str, Metric] | None) -> list[Callback]:
    """Return what a job calls with each round. Raises InvalidRequest for what cannot be called."""
    if metrics is not None and not isinstance(metrics, Mapping):
        raise InvalidRequest("metrics are a dict of functions of (labels, probabilities), by name")
    named: dict[str, object] = {f"metric {name}": each for name, each in (metrics or {}).items()}
    named |= {f"callback {number}": each for number, each in enumerate(callbacks, 1)}
    for name, each in named.items():
        if not callable(each):
            raise InvalidRequest(f"{name} is {each!r}, expected a function")
    return [*([Metrics(metrics)] if metrics else []), *callbacks]


class Metrics:
    """Measures functions on the validation rows after each round; `Job.history` shows the values."""

    def __init__(self, functions: Mapping[str, Metric]) -> None:
        self._functions = dict(functions)
        self.values: dict[int, dict[str, float]] = {}  # by round

    def __call__(self, job: Job, each: Round) -> None:
        """Measure the model of this round."""
        model, samples = job.model_of(each), job.validation_samples()
        with np.errstate(all="ignore"):
            proba = model.targets(samples.x) if model.is_regression else model.probabilities(samples.x)
        labels = samples.y if model.is_regression else model.classes[samples.y]  # (n,)
        self.values[each.number] = {name: float(measure(labels, proba)) for name, measure in self._functions.items()}


class CallbackRunner:
    """Calls a job's callbacks in a thread of its own: the job's thread must not wait for what they ask of the ring."""

    def __init__(self, call: Callable[[Round], None]) -> None:
        self.weights: dict[int, Content] = {}  # by round, of the rounds that wait
        self.failure: Exception | None = None
        self._call = call
        self._waiting: queue.SimpleQueue[Round | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="callbacks", daemon=True)
        self._thread.start()

    def add(self, each: Round, weights: Content) -> None:
        """Queue a round."""
        if weights and len(self.weights) < WEIGHTS_MAX:
            self.weights[each.number] = weights
        self._waiting.put(each)

    def finish(self) -> None:
        """Return when all rounds have been handled."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (each := self._waiting.get()) is not None:
            try:
                if self.failure is None:
                    self._call(each)
            except Exception as error:
                self.failure = error
            self.weights.pop(each.number, None)
