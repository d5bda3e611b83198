"""Models of sites' own: the error of each site under the shared model, its last layer at home, Ditto and fine-tuning.

    python -m bench personal [--json]

The shipped letters are split into sites (roundelay/ml/partition.py) whose files are read, trained and evaluated in one
process with the arithmetic of nodes and drivers: a ring would give the same bits. Writes docs/results/personal.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.figures import Limit, Line, Table, broken_limits
from bench.machine import short_sentence
from bench.report import markdown_table, write
from roundelay.federation import replay, result_sums, round_tasks
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.replay import NOBODY
from roundelay.federation.requests import Progress, TrainingFile, trainer_task
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.ml import partition
from roundelay.ml.choices import HOLDOUT_DEFAULT, PERSONAL_METHODS
from roundelay.ml.counts import Counts
from roundelay.ml.readers.reading import Reading
from roundelay.ml.readers.source import number_labels
from roundelay.ml.task import TrainerTask
from roundelay.ml.worker import Worker
from roundelay.node.subprocesses import ROOT
from roundelay.store.blobs import digest_of

CASES = ((0.1, 1), (0.1, 2), (0.1, 3), (0.5, 1), (100.0, 1))  # Dirichlet's alpha and the seed of the split
SITES, ROUNDS, CLASSES, FEATURES = 16, 30, 26, 16
COMMON: dict[str, Any] = {"hidden": (64,), "epochs": 2, "eta": 0.1, "rounds": ROUNDS}  # those of bench noniid
LETTERS = ROOT / "letters"
HELD_OUT = LETTERS / "validate_letters.txt"
ERROR_MAX = 0.06  # the mean of the sites with the first alpha, of the better of LIMITED
LIMITED = ("--personal head", "--personal ditto")
SHARED = "shared model"

Found = dict[str, list[Counts]]  # by method, of each site


@dataclass(frozen=True)
class Split:
    """The sites' files in a worker, and a job on them that has no models of sites' own."""

    spec: JobSpec
    worker: Worker
    moments: bytes


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m bench personal", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    began = time.process_time()
    found = {case: measure(*case) for case in CASES}
    means = {case: {name: mean_error(sites) for name, sites in each.items()} for case, each in found.items()}
    not_held = broken_limits([judged(means)])
    text = document(found[CASES[0]], means)
    write("personal.md", text)
    shown = {f"alpha {alpha:g}, seed {seed}": rounded(each) for (alpha, seed), each in means.items()}
    seconds = round(time.process_time() - began, 1)
    result = {"bench": "personal", "cpu_seconds": seconds, "mean_site_errors": shown, "not_held": not_held}
    print(json.dumps(result) if chosen.json else text)
    return 1 if not_held else 0


def measure(alpha: float, seed: int) -> Found:
    """Return what the sites count, under the shared model and under those of their own."""
    with tempfile.TemporaryDirectory(prefix="roundelay-personal-") as folder:
        split = read(write_sites(Path(folder), alpha, seed))
        *_, shared = replay.rounds(split.spec, split.moments, split.worker)
        found = {SHARED: [evaluate(split, shared, file) for file in split.spec.files]}
        for method in PERSONAL_METHODS[1:]:
            own = replace(split, spec=with_method(split.spec, method))
            weights = shared
            if method == "head":
                *_, weights = replay.rounds(own.spec, own.moments, own.worker)
            found[f"--personal {method}"] = [evaluate_own(own, weights, file) for file in own.spec.files]
    return found


def write_sites(folder: Path, alpha: float, seed: int) -> list[Path]:
    """Split the letters by Dirichlet(alpha) into a folder for each site."""
    rows = partition.read(LETTERS, CLASSES, HELD_OUT)
    labels, _ = number_labels(rows.values)
    made = []
    for number, part in enumerate(partition.split(labels, SITES, "dirichlet", seed, alpha=alpha)):
        made.append(folder / f"site-{number:02d}" / "letters.txt")
        made[-1].parent.mkdir()
        made[-1].write_bytes(b"".join(rows.lines[row] + b"\n" for row in part))
    return made


def read(paths: Sequence[Path]) -> Split:
    """Read the sites' files, of which each holds out a share, as a job on private data does."""
    labels = tuple(map(str, range(CLASSES)))
    reading, worker, files = Reading("letters", labels=labels, holdout=HOLDOUT_DEFAULT).to_json(), Worker(), []
    for index, path in enumerate(paths):
        digest = digest_of(path.read_bytes())
        rows = worker.add_private(digest, path.parent, path.name, index, reading)
        files.append(TrainingFile(index, f"{path.parent.name}~{path.name}", digest, path.stat().st_size, rows))
    homes = tuple(path.parent.name for path in paths)
    spec = JobSpec(
        Settings(**COMMON),
        tuple(files),
        None,
        FEATURES,
        CLASSES,
        pinned="letters",
        homes=homes,
        reading=reading,
        evaluate="sites",
    )
    sums = worker.moments([file.digest for file in files]).to_bytes()
    moments = result_sums.moments_of(spec, [PartialResult(NOBODY, spec.files, Progress("done"), sums)])
    return Split(spec, worker, moments)


def with_method(spec: JobSpec, method: str) -> JobSpec:
    return replace(spec, settings=replace(spec.settings, personal=method))  # type: ignore[arg-type]


def evaluate(split: Split, weights: bytes, file: TrainingFile) -> Counts:
    """Return what a site counts under the shared model."""
    task = TrainerTask(round_tasks.plan(split.spec), moments=split.moments)
    return split.worker.count_held_out(task, weights, [file.digest])[0]


def evaluate_own(split: Split, weights: bytes, file: TrainingFile) -> Counts:
    """Return what a site counts under its own model."""
    task = round_tasks.personal_task(split.spec, split.moments, 0)
    return split.worker.count_personal(trainer_task(task, ROUNDS, (file,)), weights)[0]


def mean_error(sites: Sequence[Counts]) -> float:
    """Return the mean of the sites' errors, each site counting once."""
    return sum(each.error for each in sites) / len(sites)


def rounded(errors: Mapping[str, float]) -> dict[str, float]:
    return {name: round(error, 4) for name, error in errors.items()}


def judged(means: Mapping[tuple[float, int], Mapping[str, float]]) -> Table:
    """Return each method beside the shared model, and the limit of LIMITED, where sites differ most."""
    lines = list[Line]()
    for (alpha, seed), errors in means.items():
        if alpha != CASES[0][0]:
            continue
        shared, limit = errors[SHARED], Limit(1.0, at_least=False, strict=True)
        own = {name: error for name, error in errors.items() if name != SHARED}
        lines += [Line(f"seed {seed}: {n}", "", e, SHARED, shared, e / shared, limit) for n, e in own.items()]
        best = min(errors[name] for name in LIMITED)
        lines.append(Line(f"seed {seed}: the better of head and ditto", "", best, limit=Limit(ERROR_MAX, False)))
    return Table(f"Limits, for alpha {CASES[0][0]:g}: mean error of the sites", tuple(lines))


def document(first: Found, means: Mapping[tuple[float, int], Mapping[str, float]]) -> str:
    methods, (alpha, seed) = list(first), CASES[0]
    settings = Settings()
    by_case = [(f"{a:g}", s, *(f"{errors[name]:.4f}" for name in methods)) for (a, s), errors in means.items()]
    by_site = [
        (number, counts[0].rows, *(f"{each.error:.4f}" for each in counts))
        for number, counts in enumerate(zip(*first.values(), strict=True))
    ]
    lines = [
        "# A model for each site",
        "",
        f"`python -m bench personal`, {short_sentence()}. The shipped letters, split into {SITES} sites by "
        f"Dirichlet(alpha): the smaller alpha, the fewer classes at a site. Layers 16-64-26, 2 local epochs, eta 0.1, "
        f"{ROUNDS} rounds; {settings.personal_epochs} passes for the models of the sites' own, Ditto's lambda "
        f"{settings.ditto_lambda:g}, all defaults. Each site holds out {HOLDOUT_DEFAULT:.0%} of its rows. The figures "
        "are the mean of the sites' errors on them, and the same on every run.",
        "",
        *markdown_table(("alpha", "seed of the split", *methods), by_case),
        "",
        judged(means).markdown(),
        f"Each site by itself, for alpha {alpha:g} and seed {seed}:",
        "",
        *markdown_table(("site", "rows held out", *methods), by_site),
        "",
        "[privacy.md](../privacy.md#a-model-for-each-site) says what the methods are.",
        "",
    ]
    return "\n".join(lines)
