"""A job's results, and the files that it writes of them at the end."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from roundelay.federation.records import RoundReport as RoundReport
from roundelay.federation.records import RoundResult
from roundelay.federation.spec import JobSpec
from roundelay.ml.data import Samples, moments_from_bytes
from roundelay.ml.metrics import Metrics, measure
from roundelay.ml.readers.saved_model import SavedModel


@dataclass
class JobReport:
    """A job's results, as they come in."""

    spec: JobSpec
    nodes: int
    rounds: list[tuple[RoundResult, RoundReport]] = field(default_factory=list)
    seconds: float = 0.0
    weights: bytes = b""
    moments: bytes = b""
    metrics: Metrics | None = None  # of the last round's model on the validation file

    def add(self, result: RoundResult, report: RoundReport) -> None:
        self.rounds.append((result, report))

    @property
    def validation_error(self) -> float:
        return self.rounds[-1][0].error

    @property
    def placement(self) -> dict[str, str]:
        """File name -> address of the node that trained it in the last round."""
        return dict(sorted(self.rounds[-1][1].placement.items()))

    def to_json(self) -> dict[str, object]:
        """What --json prints."""
        _, last = self.rounds[-1]
        return {
            "job": self.spec.job,
            "validation_error": self.validation_error,
            "files": len(self.spec.files),
            "nodes": self.nodes,
            "rounds": len(self.rounds),
            "seconds": round(self.seconds, 3),
            "model_sha256": model_of(self).sha256,
            "metrics": self.metrics.to_json() if self.metrics else None,
            "history": [_history(result, report) for result, report in self.rounds],
            "placement": self.placement,
            **({"node_errors": last.errors} if last.errors else {}),
        }


def write_history(path: Path, report: JobReport) -> None:
    """One line a round, as CSV. Raises OSError."""
    rows = [_history(result, done) for result, done in report.rounds]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_timing(path: Path, report: JobReport) -> None:
    """The seconds of the whole job, and of every round. Raises OSError."""
    lines = [f"job {report.seconds:.3f}", *(f"round {done.round} {done.seconds:.3f}" for _, done in report.rounds)]
    path.write_text("".join(f"{line}\n" for line in lines))


def model_of(report: JobReport) -> SavedModel:
    """The model that the last round has made."""
    weights = np.frombuffer(report.weights, "<f4").astype(np.float32)  # (parameters,)
    moments = moments_from_bytes(report.moments) if report.moments else None
    return SavedModel(report.spec.design, weights, moments, report.spec.labels)


def measured(report: JobReport, given: Samples) -> Metrics:
    """How the last round's model does on the validation rows."""
    model = model_of(report)
    with np.errstate(all="ignore"):
        return measure(model.probabilities(given.x), given.y, model.labels)


def write_curve(path: Path, report: JobReport) -> None:
    """The learning curve as a picture; needs the extra `plots`. Raises OSError, ImportError."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    rounds = [done.round for _, done in report.rounds]
    axes.plot(rounds, [result.error for result, _ in report.rounds], label="validation")
    axes.plot(rounds, [1 - done.training_accuracy for _, done in report.rounds], label="training")
    axes.set(xlabel="round", ylabel="error", ylim=(0, None))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def _history(result: RoundResult, done: RoundReport) -> dict[str, float | int]:
    own = {"worst_node_error": max(done.errors.values()), "spread": round(done.spread, 6)} if done.errors else {}
    return {
        "round": result.round,
        "validation_error": round(result.error, 6),
        "validation_loss": round(done.validation_loss, 6),
        "training_loss": round(done.training_loss, 6),
        "training_accuracy": round(done.training_accuracy, 6),
        "seconds": round(done.seconds, 4),
        "slowest_node_seconds": round(done.slowest_s, 4),
        **own,
    }
