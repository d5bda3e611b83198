"""Callbacks that write a job to an experiment tracker: TensorBoard, MLflow, Weights & Biases, or trace its rounds.

    ring.train(x, y, callbacks=[TensorBoard("runs")])

Each needs its extra (`tensorboard`, `mlflow`, `wandb`, `otel`), which is imported when the callback is made. A tracker
gets the settings of the job once, and the numbers of a row of `Job.history` for each round.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any

from roundelay.client.errors import MissingExtra
from roundelay.federation.effects import NS_PER_S

if TYPE_CHECKING:
    from roundelay.client.job import Job
    from roundelay.client.report import Round


class TensorBoard:
    """Writes event files below a folder, one folder for each job; `tensorboard --logdir FOLDER` shows them."""

    def __init__(self, folder: str | PathLike[str] = "runs") -> None:
        self._module = _imported("tensorboardX", "tensorboard")
        self._folder = str(folder)
        self._writer: Any = None

    def __call__(self, job: Job, each: Round) -> None:
        """Write a round."""
        if self._writer is None:
            self._writer = self._module.SummaryWriter(f"{self._folder}/{_name(job)}")
            self._writer.add_text("settings", "\n".join(f"- {key}: {value}" for key, value in _settings(job).items()))
        for key, value in _numbers(each).items():
            self._writer.add_scalar(key, value, each.number)

    def close(self) -> None:
        """Write what is left to the files."""
        if self._writer is not None:
            self._writer.close()


class MLflow:
    """Writes a run of an MLflow experiment, to a server or folder (`tracking_uri`; default: as MLflow is set up)."""

    def __init__(self, experiment: str = "roundelay", tracking_uri: str | None = None) -> None:
        self._client = _imported("mlflow", "mlflow").MlflowClient(tracking_uri)
        self._experiment = experiment
        self._run = ""

    def __call__(self, job: Job, each: Round) -> None:
        """Write a round."""
        if not self._run:
            found = self._client.get_experiment_by_name(self._experiment)
            number = found.experiment_id if found is not None else self._client.create_experiment(self._experiment)
            self._run = self._client.create_run(number, run_name=_name(job)).info.run_id
            for key, value in _settings(job).items():
                self._client.log_param(self._run, key, value)
        for key, value in _numbers(each).items():
            self._client.log_metric(self._run, key, value, step=each.number)

    def close(self) -> None:
        """End the run."""
        if self._run:
            self._client.set_terminated(self._run)


class WandB:
    """Writes a run of Weights & Biases; offline by default: `wandb sync` uploads it."""

    def __init__(self, project: str = "roundelay", mode: str = "offline", folder: str | PathLike[str] = ".") -> None:
        self._module = _imported("wandb", "wandb")
        self._project, self._mode, self._folder = project, mode, str(folder)
        self._run: Any = None

    def __call__(self, job: Job, each: Round) -> None:
        """Write a round."""
        if self._run is None:
            self._run = self._module.init(
                project=self._project, name=_name(job), config=_settings(job), mode=self._mode, dir=self._folder
            )
        self._run.log(_numbers(each), step=each.number)

    def close(self) -> None:
        """End the run."""
        if self._run is not None:
            self._run.finish()


class OpenTelemetry:
    """Traces rounds with the program's tracer provider: a span for each round, and in it one for each node's training.

    The job's id and the round are attributes; what failed and was recovered from are events. A round's spans are made
    when it has ended, from the seconds in its REPORT.
    """

    def __init__(self) -> None:
        self._trace = _imported("opentelemetry.trace", "otel")
        self._tracer = self._trace.get_tracer("roundelay")

    def __call__(self, job: Job, each: Round) -> None:
        """Trace a round."""
        report = each.report
        end = time.time_ns()
        start = end - int(report.seconds * NS_PER_S)
        about = {"job": job.id, "round": each.number, "validation_error": each.validation_error}
        span = self._tracer.start_span("round", start_time=start, attributes=about | {"driver": report.driver})
        for line in report.disturbances:
            span.add_event(line, timestamp=end)
        inside = self._trace.set_span_in_context(span)
        for node, seconds in report.trained_s.items():
            files = sum(address == node for address in report.placement.values())
            about_node = {"node": node, "files": files}
            child = self._tracer.start_span("train", context=inside, start_time=start, attributes=about_node)
            child.end(start + int(seconds * NS_PER_S))
        span.end(end)


def _imported(module: str, extra: str) -> Any:
    """Import a tracker. Raises MissingExtra."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(f"{module} is not installed: python3 -m pip install 'roundelay[{extra}]'") from error


def _name(job: Job) -> str:
    return job.id[:8]


def _settings(job: Job) -> dict[str, Any]:
    """Return the settings of a job, as trackers show them: numbers and words."""
    plain = asdict(job.spec.settings)
    return {key: ",".join(map(str, value)) if isinstance(value, tuple) else value for key, value in plain.items()}


def _numbers(each: Round) -> dict[str, float]:
    """Return the numbers of a round."""
    row = {key: value for key, value in each.to_json().items() if key != "round"}
    return {key: float(value) for key, value in row.items() if isinstance(value, int | float)}
