"""Portable arithmetic: one model in many environments, its error and its speed beside native arithmetic and torch.

--aarch64 builds an aarch64 environment under qemu-user from Debian's packages, runs fewer rounds there, as emulation is
some hundred times slower, and lets an emulated node join a ring of this machine's.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import mean, median

import numpy as np

from bench import report
from bench.compare import Measure, Peer, PeerMissing, ratio, take_turns
from bench.figures import Limit, Line, Table
from bench.machine import use_one_core
from bench.portable_environments import OLDEST, Environment, NotBuilt, aarch64, here, numpy_version
from bench.portable_ring import mixed_ring
from bench.trainer import ETA, LABELS, MOMENTUM, ROUND_EPOCHS, joined, shipped_files, timed
from roundelay.ml.choices import ArithmeticName
from roundelay.ml.data import Samples
from roundelay.ml.design import Design
from roundelay.ml.malloc import keep_freed_memory
from roundelay.ml.models.dense import Dense
from roundelay.ml.train import Shard
from roundelay.ml.training_plan import TrainConfig

ABOUT = "Portable arithmetic: the same model everywhere, and what it costs"
ROUNDS, EMULATED_ROUNDS = 50, 1
FILES, EMULATED_FILES = 33, 1
MODELS = ("mlp", "softmax", "cnn")
SECTIONS = ("models", "errors", "aarch64", "speed")
ERROR_POINTS, ERROR_SEEDS = 0.2, 3
HOW = ("portable", "native")
JOB_S, EMULATED_S = 7200.0, 7200.0
TURNS = 5
CASES = ((256, 128, 0.45), (64, 32, 0.35))  # hidden, batch, least share of native's speed
TORCH_TIMES = 1.5


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m bench portable", description=ABOUT)
    parser.add_argument("--json", action="store_true", help="print one line, one JSON object")
    parser.add_argument("--aarch64", action="store_true", help="build an aarch64 environment, and run there too")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of each job (default {ROUNDS})")
    parser.add_argument("--models", default=",".join(MODELS), help="models, with commas between them")
    report.add_only(parser, SECTIONS)
    chosen = parser.parse_args(arguments)
    keep_freed_memory()  # as every trainer does
    return report.run("portable", ABOUT, _sections(chosen), chosen.json, chosen.only)


def _sections(chosen: argparse.Namespace) -> report.Sections:
    """Return what is measured; the emulated processor only if it is asked for."""
    models = chosen.models.split(",")
    sections: dict[str, report.Measure] = {
        "models": lambda: [_hashes(chosen.rounds, FILES, models, list(_environments()), JOB_S)],
        "errors": lambda: [_errors(chosen.rounds, models)],
        "aarch64": lambda: list(_emulated(models)),
        "speed": lambda: [_speed()],
    }
    return {name: sections[name] for name in SECTIONS if name != "aarch64" or chosen.aarch64 or name in chosen.only}


def _environments() -> Iterator[Environment | tuple[str, str]]:
    """Yield the environments of this machine; for one that cannot be had, its name and the reason."""
    yield from here()
    for version in (OLDEST, ""):
        try:
            yield numpy_version(version)
        except NotBuilt as error:
            yield f"numpy {version or 'newest'}", str(error)


# --- one model


def _hashes(
    rounds: int,
    files: int,
    models: Sequence[str],
    places: Sequence[Environment | tuple[str, str]],
    seconds: float,
    title: str = "The same model",
) -> Table:
    """Run the jobs in each environment; a line says how many of the models are those of the first."""
    first: dict[str, str] = {}
    lines: list[Line] = []
    for place in places:
        if isinstance(place, tuple):
            lines.append(Line(place[0], "models", None, why_not=place[1]))
            continue
        try:
            found = json.loads(
                place.run(["-W", "ignore", "-m", "bench.portable_job", str(rounds), str(files), *models], seconds)
            )
        except NotBuilt as error:
            lines.append(Line(place.name, "models", None, why_not=str(error)))
            continue
        digests = {model: f"{found[model]['model_sha256']} {found[model]['loss']}" for model in models}
        first = first or digests
        same = sum(digests[model] == first[model] for model in models)
        about = " ".join(filter(None, (f"numpy {found['numpy']}", found["machine"], found["kernel"])))
        lines.append(Line(f"{place.name} ({about})", "equal models", same, limit=Limit(len(models))))
    digests_shown = ", ".join(f"{model} {digest[:16]}" for model, digest in first.items())
    notes = (f"Rounds: {rounds}, files of letters: {files}. Models (sha256) and validation losses: {digests_shown}.",)
    return Table(title, tuple(lines), notes)


def _emulated(models: Sequence[str]) -> Iterator[Table]:
    """Yield what an emulated processor computes, by itself and as a node of a ring."""
    places: list[Environment | tuple[str, str]] = [Environment("as installed", (sys.executable,))]
    try:
        places += aarch64()
    except NotBuilt as error:
        places.append(("aarch64", str(error)))
    yield _hashes(EMULATED_ROUNDS, EMULATED_FILES, models, places, EMULATED_S, "aarch64, emulated by qemu-user")
    if isinstance(places[-1], Environment):
        yield mixed_ring(places[-1])


def _errors(rounds: int, models: Sequence[str]) -> Table:
    """Compare errors, as means over some seeds: with one, chance moves them by more than the limit."""
    place = Environment("as installed", (sys.executable,))
    names = [f"{model}/{how}/{seed}" for model in models for how in HOW for seed in range(ERROR_SEEDS)]
    found = json.loads(place.run(["-W", "ignore", "-m", "bench.portable_job", str(rounds), str(FILES), *names], JOB_S))
    lines = []
    for model in models:
        ours, native = (
            100 * mean(found[f"{model}/{how}/{seed}"]["error"] for seed in range(ERROR_SEEDS)) for how in HOW
        )
        lines.append(Line(f"{model}: error after {rounds} rounds", "%", ours, "native", native))
        lines.append(Line(f"{model}: points above native", "points", ours - native, limit=Limit(ERROR_POINTS, False)))
    note = f"The last round's, on 3,500 rows: one row is 0.03 points. Means of {ERROR_SEEDS} seeds."
    return Table("Validation error", tuple(lines), (note,))


# --- speed


def _speed() -> Table:
    use_one_core()
    files, lines = shipped_files(), list[Line]()
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "data.npz"
        samples = joined(files)
        np.savez(data, x=samples.x, y=samples.y)
        try:
            peer: Peer | None = Peer("torch_trainer", stack)
        except PeerMissing:
            peer = None
        for hidden, batch, share in CASES:
            for what, parts, epochs in (
                ("one file", [samples], 1),
                (f"a round of {len(files)} files", files, ROUND_EPOCHS),
            ):
                measures = {name: _training(name, parts, epochs, hidden, batch) for name in ("native", "portable")}
                if peer is not None:
                    measures["torch"] = _torch(peer, data, len(parts), epochs, hidden, batch)
                found = take_turns(measures, TURNS)
                rows, title = epochs * samples.rows, f"hidden {hidden}, batch {batch}, {what}"
                lines.append(_line(title, rows, found, "native", share))
                lines.append(_line(title, rows, found, "torch", TORCH_TIMES))
    return Table("Speed on one core, in turns", tuple(lines), ("The ratio is portable's speed over the other's.",))


def _line(title: str, rows: int, found: dict[str, list[float]], other: str, bound: float) -> Line:
    ours, label = rows / median(found["portable"]), LABELS.get(other, other)
    if other not in found:
        return Line(title, "samples/s", ours, label, limit=Limit(bound), why_not="make bench-peers")
    times = ratio(found["portable"], found[other])
    return Line(title, "samples/s", ours, label, rows / median(found[other]), times, Limit(bound))


def _training(name: str, parts: Sequence[Samples], epochs: int, hidden: int, batch: int) -> Measure:
    arithmetic: ArithmeticName = "portable" if name == "portable" else "native"
    model = Dense(Design((parts[0].features, hidden, 26), arithmetic=arithmetic))
    weights, config = model.init_weights(0), TrainConfig("sgd", epochs, ETA, batch, MOMENTUM)
    shards = [Shard(samples.rows, partial(_same, samples), seed) for seed, samples in enumerate(parts)]
    return lambda: timed(lambda: list(model.train_all(weights, shards, config)))


def _same(samples: Samples) -> Samples:
    return samples


def _torch(peer: Peer, data: Path, files: int, epochs: int, hidden: int, batch: int) -> Measure:
    question = {"files": files, "epochs": epochs, "hidden": hidden, "batch": batch, "eta": ETA, "momentum": MOMENTUM}
    return lambda: float(peer.ask(data=str(data), **question))
