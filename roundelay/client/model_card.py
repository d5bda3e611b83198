"""The model card of a saved model, in Markdown: its data, its settings, its quality."""

from __future__ import annotations

import platform
from dataclasses import asdict
from pathlib import Path

from roundelay.client.report import JobReport
from roundelay.client.whole_file import whole_file
from roundelay.federation.site_scores import SitesEvaluation
from roundelay.federation.spec import JobSpec
from roundelay.ml.choices import MODELS
from roundelay.ml.metrics import FitMetrics, Metrics
from roundelay.ml.readers.saved_model import SavedModel

SHOWN_CLASSES_MAX = 40  # in the confusion matrix
VERSIONS = ("numpy", "thrift")


def card_path(model: Path) -> Path:
    """Return the path of a model's card, beside the model."""
    return model.with_name(f"{model.name}.md")


def write_card(model: Path, report: JobReport) -> None:
    """Write the card of the model that was saved at this path. Raises CannotWrite."""
    with whole_file(card_path(model)) as place:
        place.write_text("\n".join(_lines(model.name, report)))


def _lines(name: str, report: JobReport) -> list[str]:
    from importlib.metadata import version  # takes longer to import than a card to write

    spec, metrics = report.spec, report.metrics
    lines = [
        f"# {name}",
        "",
        f"- weights: SHA-256 `{report.model.sha256}`",
        f"- job: `{spec.job}`{f' ({spec.settings.name})' * bool(spec.settings.name)}",
        f"- model: {_network(spec, report.model)}, seed {spec.settings.seed}",
        f"- trained on {_count(spec.rows, 'row')} in {_count(len(spec.files), 'file')}, "
        f"{_count(len(report.rounds), 'round')}",
        f"- task: {spec.task}",
        f"- validation {report.kept.result.error_text}, in round {report.kept.number}, whose weights these are",
        "",
    ]
    if isinstance(metrics, FitMetrics):
        lines += _fit(metrics)
    elif metrics is not None:
        lines += _metrics(metrics)
    if spec.evaluate != "client":
        lines += _sites(report.kept.report.held_out, "Sites")
    if report.personal is not None:
        lines += _sites(report.personal.evaluation, f"Sites, their own models ({spec.settings.personal})")
    lines += ["## Settings", "", "| setting | value |", "| --- | --- |"]
    lines += _settings(spec)
    if spec.initial:
        lines += [f"| continued from | `{spec.initial}` |"]
    lines += ["", "## Data", "", "| file | rows | SHA-256 |", "| --- | --- | --- |"]
    lines += [f"| {f.name} | {f.rows} | `{f.digest}` |" for f in spec.all_files]
    versions = ", ".join(f"{package} {version(package)}" for package in VERSIONS)
    lines += [
        "",
        "The last file is the validation file. " * (spec.validation is not None)
        + f"Python {platform.python_version()}, {versions}, {platform.machine()}.",
        "",
    ]
    return lines


def _network(spec: JobSpec, model: SavedModel) -> str:
    """Describe a model by its layers; of one of the user's own these are not known."""
    name = spec.settings.model
    if name in MODELS:
        return f"{name}, sizes {'-'.join(map(str, spec.sizes))}"
    counts = (spec.features, "input"), (spec.classes or 1, "output"), (model.weights.size, "weight")
    return ", ".join([name, *(_count(number, what) for number, what in counts)])


def _settings(spec: JobSpec) -> list[str]:
    """Return the rows of the table of settings. Not every model has hidden layers."""
    given = asdict(spec.settings)
    if spec.settings.model not in MODELS:
        given = {("hidden, if the model reads it" if name == "hidden" else name): each for name, each in given.items()}
    elif spec.settings.model == "softmax":
        del given["hidden"]
    return [f"| {name} | {value} |" for name, value in given.items()]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _sites(found: SitesEvaluation, title: str) -> list[str]:
    """Return how well a model, or each site's own, does on the rows that each site holds out."""
    names = list(found.sites[0].numbers) if found.sites else ["error"]
    lines = [f"## {title}", "", f"| site | rows | {' | '.join(names)} |", "| --- " * (2 + len(names)) + "|"]
    for each in found.sites:
        told = ["-" if value is None else f"{value:.4f}" for value in each.numbers.values()]
        lines.append(f"| {each.site} | {each.rows} | {' | '.join(told)} |")
    return [*lines, "", *([f"{'; '.join(found.left_out)}.", ""] if found.left_out else [])]


def _fit(metrics: FitMetrics) -> list[str]:
    return [
        "## Quality",
        "",
        f"On {metrics.rows} rows, in the unit of the target: root mean square error {metrics.rmse:.6g}, mean absolute "
        f"error {metrics.mae:.6g}; R2 {metrics.r2:#.4g}.",
        "",
    ]


def _metrics(metrics: Metrics) -> list[str]:
    lines = [
        "## Quality",
        "",
        f"Accuracy {metrics.accuracy:.4f} on {metrics.rows} rows, macro F1 "
        f"{metrics.macro_f1:.4f}, AUC {_shown(metrics.auc)}.",
        "",
        "| class | rows | precision | recall | F1 | AUC |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {c.label} | {c.rows} | {c.precision:.4f} | {c.recall:.4f} | {c.f1:.4f} | {_shown(c.auc)} |"
        for c in metrics.classes
    ]
    if metrics.thresholds:
        lines += [
            "",
            f"{metrics.classes[1].label}, if its probability is at least:",
            "",
            "| probability | predicted | precision | recall | specificity | F1 |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for each in metrics.thresholds:
            shares = (each.precision, each.recall, each.specificity, each.f1)
            cells = (f"{each.probability:g}", str(each.predicted), *(f"{share:.4f}" for share in shares))
            lines.append(f"| {' | '.join(cells)} |")
    if len(metrics.classes) <= SHOWN_CLASSES_MAX:
        lines += [
            "",
            "Confusion matrix: rows are the true class, columns the predicted one.",
            "",
            "| | " + " | ".join(c.label for c in metrics.classes) + " |",
            "| --- " * (len(metrics.classes) + 1) + "|",
        ]
        lines += [
            f"| {c.label} | " + " | ".join(map(str, row)) + " |"
            for c, row in zip(metrics.classes, metrics.confusion, strict=True)
        ]
    return [*lines, ""]


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
