"""The error of SCAFFOLD beside that of FedAvg where each file has few classes, in one process.

The shipped letters are split by the method label-skew, and trained with several local epochs of plain SGD, with the
arithmetic of nodes and drivers: a ring would give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from bench.figures import Limit, Line, Table
from roundelay.federation import replay
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.ml import partition
from roundelay.ml.readers.source import number_labels
from roundelay.ml.worker import Worker
from roundelay.node.subprocesses import ROOT
from roundelay.store.blobs import digest_of

LETTERS = ROOT / "letters"
HELD_OUT = LETTERS / "validate_letters.txt"
CLASSES, FEATURES = 26, 16
FILES, EACH, EPOCHS, ROUNDS, SEEDS = 8, 3, 5, 15, (1, 2, 3)


@dataclass(frozen=True)
class Case:
    """A model and a step. is_small: SCAFFOLD must be better with it."""

    model: str
    eta: float
    is_small: bool

    def __str__(self) -> str:
        return f"{self.model}, eta {self.eta:g}"


CASES = (Case("softmax", 0.02, True), Case("softmax", 0.1, False), Case("mlp", 0.01, True), Case("mlp", 0.05, False))


def measure() -> Table:
    """Return the mean errors over the seeds."""
    notes = (
        f"The shipped letters in {FILES} files of {EACH} classes each (label-skew), {EPOCHS} local epochs of SGD, "
        f"{ROUNDS} rounds. The mlp has 32 hidden units.",
        f"Errors are means over the seeds {', '.join(map(str, SEEDS))} of split and job. The ratio is FedAvg's error "
        "divided by SCAFFOLD's. Large steps have no limit: there, control variates of the round before mislead.",
    )
    return Table("SCAFFOLD where files have few classes", tuple(map(_line, CASES)), notes)


def _line(case: Case) -> Line:
    ours, theirs = (fmean(error(rule, case, seed) for seed in SEEDS) for rule in ("scaffold", "fedavg"))
    limit = Limit(1.0, strict=True) if case.is_small else None
    return Line(str(case), "validation error", ours, "FedAvg", theirs, theirs / ours, limit)


def error(rule: str, case: Case, seed: int) -> float:
    """Train, and return the validation error after the last round."""
    rows = partition.read(LETTERS, CLASSES, HELD_OUT)
    labels, _ = number_labels(rows.values)
    contents, files = dict[str, bytes](), list[TrainingFile]()
    for index, part in enumerate(partition.split(labels, FILES, "label-skew", seed, each=EACH)):
        content = b"".join(rows.lines[row] + b"\n" for row in part)
        digest = digest_of(content)
        contents[digest] = content
        files.append(TrainingFile(index, partition.file_name(index, FILES), digest, len(content), len(part)))
    held_out = HELD_OUT.read_bytes()
    contents[digest_of(held_out)] = held_out
    validation = TrainingFile(FILES, HELD_OUT.name, digest_of(held_out), len(held_out), 1)
    settings = Settings(
        rule=rule, model=case.model, hidden=(32,), eta=case.eta, momentum=0.0, epochs=EPOCHS, rounds=ROUNDS, seed=seed
    )
    *_, last = replay.chain(JobSpec(settings, tuple(files), validation, FEATURES, CLASSES), contents, Worker())
    return last.result.errors / last.result.rows
