"""A job's results, and the files written from them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from roundelay.client.history import draw_curve
from roundelay.client.whole_file import whole_file
from roundelay.federation.early_stopping import has_stopped, kept_round
from roundelay.federation.records import PersonalRecord, RoundReport, RoundResult
from roundelay.federation.site_scores import SitesEvaluation
from roundelay.federation.spec import JobSpec
from roundelay.ml import counts
from roundelay.ml.data import Samples, moments_from_bytes
from roundelay.ml.metrics import ERROR_MAX, FitMetrics, Metrics, measure, measure_confusion, measure_fit
from roundelay.ml.readers.encoding import encoding_from_json
from roundelay.ml.readers.saved_model import SavedModel, save
from roundelay.store.blobs import Content

FIT_NAMES = ("validation_rmse", "validation_mae", "validation_r2")


class Round(NamedTuple):
    """One finished round: its result, which does not depend on the nodes that trained it, and its report."""

    result: RoundResult
    report: RoundReport

    @property
    def number(self) -> int:
        """The round's number, from 1 on."""
        return self.result.round

    @property
    def validation_error(self) -> float:
        """The fraction of the validation rows that the round's model predicts wrongly; of a regression, the RMSE."""
        return self.result.error

    @property
    def scores(self) -> dict[str, float]:
        """The validation error by name; of a regression, RMSE, MAE and R2."""
        if self.result.fit:
            return dict(zip(FIT_NAMES, self.result.fit, strict=True))
        return {"validation_error": round(self.validation_error, 6)}

    def to_json(self) -> dict[str, Any]:
        """Return a row of the job's history."""
        report = self.report
        gossip = (
            {"worst_node_error": max(report.errors.values()), "spread": round(report.spread, 6)}
            if report.errors
            else {}
        )
        return {
            "round": self.number,
            **self.scores,
            "validation_loss": round(report.validation_loss, 6),
            "training_loss": round(report.training_loss, 6),
            **({} if self.result.fit else {"training_accuracy": round(report.training_accuracy, 6)}),
            "seconds": round(report.seconds, 4),
            "slowest_node_seconds": round(report.slowest_s, 4),
            "eta_halvings": self.result.halvings,
            **self._at_sites(),
            "notice": "; ".join(report.notices),
            **gossip,
        }

    def _at_sites(self) -> dict[str, Any]:
        """Return what the history tells of the sites' evaluation."""
        found = self.report.held_out
        if not found.rows:
            return {}
        worst = found.worst
        told = {"held_out_rows": found.rows, "sites_shown": len(found.sites), "sites_absent": len(found.absent)}
        if worst is None:
            return told | {"worst_site": "", "worst_site_error": ""}
        return told | {"worst_site": worst.site, "worst_site_error": round(worst.error, 6)}


@dataclass(frozen=True, repr=False)
class JobReport:
    """The results of a finished job."""

    spec: JobSpec
    nodes: int  # of the ring when the job was published
    rounds: tuple[Round, ...]
    model: SavedModel
    seconds: float = 0.0
    metrics: Metrics | FitMetrics | None = None  # of the model on the validation file, if it can be read
    personal: PersonalRecord | None = None  # of the sites' own models, where they are made after the rounds

    def __repr__(self) -> str:
        return f"<JobReport {self.spec.job[:8]}: {self.summary()}>"

    @cached_property
    def kept(self) -> Round:
        """The round whose model is the result."""
        number = kept_round(self.spec.settings, [each.result for each in self.rounds]).round
        return next(each for each in self.rounds if each.number == number)

    @property
    def own_models(self) -> SitesEvaluation | None:
        """How well the sites' own models do; None if they have none, or it was not recorded."""
        if self.spec.settings.personal == "head":
            return self.kept.report.held_out
        return self.personal.evaluation if self.personal is not None else None

    @property
    def has_stopped(self) -> bool:
        """Whether the job ended early, because its validation error no longer fell."""
        settings = self.spec.settings
        return len(self.rounds) < settings.rounds and has_stopped(settings, [each.result for each in self.rounds])

    @property
    def validation_error(self) -> float:
        """The validation error of the round that is kept; of a regression, its RMSE."""
        return self.kept.validation_error

    def summary(self) -> str:
        """Say what was trained, and which round's model is kept."""
        count, of = len(self.rounds), self.kept.number
        rounds = f"{count} round{'s' * (count != 1)}"
        if self.has_stopped:
            rounds += f", stopped as no better for {self.spec.settings.patience}"
        which = "" if of == count else f" of round {of}, the best,"
        return f"validation {self.kept.result.error_text}{which} after {rounds}"

    @cached_property
    def placement(self) -> dict[str, str]:
        """The address of the node that trained each file in the last round, by file name."""
        return dict(sorted(self.rounds[-1].report.placement.items()))

    def to_json(self) -> dict[str, object]:
        """Return what `client.py train --json` prints."""
        node_errors = self.rounds[-1].report.errors
        liars = [liar.address for liar in self.rounds[-1].report.liars]
        return {
            "job": self.spec.job,
            "name": self.spec.settings.name,
            "task": self.spec.task,
            **(self.kept.scores if self.kept.result.fit else {"validation_error": self.validation_error}),
            "files": len(self.spec.files),
            "nodes": self.nodes,
            "rounds": len(self.rounds),
            "kept_round": self.kept.number,
            "seconds": round(self.seconds, 3),
            "model_sha256": self.model.sha256,
            "metrics": self.metrics.to_json() if self.metrics else None,
            **({"sites": sites_to_json(self.kept.report.held_out)} if self.spec.evaluate != "client" else {}),
            **({"personal": self._own_to_json()} if self.spec.settings.personal != "none" else {}),
            "history": [each.to_json() for each in self.rounds],
            "placement": self.placement,
            **({"node_errors": node_errors} if node_errors else {}),
            **({"liars": liars} if self.spec.settings.verify else {}),
        }

    def _own_to_json(self) -> dict[str, object]:
        found = self.own_models
        return {"method": self.spec.settings.personal, **(sites_to_json(found) if found is not None else {})}


def sites_to_json(found: SitesEvaluation) -> dict[str, object]:
    """Return what --json tells of the sites' evaluation of the round that is kept."""
    worst = found.worst
    return {
        "rows": found.rows,
        "loss": round(counts.Counts(found.rows, found.loss).mean_loss, 6),
        "hidden": found.hidden,
        "absent": list(found.absent),
        "worst": worst.site if worst is not None else None,
        "mean_error": found.mean_error,
        "auc": found.auc,
        "sites": [{"site": each.site, "rows": each.rows, **each.numbers} for each in found.sites],
    }


def measure_at_sites(spec: JobSpec, kept: Round) -> Metrics | FitMetrics:
    """Return the metrics of a round's model on the rows that all sites hold out; of no row if none has answered."""
    found = kept.report.held_out
    if not spec.classes:
        rmse, mae, r2 = kept.result.fit or (ERROR_MAX, ERROR_MAX, -ERROR_MAX)
        return FitMetrics(found.rows, rmse, mae, r2)
    confusion = counts.matrix(counts.Counts(found.rows, cells=found.cells), spec.classes)
    return measure_confusion(np.array(confusion, np.int64), spec.labels, found.auc)


def model_from(spec: JobSpec, weights: Content, moments: bytes) -> SavedModel:
    """Return a job's model from the bytes that the ring stores. `moments` is empty if the model reads raw inputs."""
    array = np.frombuffer(weights[:], "<f4").astype(np.float32)  # (parameters,)
    encoding = encoding_from_json(spec.encoding) if spec.encoding else None
    return SavedModel(spec.design, array, moments_from_bytes(moments) if moments else None, spec.labels, encoding)


def measure_model(model: SavedModel, samples: Samples) -> Metrics | FitMetrics:
    """Return a model's metrics on these rows."""
    with np.errstate(all="ignore"):
        if model.is_regression:
            return measure_fit(model.targets(samples.x), samples.y)
        return measure(model.probabilities(samples.x), samples.y, model.class_names)


def save_model(path: str | Path, model: SavedModel, form: str | None = None) -> None:
    """Write a model as .npz or .safetensors: as `form` says, else as the path ends. Raises CannotWrite."""
    target = Path(path)
    with whole_file(target) as place:
        save(place, model, form or target.suffix.removeprefix("."))


def write_history(path: Path, report: JobReport) -> None:
    """Write one line a round, as CSV. Raises CannotWrite."""
    rows = [each.to_json() for each in report.rounds]
    with whole_file(path) as place, place.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)


def write_timing(path: Path, report: JobReport) -> None:
    """Write the seconds of the whole job and of every round. Raises CannotWrite."""
    lines = [f"job {report.seconds:.3f}", *(f"round {r.number} {r.report.seconds:.3f}" for r in report.rounds)]
    with whole_file(path) as place:
        place.write_text("".join(f"{line}\n" for line in lines))


def write_curve(path: Path, report: JobReport) -> None:
    """Draw the learning curve. Raises CannotWrite. Needs matplotlib."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = draw_curve([each.to_json() for each in report.rounds], figure.subplots())
    axes.plot([report.kept.number], [report.validation_error], "o", color="C0", label="kept")
    axes.legend()
    with whole_file(path) as place:
        figure.savefig(place, dpi=150, format=path.suffix.removeprefix(".") or "png")
