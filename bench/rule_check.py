"""Rounds of random updates through the product's rules, beside the references.

Both start from the same weights. The product is given the updates as the integers that nodes send, in blocks, and
rounds its weights to float32 after each round; the reference computes in float64 throughout.
"""

from __future__ import annotations

import numpy as np

from bench.rule_references import ETA, LOCAL_BATCH, LOCAL_EPOCHS, LOCAL_MOMENTUM, REFERENCES, Doubles, Memory, Reference
from roundelay.chord.refs import NodeRef
from roundelay.federation import round_tasks, server_step, trained_round
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.requests import Progress, TrainingFile
from roundelay.federation.rules import RULES
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.ml import exact
from roundelay.ml.local_steps import accumulated_steps

FILES, HIDDEN, FEATURES, CLASSES = 20, 24, 16, 26
NODE = NodeRef(1, "node", 1)


def make_spec(rule: str, rows: list[int]) -> JobSpec:
    """Return a job of this rule on files of these rows."""
    more = {"trusted": _name(0)} if "trusted" in RULES[rule].takes else {}
    settings = Settings(
        rule=rule,
        hidden=(HIDDEN,),
        epochs=LOCAL_EPOCHS,
        batch=LOCAL_BATCH,
        momentum=LOCAL_MOMENTUM,
        eta=ETA,
        **more,  # type: ignore[arg-type]
    )
    files = tuple(TrainingFile(at, _name(at), "aa" * 32, 1, count) for at, count in enumerate(rows))
    return JobSpec(settings, files, TrainingFile(len(rows), "held-out", "bb" * 32, 1, 1), FEATURES, CLASSES)


def largest_difference(
    rule: str, rounds: int, seed: int = 0, groups: int = 3, reference: Reference | None = None
) -> float:
    """Return the largest difference of a weight between product and reference over some rounds of random updates.

    As a share of the largest weight, as the product keeps float32. groups: the number of nodes that return the updates.
    reference: instead of that of rule_references.
    """
    rng = np.random.default_rng(seed)
    rows = [int(count) for count in rng.integers(40, 120, FILES)]
    spec = make_spec(rule, rows)
    ours, state, memory = trained_round.first_weights(spec), b"", Memory()
    theirs: Doubles = np.frombuffer(ours, "<f4").astype(np.float64)
    largest = 0.0
    for _ in range(rounds):
        common = rng.normal(0, 0.01, theirs.size)
        updates = common + rng.normal(0, 0.01, (FILES, theirs.size)) * rng.uniform(0.5, 2, (FILES, 1))
        updates[-2:] *= -5.0  # two files pull the other way
        memory["losses"] = rng.uniform(0.2, 3.0, FILES)
        parts = _parts(spec, updates, memory["losses"], groups)
        ours, state = server_step.step(spec, ours, parts, state)
        theirs = (reference or REFERENCES[rule])(theirs, updates, np.array(rows, np.float64), memory)
        largest = max(largest, float(np.abs(np.frombuffer(ours, "<f4") - theirs).max() / np.abs(theirs).max()))
    return largest


def product_weights(rule: str, groups: int) -> bytes:
    """Return the weights after one round of random updates, which `groups` nodes return."""
    rng = np.random.default_rng(0)
    spec = make_spec(rule, [int(count) for count in rng.integers(40, 120, FILES)])
    weights = trained_round.first_weights(spec)
    updates = rng.normal(0, 0.01, (FILES, len(weights) // 4))  # (files, parameters)
    return server_step.step(spec, weights, _parts(spec, updates, rng.uniform(0.2, 3.0, FILES), groups), b"")[0]


def _parts(spec: JobSpec, updates: Doubles, losses: Doubles, groups: int) -> list[PartialResult]:
    """Return the results of nodes that train every `groups`-th file, as they send them."""
    bits, zeros = exact.fraction_bits(spec.rows), np.zeros(updates.shape[1], np.float32)
    config = round_tasks.plan(spec).config
    parts = []
    for first in range(groups):
        files = spec.files[first::groups]
        vectors = []
        for file in files:
            steps = accumulated_steps(config, file.rows) if spec.updates == "normalised-sum" else 1.0
            vectors.append(exact.quantise(updates[file.index], zeros, file.rows, bits, steps))
        if spec.updates == "each-with-loss":
            units = [exact.units_of_loss(losses[file.index]) for file in files]
            vectors = [np.append(vector, unit) for vector, unit in zip(vectors, units, strict=True)]
        if spec.updates == "sum-with-gradient":  # any gradients: they correct the steps of the next round
            vectors = [np.append(vector, -vector) for vector in vectors]
        made = vectors if spec.needs == "each" else [np.sum(vectors, axis=0)]
        result = b"".join(vector.astype("<i8").tobytes() for vector in made)
        parts.append(PartialResult(NODE, files, Progress("done"), result))
    return parts


def _name(at: int) -> str:
    return f"file-{at:02}"
