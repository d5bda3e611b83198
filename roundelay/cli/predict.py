"""client.py predict MODEL DATA: print the class of every row and, where the classes are there, how many are right."""

from __future__ import annotations

import csv
import sys

import numpy as np

from roundelay.cli import parser_base
from roundelay.client.error_translation import translated_errors
from roundelay.client.ring import load_model
from roundelay.ml.data import Ints
from roundelay.ml.metrics import Metrics, Probabilities, measure
from roundelay.ml.readers.inputs import read_inputs
from roundelay.ml.readers.saved_model import SavedModel
from roundelay.node import shown


def run(chosen: parser_base.Namespace) -> int:
    """Predict the rows of a data set. Raises ClientError."""
    model = load_model(chosen.model)
    names = model.class_names
    with translated_errors(), np.errstate(all="ignore"):
        found = read_inputs(chosen.file, model)
        p = np.concatenate([model.probabilities(block.astype(np.float32)) for block in found.blocks])  # (n, classes)
    metrics = None if found.y is None else measure(p, found.y, names)
    if chosen.json:
        print(shown.as_json(_about(model, names, p, metrics, found.y, chosen.probabilities)))
        return 0
    _print_rows(names, p, chosen.csv, chosen.probabilities)
    if metrics is not None:
        wrong = round(metrics.rows * (1 - metrics.accuracy))
        print(f"{wrong} of {metrics.rows} rows predicted wrongly: error {wrong / metrics.rows:.4f}", file=sys.stderr)
    return 0


def _print_rows(names: tuple[str, ...], p: Probabilities, as_csv: bool, with_probabilities: bool) -> None:
    """Print a line for each row: its class, and the probability of each class."""
    lines = csv.writer(sys.stdout, lineterminator="\n")
    if as_csv:
        lines.writerow(["class", *(names if with_probabilities else ())])
    for row, best in zip(p.tolist(), p.argmax(axis=1).tolist(), strict=True):
        lines.writerow([names[best], *(f"{value:.6g}" for value in row if with_probabilities)])


def _about(
    model: SavedModel,
    names: tuple[str, ...],
    p: Probabilities,
    metrics: Metrics | None,
    y: Ints | None,
    with_probabilities: bool,
) -> dict[str, object]:
    best = p.argmax(axis=1)  # (n,)
    about: dict[str, object] = {"rows": len(p)}
    if metrics is not None and y is not None:
        wrong = int(np.count_nonzero(best != y))
        about |= {"errors": wrong, "error": wrong / len(p), "metrics": metrics.to_json()}
    about |= {
        "model_sha256": model.sha256,
        "classes": [names[number] for number in best.tolist()] if model.labels else best.tolist(),
    }
    return about | ({"probabilities": np.round(p, 6).tolist()} if with_probabilities else {})
