"""client.py predict MODEL DATA: print the class of every row, or the number that a regression predicts.

Where the labels are there, it also prints how good the predictions are.
"""

from __future__ import annotations

import csv
import sys

import numpy as np

from roundelay.cli import exits, parser_base
from roundelay.cli.tables import describe_fit
from roundelay.client.error_translation import translated_errors
from roundelay.client.ring import load_model
from roundelay.ml.data import Ints
from roundelay.ml.metrics import Metrics, Probabilities, measure, measure_fit
from roundelay.ml.readers.inputs import Inputs, read_inputs
from roundelay.ml.readers.limits import limits_of
from roundelay.ml.readers.saved_model import SavedModel
from roundelay.node import shown


def run(chosen: parser_base.Namespace) -> int:
    """Predict the rows of a data set. Raises ClientError."""
    model = load_model(chosen.model)
    if model.is_regression:
        return _predict_numbers(chosen, model)
    names = model.class_names
    with translated_errors(), np.errstate(all="ignore"):
        found = read_inputs(chosen.file, model, limits=limits_of(chosen.max_file_bytes))
        p = np.concatenate([model.probabilities(block.astype(np.float32)) for block in found.blocks])  # (n, classes)
    _print_notes(found)
    metrics = None if found.y is None else measure(p, found.y, names)
    if chosen.json:
        print(shown.as_json(_about(model, names, p, metrics, found.y, chosen.probabilities)))
        return 0
    _print_rows(names, p, chosen.csv, chosen.probabilities)
    if metrics is not None:
        wrong = round(metrics.rows * (1 - metrics.accuracy))
        print(f"{wrong} of {metrics.rows} rows predicted wrongly: error {wrong / metrics.rows:.4f}", file=sys.stderr)
    return 0


def _predict_numbers(chosen: parser_base.Namespace, model: SavedModel) -> int:
    """Predict the targets of rows with a regression. Raises ClientError."""
    if chosen.probabilities:
        raise exits.Exit(exits.USAGE, f"--probabilities: {chosen.model} is a regression, which has none")
    with translated_errors(), np.errstate(all="ignore"):
        inputs = read_inputs(chosen.file, model, limits=limits_of(chosen.max_file_bytes))
        found = np.concatenate([model.targets(block.astype(np.float32)) for block in inputs.blocks])  # (n,)
    _print_notes(inputs)
    metrics = None if inputs.y is None else measure_fit(found, inputs.y)
    if chosen.json:
        about: dict[str, object] = {"rows": len(found)}
        about |= {} if metrics is None else {"metrics": metrics.to_json()}
        print(shown.as_json(about | {"model_sha256": model.sha256, "predictions": found.tolist()}))
        return 0
    lines = [f"{value:.7g}" for value in found.tolist()]
    heading = shown.line(model.encoding.label) if model.encoding and model.encoding.label else "prediction"
    print("\n".join([heading, *lines] if chosen.csv else lines))
    if metrics is not None:
        print(describe_fit(metrics), file=sys.stderr)
    return 0


def _print_notes(found: Inputs) -> None:
    for note in found.notes:
        print(note, file=sys.stderr)


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
