"""Local training compared with torch, scikit-learn and the bound of its own matrix products.

All run on one core with one BLAS thread, in turns, and processor time is measured, so that other load does not matter.
The shipped letters: 16,500 rows of 16 features, 26 classes; as one file, an epoch a turn, and as the 33 files
that a node trains from the same weights in a round.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from statistics import median

import numpy as np

from bench import report
from bench.compare import Measure, Peer, PeerMissing, ratios, take_turns
from bench.figures import Limit, Line, Table, compared
from bench.machine import ROOT, use_one_core
from roundelay.ml import exact_moments, legacy_trainer
from roundelay.ml.data import Array, Floats, Samples, standardise
from roundelay.ml.design import Design
from roundelay.ml.malloc import keep_freed_memory
from roundelay.ml.mlp import Architecture
from roundelay.ml.models.dense import Dense
from roundelay.ml.readers import letters
from roundelay.ml.train import Shard
from roundelay.ml.training_plan import TrainConfig

ABOUT = "Local training: ours beside torch, scikit-learn and the GEMM bound"
TURNS = 9
ETA, MOMENTUM = 0.1, 0.9
ROUND_EPOCHS = TrainConfig().epochs  # of each file
COURSE_EPOCHS, COURSE_ETA, COURSE_TURNS = 250, 1e-4, 9
LABELS = {"torch": "torch eager", "sklearn": "scikit-learn", "bound": "its matrix products alone"}
NOTES = (
    f"SGD with momentum. One file: all rows, one epoch. A round is what a node does: {ROUND_EPOCHS} epochs of each "
    "file, a model each, all from the same weights.",
    "Beside its matrix products the ratio is the share of the bound: 1 would be a training that costs nothing else. "
    "What is not a product takes as long with any BLAS kernel: the faster the kernel, the smaller the share.",
)

COURSE_NOTES = (
    "Both in float64, as the course's weights are promised to 1e-12: the products and exp alone allow 2.6 at most. "
    "In float32 it is 2.5 to 2.6 times as fast, and 6e-7 off: docs/decisions/0011-files-are-trained-in-lockstep.md.",
)


@dataclass(frozen=True)
class Case:
    """One network and its batches; the limits by peer hold for one file and for a round."""

    hidden: int
    batch: int
    limits: dict[str, float] = field(default_factory=dict)


CASES = (
    Case(64, 32, {"torch": 10.0, "sklearn": 8.0, "bound": 0.45}),
    Case(256, 128, {"torch": 4.0, "sklearn": 3.5, "bound": 0.70}),
    Case(256, 32),  # the client's default
)


def main(arguments: Sequence[str]) -> int:
    use_one_core()
    keep_freed_memory()  # as every trainer does
    with ExitStack() as stack:
        return report.main("trainer", ABOUT, sections(stack), arguments)


def sections(stack: ExitStack) -> report.Sections:
    """Return the tables that can be measured alone. The stack ends the peers."""
    files = shipped_files()
    samples = joined(files)
    data = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "data.npz"
    np.savez(data, x=samples.x, y=samples.y)
    peers = {name: _peer(f"{name}_trainer", stack) for name in ("torch", "sklearn")}

    def minibatch(case: Case) -> list[Table]:
        return [_minibatch(files, case, peers, data)]

    cases = {f"{case.hidden}-{case.batch}": partial(minibatch, case) for case in CASES}
    return {**cases, "course": lambda: [_course()]}


def shipped_files() -> list[Samples]:
    """Return the training files, standardised with their common moments."""
    parts = [
        letters.parse(path.name, path.read_bytes(), None, 26)
        for path in sorted((ROOT / "letters").iterdir())
        if path.suffix == "" and path.is_file()
    ]
    moments = exact_moments.feature_sums(joined(parts).x).moments()
    return [Samples(standardise(part.x, moments), part.y) for part in parts]


def joined(parts: Sequence[Samples]) -> Samples:
    """Join the files into one."""
    return Samples(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))


def timed(work: Callable[[], object]) -> float:
    """Return the processor seconds of a call."""
    began = time.process_time()
    work()
    return time.process_time() - began


# --- minibatches


def _minibatch(files: list[Samples], case: Case, peers: dict[str, Peer | None], data: Path) -> Table:
    network = Architecture((files[0].features, case.hidden, 26))
    rows, lines = sum(samples.rows for samples in files), list[Line]()
    for what, parts, epochs in (
        ("one file", [joined(files)], 1),
        (f"a round of {len(files)} files", files, ROUND_EPOCHS),
    ):
        found = take_turns(_measures(network, parts, epochs, case, peers, data), TURNS)
        lines += [
            _beside(name, f"{what}, beside {label}", epochs * rows, found, case.limits.get(name))
            for name, label in LABELS.items()
        ]
    return Table(f"Hidden {case.hidden}, batch {case.batch}", tuple(lines), NOTES)


def _measures(
    network: Architecture, files: list[Samples], epochs: int, case: Case, peers: dict[str, Peer | None], data: Path
) -> dict[str, Measure]:
    """Return what trains these files from the same weights: ours, the bound and the peers."""
    model, config = Dense(Design(network.sizes)), TrainConfig("sgd", epochs, ETA, case.batch, MOMENTUM)
    weights = model.init_weights(0)
    shards = [Shard(samples.rows, partial(_same, samples), seed) for seed, samples in enumerate(files)]
    measures: dict[str, Measure] = {
        "ours": lambda: timed(lambda: list(model.train_all(weights, shards, config))),
        "bound": gemm_bound(network, [samples.rows for samples in files] * epochs, case.batch),
    }
    for name, peer in peers.items():
        if peer is not None:
            measures[name] = _of_peer(peer, data, case, len(files), epochs)
    return measures


def _same(samples: Samples) -> Samples:
    return samples


def _beside(name: str, what: str, rows: int, found: dict[str, list[float]], bound: float | None) -> Line:
    """Compare ours with each peer: times faster; with the bound: the share of it."""
    ours, limit = rows / median(found["ours"]), None if bound is None else Limit(bound)
    if name not in found:
        return Line(what, "samples/s", ours, LABELS[name], limit=limit, why_not="make bench-peers")
    times = ratios(found["ours"], found[name])
    return compared(what, "samples/s", ours, LABELS[name], rows / median(found[name]), times, limit)


def _peer(module: str, stack: ExitStack) -> Peer | None:
    try:
        return Peer(module, stack)
    except PeerMissing:
        return None


def _of_peer(peer: Peer, data: Path, case: Case, files: int, epochs: int) -> Measure:
    return lambda: float(
        peer.ask(
            data=str(data), files=files, epochs=epochs, hidden=case.hidden, batch=case.batch, eta=ETA, momentum=MOMENTUM
        )
    )


def gemm_bound(network: Architecture, rows: Sequence[int], batch: int) -> Measure:
    """Run the five matrix products of each step on files of that many rows, by the fastest calls and layouts."""
    steps = [_products(network, min(batch, count - start)) for count in rows for start in range(0, count, batch)]
    return lambda: timed(lambda: [step() for step in steps])


@cache
def _products(network: Architecture, batch: int) -> Callable[[], None]:
    d, hidden, classes = network.sizes
    rng = np.random.default_rng(0)

    def random(*shape: int) -> Floats:
        return rng.random(shape, np.float32)

    rows, columns, first = random(batch, d + 1), random(d + 1, batch), random(hidden, d + 1)
    second = random(hidden + 1, classes)
    layer, scores, outer = random(hidden + 1, batch), random(classes, batch), random(batch, classes)
    output, back = random(hidden, batch), random(hidden, batch)
    first_gradient, second_gradient = np.empty_like(first), np.empty_like(second)
    transposed, upper, dot = second.T, second[1:], np.ndarray.dot  # np.dot takes 0.1 us longer

    def step() -> None:
        dot(first, columns, output)
        dot(transposed, layer, scores)
        dot(layer, outer, second_gradient)
        dot(upper, scores, back)
        dot(back, rows, first_gradient)

    return step


# --- the arithmetic of the legacy trainer


def _course() -> Table:
    path = sorted(p for p in (ROOT / "letters").iterdir() if p.suffix == "" and p.is_file())[0]
    samples = letters.parse(path.name, path.read_bytes(), None, 26)
    lines = []
    for hidden in (20, 24):
        network = Architecture((16, hidden, 26), "identity")
        weights = legacy_trainer.initial_weights(network)
        config = TrainConfig("gd", COURSE_EPOCHS, COURSE_ETA, 32, 0.7)
        found = take_turns(
            {
                "ours": lambda n=network, w=weights, c=config: timed(lambda: legacy_trainer.train(n, w, samples, c)),  # type: ignore[misc]
                "plain": lambda n=network, w=weights: timed(lambda: naive_legacy(n, w, samples)),  # type: ignore[misc]
            },
            COURSE_TURNS,
        )
        lines.append(
            compared(
                f"hidden {hidden}: 500 rows, {COURSE_EPOCHS} epochs",
                "ms",
                1000 * median(found["ours"]),
                "the same, plain float64",
                1000 * median(found["plain"]),
                ratios(found["ours"], found["plain"]),
                Limit(2.5),
            )
        )
    return Table("The course's arithmetic", tuple(lines), COURSE_NOTES)


def naive_legacy(network: Architecture, flat: Array, samples: Samples) -> object:
    """Train as the legacy trainer does, vectorised naively: float64, no buffers, dense one-hot labels."""
    w, v = (matrix.copy() for matrix in network.views(flat))  # (d + 1, h), (h + 1, k)
    n = samples.rows
    x = np.hstack([np.ones((n, 1)), samples.x])  # (n, d + 1)
    r = np.eye(v.shape[1])[samples.y]  # (n, k)

    def gradients() -> tuple[object, object, float]:
        linear = x @ w  # (n, h)
        z = np.hstack([np.ones((n, 1)), linear])  # (n, h + 1)
        e = np.exp(z @ v)  # (n, k)
        y = e / e.sum(axis=1, keepdims=True)  # (n, k)
        loss = -(r * np.log(y + 1e-8)).sum()
        dv = z.T @ (r - y)  # (h + 1, k)
        dw = x.T @ ((r - y) @ v[1:].T * (linear > 0))  # (d + 1, h)
        return dv, dw, float(loss)

    before_v, before_w, _ = gradients()
    dv, dw = before_v, before_w
    for _ in range(COURSE_EPOCHS):
        before_v, before_w = dv + 0.7 * before_v, dw + 0.7 * before_w  # type: ignore[operator]
        v += COURSE_ETA * before_v
        w += COURSE_ETA * before_w
        dv, dw, _ = gradients()
    return w, v
