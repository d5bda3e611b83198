"""What a job shows while it runs (on standard error), and what it prints and writes at the end."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from federation.records import Report as RoundReport
from federation.records import Result
from federation.spec import JobSpec
from ml.data import Samples, moments_from_bytes
from ml.metrics import Metrics, measure
from ml.readers.model import Model
from node.console import console


@dataclass
class Report:
    """A job's results, as they come in."""

    spec: JobSpec
    nodes: int
    rounds: list[tuple[Result, RoundReport]] = field(default_factory=list)
    seconds: float = 0.0
    weights: bytes = b""
    moments: bytes = b""
    metrics: Metrics | None = None  # of the last round's model on the validation file

    def add(self, result: Result, report: RoundReport) -> None:
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


class Screen:
    """Notes and progress on standard error, results on standard output."""

    def __init__(self, json_only: bool) -> None:
        self._json_only = json_only
        self._out = console()
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"), console=self._err, disable=not self._err.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Screen:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._progress.stop()

    def note(self, line: str) -> None:
        """Something worth knowing, once."""
        self._err.print(line, markup=False)

    def begin(self, what: str, total: int) -> None:
        """A new bar."""
        self._task = self._progress.add_task(what, total=total, note="")

    def bar(self, what: str) -> Callable[[int, int], None]:
        """A bar of its own: tell it how much of how much is done."""
        tasks: list[TaskID] = []

        def tell(done: int, total: int) -> None:
            if not tasks:
                tasks.append(self._progress.add_task(what, total=total, note=""))
            self._progress.update(tasks[0], completed=done, total=total)

        return tell

    def advance(self, note: str) -> None:
        """One step of the bar that was begun last."""
        if self._task is not None:
            self._progress.update(self._task, advance=1, note=note)

    def round(self, report: Report, result: Result, done: RoundReport) -> None:
        """A round has come in."""
        report.add(result, done)
        self.advance(f"validation error {result.error:.4f}{_among_nodes(done)}")
        for disturbance in done.disturbances:
            self.note(f"round {done.round}: {disturbance}")
        if not self._err.is_terminal:
            self.note(f"round {done.round} of {report.spec.settings.rounds}: validation error "
                      f"{result.error:.4f}{_among_nodes(done)}, {done.seconds:.2f} s")

    def result(self, report: Report) -> None:
        """The end: one line of JSON, or a table; below the bars, which move no more."""
        self._progress.stop()
        if self._json_only:
            print(json.dumps(report.to_json()))
            return
        self._out.print(_table(report))
        self._out.print(f"validation error {report.validation_error:.4f} after {len(report.rounds)} rounds, "
                        f"{report.seconds:.1f} s\nmodel {model_of(report).sha256}")
        if report.metrics is not None:
            self._out.print(_metrics_table(report.metrics))


def write_history(path: Path, report: Report) -> None:
    """One line a round, as CSV. Raises OSError."""
    rows = [_history(result, done) for result, done in report.rounds]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_timing(path: Path, report: Report) -> None:
    """The seconds of the whole job, and of every round. Raises OSError."""
    lines = [f"job {report.seconds:.3f}", *(f"round {done.round} {done.seconds:.3f}" for _, done in report.rounds)]
    path.write_text("".join(f"{line}\n" for line in lines))


def model_of(report: Report) -> Model:
    """The model that the last round has made."""
    weights = np.frombuffer(report.weights, "<f4").astype(np.float32)  # (parameters,)
    moments = moments_from_bytes(report.moments) if report.moments else None
    return Model(report.spec.design, weights, moments, report.spec.labels)


def measured(report: Report, given: Samples) -> Metrics:
    """How the last round's model does on the validation rows."""
    model = model_of(report)
    with np.errstate(all="ignore"):
        return measure(model.probabilities(given.x), given.y, model.labels)


def write_curve(path: Path, report: Report) -> None:
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


def _among_nodes(done: RoundReport) -> str:
    """Where each node has a model of its own."""
    if not done.errors:
        return ""
    return f" (nodes {min(done.errors.values()):.4f} to {max(done.errors.values()):.4f}, spread {done.spread:.4f})"


def _history(result: Result, done: RoundReport) -> dict[str, float | int]:
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


def _metrics_table(metrics: Metrics) -> Table:
    table = Table(title=f"accuracy {metrics.accuracy:.4f}, macro F1 {metrics.macro_f1:.4f}", title_justify="left")
    for heading in ("class", "rows", "precision", "recall", "F1", "AUC"):
        table.add_column(heading)
    for each in metrics.classes:
        auc = "-" if each.auc is None else f"{each.auc:.4f}"
        table.add_row(each.label, str(each.rows), *(f"{v:.4f}" for v in (each.precision, each.recall, each.f1)), auc)
    return table


def _table(report: Report) -> Table:
    table = Table(title="which node trained which files", title_justify="left")
    for heading in ("node", "files", "names"):
        table.add_column(heading)
    by_node = Counter(report.placement.values())
    for node, count in sorted(by_node.items()):
        names = ", ".join(name for name, address in report.placement.items() if address == node)
        table.add_row(node, str(count), names)
    return table
