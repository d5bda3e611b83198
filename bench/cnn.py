"""The convolutional network compared with torch, and how long 98 % on MNIST takes.

Both train the same network on the same images in batches of one size, on one core with one thread, in turns, and
processor time is measured. MNIST is here by its 10,000 test images: eight tenths are trained on, the others validate.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import numpy as np

from bench import report
from bench.compare import Measure, Peer, PeerMissing, ratios, take_turns
from bench.figures import Limit, Line, Table, compared
from bench.job_runs import run_job
from bench.machine import ROOT, use_one_core
from bench.trainer import timed
from roundelay.ml.data import Samples
from roundelay.ml.design import Design
from roundelay.ml.malloc import keep_freed_memory
from roundelay.ml.models.catalogue import learner
from roundelay.ml.training_plan import TrainConfig

ABOUT = "The convolutional network: ours beside torch"
MNIST = ROOT.parent / "shared" / "data" / "mnist"
ROWS, TURNS = 2000, 15
BATCHES = (32, 128)
FASTER = 2.5  # than torch
ETA, MOMENTUM = 0.05, 0.9
DESIGN = Design((784, 256, 10), "cnn", (1, 28, 28))
GOAL, GOAL_S = 0.02, 25.0


def main(arguments: Sequence[str]) -> int:
    keep_freed_memory()  # as every trainer does
    return report.main("cnn", ABOUT, measure, arguments)


def measure() -> list[Table]:
    goal = _goal()  # first: the other measures keep this process on one core
    use_one_core()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rng = np.random.default_rng(0)
        samples = Samples(rng.standard_normal((ROWS, 784)).astype(np.float32), rng.integers(0, 10, ROWS))
        np.savez(folder / "data.npz", x=samples.x, y=samples.y)
        try:
            peer: Peer | None = Peer("torch_cnn", stack)
        except PeerMissing:
            peer = None
        lines = [_throughput(samples, batch, peer, folder / "data.npz") for batch in BATCHES]
    notes = (
        f"SGD with momentum, an epoch of {ROWS} images of 28 x 28 a turn, {TURNS} turns; one hidden layer of 256.",
    )
    return [Table("Training on one core", tuple(lines), notes), goal]


def _throughput(samples: Samples, batch: int, peer: Peer | None, data: Path) -> Line:
    model, config = learner(DESIGN), TrainConfig("sgd", 1, ETA, batch, MOMENTUM)
    weights = model.init_weights(0)
    measures: dict[str, Measure] = {"ours": lambda: timed(lambda: model.train(weights, samples, config, 1))}
    if peer is not None:
        measures["torch"] = lambda: float(peer.ask(data=str(data), batch=batch, eta=ETA, momentum=MOMENTUM))
    found = take_turns(measures, TURNS)
    times = ratios(found["ours"], found.get("torch", []))
    theirs = ROWS / median(found["torch"]) if times else None
    return compared(
        f"batches of {batch}",
        "images/s",
        ROWS / median(found["ours"]),
        "torch eager",
        theirs,
        times,
        Limit(FASTER),
        "" if times else "make bench-peers",
    )


def _goal() -> Table:
    """Train MNIST with its preset, as the documents show it."""
    title, limit = "MNIST, --model cnn --preset mnist, 4 nodes", Limit(GOAL_S, at_least=False)
    what = f"wall clock from the command to {100 - 100 * GOAL:g} %"
    if not MNIST.is_dir():
        return Table(title, (Line(what, "s", None, limit=limit, why_not="no data here"),))
    with tempfile.TemporaryDirectory() as folder:
        options = ["--model", "cnn", "--preset", "mnist", "--local", "4"]
        job = run_job(["train", str(MNIST), *options], Path(folder) / "bytecode")
    errors = [each["validation_error"] for each in job.printed["history"]]
    number = next((place for place, error in enumerate(errors) if error <= GOAL), None)
    reached = None if number is None else job.at_s[number]
    return Table(
        title,
        (
            Line(what, "s", reached, limit=limit, why_not="not reached"),
            Line("rounds until then", "", None if number is None else number + 1, why_not="not reached"),
            Line("wall clock of all rounds", "s", job.at_s[-1]),
            Line("accuracy after all rounds", "%", 100 - 100 * errors[-1]),
        ),
        (f"{len(errors)} rounds.",),
    )
