"""Local training beside torch, scikit-learn and the bound of its own matrix products.

All on one core with one BLAS thread, a turn each; counted is processor time, so that who else uses the core does not
matter. The letters that ship: 16,500 rows of 16 features, 26 classes, one epoch a turn.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import numpy as np

from bench import published
from bench.beside import Measure, Peer, PeerMissing, ratio, take_turns
from bench.figures import Limit, Line, Table
from bench.machine import ROOT, environment, use_one_core
from ml import course, exact
from ml.data import Floats, Samples, standardise
from ml.mlp import Architecture, Array, init
from ml.readers import letters
from ml.task import TrainConfig
from ml.train import train

ABOUT = "Local training: ours beside torch, scikit-learn and the GEMM bound"
TURNS = 7
ETA, MOMENTUM = 0.1, 0.9
COURSE_EPOCHS, COURSE_ETA, COURSE_TURNS = 250, 1e-4, 5
CASES = {(64, 32): (10.0, 8.0, 0.40), (256, 128): (3.5, 3.5, 0.60)}  # hidden, batch: x torch, x sklearn, of the bound
LABELS = {"torch": "torch eager", "sklearn": "scikit-learn"}


def main(arguments: Sequence[str]) -> int:
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # numpy is here already: begin anew with one thread
        os.execve(sys.executable, [sys.executable, "-m", "bench", "trainer", *arguments], environment())
    use_one_core()
    return published.main("trainer", ABOUT, measure, arguments)


def measure() -> list[Table]:
    samples = shipped_letters()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        np.savez(folder / "data.npz", x=samples.x, y=samples.y)
        peers = {name: _peer(f"{name}_trainer", stack) for name in LABELS}
        tables = [_minibatch(samples, hidden, batch, peers, folder / "data.npz") for hidden, batch in CASES]
    return [*tables, _course()]


def shipped_letters() -> Samples:
    """All training files as one, standardised."""
    parts = [letters.parse(path.name, path.read_bytes(), None, 26) for path in sorted((ROOT / "letters").iterdir())
             if path.suffix == "" and path.is_file()]
    x = np.concatenate([part.x for part in parts])  # (n, d)
    moments = exact.feature_sums(x).moments()
    return Samples(standardise(x, moments), np.concatenate([part.y for part in parts]))


def timed(work: Callable[[], object]) -> float:
    """Processor seconds."""
    began = time.process_time()
    work()
    return time.process_time() - began


# --- minibatches

def _minibatch(
    samples: Samples, hidden: int, batch: int, peers: dict[str, Peer | None], data: Path
) -> Table:
    network = Architecture((samples.features, hidden, 26))
    weights, config = init(network, 0), TrainConfig("sgd", 1, ETA, batch, MOMENTUM)
    measures: dict[str, Measure] = {
        "ours": lambda: timed(lambda: train(network, weights, samples, config, 0)),
        "bound": gemm_bound(network, samples, batch),
    }
    for name, peer in peers.items():
        if peer is not None:
            measures[name] = _of_peer(peer, data, hidden, batch)
    found = take_turns(measures, TURNS)
    limits = zip(LABELS, CASES[hidden, batch], strict=False)  # the third limit is the bound's
    lines = [_beside(name, samples.rows, found, limit) for name, limit in limits]
    share = 1 / ratio(found["bound"], found["ours"])
    lines.append(Line("share of the GEMM bound, SGD with momentum", "samples/s", samples.rows / median(found["ours"]),
                      "its matrix products alone", samples.rows / median(found["bound"]), share,
                      Limit(CASES[hidden, batch][2])))
    return Table(f"One epoch, hidden {hidden}, batch {batch}", tuple(lines))


def _beside(name: str, rows: int, found: dict[str, list[float]], limit: float) -> Line:
    ours, label = rows / median(found["ours"]), LABELS[name]
    if name not in found:
        return Line(f"beside {label}", "samples/s", ours, label, limit=Limit(limit), why_not="make bench-peers")
    theirs = rows / median(found[name])
    return Line(f"beside {label}", "samples/s", ours, label, theirs, ratio(found["ours"], found[name]), Limit(limit))


def _peer(module: str, stack: ExitStack) -> Peer | None:
    try:
        return Peer(module, stack)
    except PeerMissing:
        return None


def _of_peer(peer: Peer, data: Path, hidden: int, batch: int) -> Measure:
    return lambda: float(peer.ask(data=str(data), hidden=hidden, batch=batch, eta=ETA, momentum=MOMENTUM))


def gemm_bound(network: Architecture, samples: Samples, batch: int) -> Measure:
    """The five matrix products of each step and nothing else, in the layout that serves them best."""
    d, hidden, classes = network.sizes
    rng = np.random.default_rng(0)

    def random(*shape: int) -> Floats:
        return rng.random(shape, np.float32)

    rows, columns, first = random(batch, d + 1), random(d + 1, batch), random(hidden, d + 1)
    second = random(hidden + 1, classes)
    layer, scores, outer = random(hidden + 1, batch), random(classes, batch), random(batch, classes)
    output, back = random(hidden, batch), random(hidden, batch)
    first_gradient, second_gradient = np.empty_like(first), np.empty_like(second)
    transposed, upper, dot = second.T, second[1:], np.dot

    def epoch() -> None:
        for _ in range(-(-samples.rows // batch)):
            dot(first, columns, output)
            dot(transposed, layer, scores)
            dot(layer, outer, second_gradient)
            dot(upper, scores, back)
            dot(back, rows, first_gradient)

    return lambda: timed(epoch)


# --- the course's arithmetic

def _course() -> Table:
    path = sorted(p for p in (ROOT / "letters").iterdir() if p.suffix == "" and p.is_file())[0]
    samples = letters.parse(path.name, path.read_bytes(), None, 26)
    lines = []
    for hidden in (20, 24):
        network = Architecture((16, hidden, 26), "identity")
        weights = course.initial_weights(network)
        config = TrainConfig("gd", COURSE_EPOCHS, COURSE_ETA, 32, 0.7)
        found = take_turns({
            "ours": lambda n=network, w=weights, c=config: timed(lambda: course.train(n, w, samples, c)),  # type: ignore[misc]
            "plain": lambda n=network, w=weights: timed(lambda: plain_course(n, w, samples)),  # type: ignore[misc]
        }, COURSE_TURNS)
        lines.append(Line(f"hidden {hidden}: 500 rows, {COURSE_EPOCHS} epochs", "ms", 1000 * median(found["ours"]),
                          "the same, plain float64", 1000 * median(found["plain"]),
                          ratio(found["ours"], found["plain"]), Limit(2.5)))
    return Table("The course's arithmetic", tuple(lines))


def plain_course(network: Architecture, flat: Array, samples: Samples) -> object:
    """The course's trainer, vectorised as one writes it down: float64, no buffers, dense one-hot labels."""
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
