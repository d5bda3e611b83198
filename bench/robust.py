"""Attacks against aggregation rules: the validation error of each pair, and how often a backdoor opens.

20 sites have one file each of a generated table; 4 of them are malicious and know each other. The table is learned
within the rounds, so that an attack shows as an error that stays, not as one that falls more slowly. All of it is the
product's code in one process: the trainer, the attacks of `compute_node.py --attack`, the checks of results, the rules.
As in a job on private data, a site that is found out is left out of the rest of the job.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.machine import describe, sentence
from bench.report import markdown_table, write
from roundelay.chord.refs import NodeRef
from roundelay.federation import replay, round_tasks, server_step, trained_round
from roundelay.federation.attacks import Attack
from roundelay.federation.effects import Compute, Done
from roundelay.federation.errors import BadRecord, StepTooLarge
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.receipts import split_result
from roundelay.federation.requests import Order, Progress, TrainingFile
from roundelay.federation.result_check import check_result
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.ml import partition
from roundelay.ml.attacks import TRIGGER_CLASS, triggered
from roundelay.ml.data import moments_from_bytes, standardise
from roundelay.ml.models.catalogue import learner
from roundelay.ml.readers import content
from roundelay.ml.validate import Validator
from roundelay.ml.worker import Worker
from roundelay.sim.program import InlineTrainer
from roundelay.store.blobs import digest_of

FILES, MALICIOUS, ROUNDS, SEED = 20, 4, 20, 1
CLASSES, CLUSTERS, FEATURES, SPREAD = 10, 2, 16, 0.6
ROWS, HELD_OUT_ROWS = 300, 3000  # of a site
COMMON: dict[str, Any] = {"hidden": (64,), "epochs": 2, "eta": 0.1, "halvings": 0}
RULES = (
    "fedavg",
    "median",
    "trimmed-mean",
    "krum",
    "multikrum",
    "bulyan",
    "geometric-median",
    "norm-clipping",
    "fltrust",
)
HONEST = "none"
ATTACKS = ("sign-flip", "scaled", "gaussian", "label-flip", "backdoor", "alie", "inner-product", "nan")
BREAK = ("gaussian", "inner-product")  # that a mean cannot stand
ALLOWED, ALLOWED_KRUM = 0.03, 0.12  # of error above that of FedAvg without an attack
HELD_OUT = "held-out"
NODE, LIAR = NodeRef(1, "honest", 1), NodeRef(2, "malicious", 1)


@dataclass(frozen=True)
class Outcome:
    """How a job has ended. backdoor: the share of rows with the trigger that get its class."""

    error: float
    backdoor: float


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m bench robust", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    began = time.monotonic()
    data = make_data()
    found = {rule: {attack: run(rule, attack, chosen.rounds, data) for attack in (HONEST, *ATTACKS)} for rule in RULES}
    seconds = time.monotonic() - began
    broken = list(not_held(found))
    text = document(found, broken, seconds, chosen.rounds)
    write("robust.md", text)
    as_json = {
        "bench": "robust",
        "seconds": round(seconds, 1),
        "errors": {rule: {name: round(each.error, 4) for name, each in row.items()} for rule, row in found.items()},
        "backdoor": {rule: round(row["backdoor"].backdoor, 4) for rule, row in found.items()},
        "not_held": broken,
        "held": not broken,
    }
    print(json.dumps(as_json) if chosen.json else text)
    return 1 if broken else 0


@dataclass(frozen=True)
class Data:
    """The sites' files, their contents by digest, and the validation file."""

    files: tuple[TrainingFile, ...]
    contents: dict[str, bytes]
    held_out: bytes


def make_data() -> Data:
    """Draw rows of some classes, each of several clusters, and divide them among the sites."""
    rng = np.random.default_rng(SEED)
    centres = rng.normal(0.0, 1.0, (CLASSES, CLUSTERS, FEATURES))
    contents, files = {}, []
    for index in range(FILES):
        text = _rows(rng, centres, ROWS)
        contents[digest_of(text)] = text
        files.append(TrainingFile(index, partition.file_name(index, FILES), digest_of(text), len(text), ROWS))
    return Data(tuple(files), contents, _rows(rng, centres, HELD_OUT_ROWS))


def _rows(rng: np.random.Generator, centres: np.ndarray, count: int) -> bytes:
    """Return rows in the format of the letters: whole features, then the class."""
    labels, clusters = rng.integers(0, CLASSES, count), rng.integers(0, CLUSTERS, count)
    x = np.rint(10 * (centres[labels, clusters] + rng.normal(0.0, SPREAD, (count, FEATURES)))).astype(int)
    return "".join(",".join(map(str, row)) + "\n" for row in np.column_stack([x, labels]).tolist()).encode()


def run(rule: str, attack: str, rounds: int, data: Data) -> Outcome:
    """Train a job whose last sites are malicious."""
    files, contents = data.files, data.contents
    spec = make_spec(rule, rounds, data)
    moments = replay.moments(spec, contents, Worker())
    sites = [Site(NODE, files[: FILES - MALICIOUS]), Site(LIAR, files[FILES - MALICIOUS :], attack)]
    weights, state = trained_round.first_weights(spec), b""
    for number in range(1, rounds + 1):
        task = round_tasks.training_task(spec, moments)
        try:
            parts = [part for site in sites if (part := site.train(spec, number, task, weights, contents)) is not None]
            weights, state = server_step.step(spec, weights, parts, state)
        except BadRecord:  # an update that cannot be: its site is excluded
            sites = sites[:1]
            weights, state = server_step.step(spec, weights, parts[:1], state)
        except StepTooLarge:  # the model is beyond repair, and the job ends
            return Outcome(1.0, 0.0)
    return evaluated(spec, weights, moments, data.held_out)


def make_spec(rule: str, rounds: int, data: Data) -> JobSpec:
    """Return the job that is trained by a rule."""
    more = {"trusted": data.files[0].name} if rule == "fltrust" else {}
    held_out = TrainingFile(FILES, HELD_OUT, digest_of(data.held_out), len(data.held_out), 1)
    return JobSpec(
        Settings(**COMMON | more | {"rule": rule, "rounds": rounds}), data.files, held_out, FEATURES, CLASSES
    )


class Site:
    """A site with a trainer, which may be malicious."""

    def __init__(self, node: NodeRef, files: tuple[TrainingFile, ...], attack: str = HONEST) -> None:
        self.node, self.files = node, files
        self._trainer = InlineTrainer(Worker())
        self._attack = Attack(attack, random.Random(SEED)) if attack != HONEST else None
        self._is_excluded = False

    def train(
        self, spec: JobSpec, number: int, task: object, weights: bytes, contents: dict[str, bytes]
    ) -> PartialResult | None:
        """Carry out an order. Return None if the result shows that the site is malicious, and ever after."""
        if self._is_excluded:
            return None
        order = Order(spec.job, number, self.files, task, digest_of(weights), len(weights))  # type: ignore[arg-type]
        effect = Compute(order, {order.weights: weights, **{f.digest: contents[f.digest] for f in self.files}})
        perform = self._trainer.carry_out
        try:
            done: Done = perform(effect) if self._attack is None else self._attack.around(effect, perform)
            result, receipts = split_result(order, done.result)
            check_result(order, self.files, result)
        except BadRecord:
            self._is_excluded = True
            return None
        return PartialResult(self.node, self.files, Progress("done"), result, receipts=receipts)


def evaluated(spec: JobSpec, weights: bytes, moments: bytes, held_out: bytes) -> Outcome:
    """Return the validation error, and how often the trigger gets its class in rows of other classes."""
    error = Validator(spec.design, HELD_OUT, held_out)(weights, moments).error_rate
    samples = content.parse(HELD_OUT, held_out)
    others = samples.x[samples.y != TRIGGER_CLASS]
    x = standardise(triggered(others, samples.x), moments_from_bytes(moments))
    scores = learner(spec.design).scores(np.frombuffer(weights, "<f4").astype(np.float32), x)
    return Outcome(error, float(np.mean(scores.argmax(axis=1) == TRIGGER_CLASS)))


def not_held(found: dict[str, dict[str, Outcome]]) -> Iterator[str]:
    """Yield what is not as it must be."""
    clean = found["fedavg"][HONEST].error
    for rule, row in found.items():
        for attack, outcome in row.items():
            above, allowed = outcome.error - clean, ALLOWED_KRUM if rule == "krum" else ALLOWED
            if rule != "fedavg" and above > allowed:
                yield f"{rule} under {attack}: {100 * above:.1f} points above clean, at most {100 * allowed:g}"
            if rule == "fedavg" and attack in BREAK and above <= ALLOWED:
                yield f"fedavg under {attack}: only {100 * above:.1f} points above clean"


def document(found: dict[str, dict[str, Outcome]], broken: list[str], seconds: float, rounds: int) -> str:
    names = (HONEST, *ATTACKS)
    rows = [(rule, *(f"{100 * row[name].error:.1f}" for name in names)) for rule, row in found.items()]
    doors = [
        (rule, f"{100 * row[HONEST].backdoor:.0f}", f"{100 * row['backdoor'].backdoor:.0f}")
        for rule, row in found.items()
    ]
    lines = [
        "# Attacks against aggregation rules",
        "",
        f"`python -m bench robust`, {seconds:.0f} s. {sentence(describe())}",
        "",
        f"Validation error in per cent: {FILES} sites with {ROWS} rows each of a generated table of {CLASSES} classes; "
        f"{MALICIOUS} of them are malicious and know each other's updates. Layers {FEATURES}-64-{CLASSES}, "
        f"{COMMON['epochs']} local epochs, eta {COMMON['eta']}, {rounds} rounds.",
        "",
        *markdown_table(("rule", *names), rows),
        "",
        f"A robust rule must stay within {100 * ALLOWED:g} points (Krum, which uses one update of {FILES}, "
        f"{100 * ALLOWED_KRUM:g}) of FedAvg without an attack, and FedAvg must not stay within them under "
        f"{' and '.join(BREAK)}. No step is halved (--halvings 0). Not held: {'; '.join(broken) or 'nothing'}.",
        "",
        "An update of `nan` is refused under every rule, as no honest trainer can send it, and its site is excluded.",
        "",
        "## Backdoors",
        "",
        "The share of rows with the trigger that get its class, in per cent, without and with malicious sites. A "
        "backdoor hardly raises the error, so it is judged by itself.",
        "",
        *markdown_table(("rule", HONEST, "backdoor"), doors),
        "",
    ]
    return "\n".join(lines)
