"""Proofs: what receipts cost a round, and what verification, replay and forgetting take on the letters.

Receipts are switched off here only, in the driver: nodes compute them when an order asks for them.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import PropertyMock, patch

from bench import report
from bench.compare import ratio, take_turns
from bench.figures import Limit, Line, Table
from bench.machine import ROOT, environment
from roundelay.client.job import Job
from roundelay.client.requests import TrainRequest
from roundelay.client.ring import Ring, local_ring
from roundelay.federation import proof_file
from roundelay.federation.errors import BadProof
from roundelay.federation.proof import check_proof
from roundelay.federation.proof_file import Parts
from roundelay.federation.spec import JobSpec

ABOUT = "Proofs: receipts, verification, replay, forgetting"
NODES = 4
ROUNDS, TURNS, TURN_ROUNDS = 50, 12, 12
CHANGES = 500
VERIFICATIONS = 5
SEED = 1
LETTERS, VALIDATION = ROOT / "letters", "validate_letters.txt"
RECEIPTS_LIMIT, VERIFY_LIMIT_S, REPLAY_LIMIT = 1.05, 2.0, 1.3
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str]) -> int:
    return report.main("proof", ABOUT, measure, arguments)


def measure() -> list[Table]:
    with local_ring(NODES) as ring, tempfile.TemporaryDirectory(prefix="roundelay-bench-") as made:
        folder = Path(made)
        receipts = _receipts(ring)
        before = _cpu_s()
        job = _train(ring, ROUNDS)
        training_s = {who: after - before[who] for who, after in _cpu_s().items()}
        proof = folder / "job.zip"
        job.export_proof(proof)
        return [receipts, _verification(proof, training_s), _changes(proof), _forgetting(ring, job, folder)]


def _train(ring: Ring, rounds: int, data: Path = LETTERS) -> Job:
    """Train the letters to the last round."""
    settings = {"rounds": rounds, "keep": "last", "patience": 0}
    job = ring.submit(TrainRequest(data, str(LETTERS / VALIDATION), settings))
    job.result()
    return job


# --- receipts


def _receipts(ring: Ring) -> Table:
    processor: dict[str, list[float]] = {"with": [], "without": []}

    def round_ms(name: str) -> float:
        before = sum(_cpu_s().values())
        with patch.object(JobSpec, "has_receipts", PropertyMock(return_value=name == "with")):
            rows = _train(ring, TURN_ROUNDS).history()[1:]  # trainers start in the first
        processor[name].append(1000 * (sum(_cpu_s().values()) - before) / TURN_ROUNDS)
        return float(1000 * median(row["seconds"] for row in rows))

    wall = take_turns({name: partial(round_ms, name) for name in processor}, TURNS)
    limit = Limit(RECEIPTS_LIMIT, at_least=False)
    return Table(
        "A round with receipts, times one without",
        (
            _times("wall clock", "ms", wall["with"], wall["without"], limit),
            _times("processor time of all processes", "CPU ms", processor["with"], processor["without"], limit),
        ),
        (f"{TURNS} pairs of jobs of {TURN_ROUNDS} rounds in turns, {NODES} nodes; ratios are medians over the pairs.",),
    )


def _times(what: str, unit: str, with_them: Sequence[float], without: Sequence[float], limit: Limit) -> Line:
    times = ratio(without, with_them)
    return Line(what, unit, median(with_them), "without", median(without), times, limit)


# --- verification and replay


def _verification(proof: Path, training_s: dict[str, float]) -> Table:
    _verify(proof)  # compiles the modules
    seconds, found = zip(*(_timed(proof) for _ in range(VERIFICATIONS)), strict=True)
    replay_s, replayed = _processor_s(proof, "--data", str(LETTERS), "--replay")
    equal = sum(finding["holds"] for finding in replayed["trained_again"])
    whole, trainers = sum(training_s.values()), training_s["trainers"]
    limit = Limit(REPLAY_LIMIT, at_least=False)
    return Table(
        f"A proof of {ROUNDS} rounds and {found[0]['files']} files",
        (
            Line("size", "KB", proof.stat().st_size / 1000),
            Line("client.py verify, wall clock", "s", median(seconds), limit=Limit(VERIFY_LIMIT_S, at_least=False)),
            Line("rounds replayed with an equal result, round 0 included", "", equal, limit=Limit(ROUNDS + 1)),
            Line("replay, times the training", "CPU s", replay_s, "all processes", whole, replay_s / whole, limit),
            Line("replay, times the training", "CPU s", replay_s, "trainers alone", trainers, replay_s / trainers),
        ),
        (
            f"Medians of {VERIFICATIONS} commands. The training's processor time is that of {NODES} nodes, their "
            "trainers and the client, from the submission to the result; the replay's includes the start of Python.",
        ),
    )


def _timed(proof: Path) -> tuple[float, dict[str, Any]]:
    began = time.monotonic()
    found = _verify(proof)
    return time.monotonic() - began, found


def _processor_s(proof: Path, *options: str) -> tuple[float, dict[str, Any]]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = _verify(proof, *options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, found


def _verify(proof: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "client.py"), "verify", str(proof), *options, "--json"]
    return dict(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment()).stdout))


def _cpu_s() -> dict[str, float]:
    """Return the processor time so far of this process, of the ring's processes and of their trainers."""
    processes = dict(_processes())
    family = {os.getpid()}
    while more := {pid for pid, each in processes.items() if each.parent in family} - family:
        family |= more
    found = {"client": 0.0, "nodes": 0.0, "trainers": 0.0}
    for pid in family & processes.keys():
        is_trainer = "roundelay.ml.trainer" in processes[pid].command
        found["client" if pid == os.getpid() else "trainers" if is_trainer else "nodes"] += processes[pid].cpu_s
    return found


@dataclass(frozen=True)
class _Process:
    parent: int
    cpu_s: float
    command: str


def _processes() -> Iterator[tuple[int, _Process]]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_text()
        except OSError:
            continue  # it has ended
        yield int(entry.name), _Process(int(stat[1]), (int(stat[11]) + int(stat[12])) / TICKS_PER_S, command)


# --- changed bytes


def _changes(proof: Path) -> Table:
    content, rng = proof.read_bytes(), random.Random(SEED)
    parts = proof_file.decode(content)
    in_file = [_change_in_file(content, parts, place, rng) for place in rng.sample(range(len(content)), CHANGES)]
    in_parts = [_change_in_part(parts, rng) for _ in range(CHANGES)]
    limit = Limit(CHANGES)
    lines = []
    for where, outcomes in (("anywhere in the file", in_file), ("in a part, archived again", in_parts)):
        lines.append(Line(f"{where}: found", "", sum(bool(why) for why, _ in outcomes), limit=limit))
        named = sum(any(name in why for name in names) for why, names in outcomes)
        lines.append(Line(f"{where}: part or round named", "", named, limit=limit))
    note = "A change of the head of a part may be reported as one after the part before it."
    return Table(f"{CHANGES} changes of one bit", tuple(lines), (note,))


def _change_in_file(content: bytes, parts: Parts, place: int, rng: random.Random) -> tuple[str, set[str]]:
    """Return what is found if this byte is changed, and the names that should be in it."""
    changed = bytearray(content)
    changed[place] ^= 1 << rng.randrange(8)
    end, before = 0, "not a proof"
    for name, part in parts.items():  # in the order of the file
        end += proof_file.HEAD_BYTES + len(name) + len(part)
        if place < end:
            return _problems(lambda: proof_file.decode(bytes(changed))), {name, before}
        before = name
    return _problems(lambda: proof_file.decode(bytes(changed))), {"directory"}


def _change_in_part(parts: Parts, rng: random.Random) -> tuple[str, set[str]]:
    name = rng.choice(list(parts))
    changed = bytearray(parts[name])
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    made = b"".join(proof_file.encode({**parts, name: bytes(changed)}))
    return _problems(lambda: proof_file.decode(made)), {name}


def _problems(decode: Callable[[], Parts]) -> str:
    """Return what does not hold in a proof; an empty string if everything does."""
    try:
        problems = check_proof(decode()).problems
    except BadProof as error:
        return str(error)
    return "; ".join(f"{name}: {', '.join(found)}" for name, found in problems.items())


# --- forgetting


def _forgetting(ring: Ring, job: Job, folder: Path) -> Table:
    less = folder / "less"
    shutil.copytree(LETTERS, less)
    name = job.spec.files[0].name
    (less / name).unlink()
    never, forgotten = _train(ring, ROUNDS, less).result(), ring.forget(job, [name]).result()
    are_equal = never.model.sha256 == forgotten.model.sha256
    return Table(
        "A job that forgets one of its files",
        (Line("its hash is that of a job that never had the file (1: yes)", "", int(are_equal), limit=Limit(1)),),
        (f"{ROUNDS} rounds; {forgotten.model.sha256[:16]} both, and {job.result().model.sha256[:16]} with the file.",)
        if are_equal
        else (),
    )
