"""The training workload: small jobs that are started by real clients and watched through any node."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

from roundelay.chord.errors import ChordError
from roundelay.client.job_spec import make_spec
from roundelay.client.letter_files import read_input
from roundelay.federation.errors import FederationError
from roundelay.federation.records import RoundReport
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.federation.upload import store_and_publish
from roundelay.node.subprocesses import ROOT, ManagedProcess
from roundelay.testing.cluster import Cluster
from roundelay.testing.waiting import TIMEOUT_S, until

FILES, ROWS, VALIDATION_ROWS = 12, 100, 200
JOB_ID = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Data:
    """The training files and the validation file."""

    folder: Path
    validation: Path


@dataclass(frozen=True)
class JobOptions:
    """Options of the client; runs are comparable if they are the same."""

    rounds: int = 6
    epochs: int = 2
    hidden: int = 16
    topology: str = "star"

    @property
    def arguments(self) -> tuple[str, ...]:
        return (
            "--rounds",
            str(self.rounds),
            "--stop-when-no-better",
            "0",
            "--epochs",
            str(self.epochs),
            "--hidden",
            str(self.hidden),
            "--topology",
            self.topology,
        )


def small_letters(folder: Path) -> Data:
    """Write the first rows of some of the shipped letters: a job on them is mostly messages."""
    data = Data(folder / "letters", folder / "validate_letters.txt")
    data.folder.mkdir(parents=True, exist_ok=True)
    sources = sorted(p for p in (ROOT / "letters").iterdir() if p.suffix == "" and p.is_file())
    for source in sources[:FILES]:
        _copy_rows(source, data.folder / source.name, ROWS)
    _copy_rows(ROOT / "letters" / "validate_letters.txt", data.validation, VALIDATION_ROWS)
    return data


def start(ring: Cluster, data: Data, options: JobOptions, *more: str, failpoints: str = "") -> ManagedProcess:
    """Start a client with a job. It prints the job's id later: see `job_id`."""
    return ring.start_client(
        "train", str(data.folder), str(data.validation), *options.arguments, *more, failpoints=failpoints
    )


def submit(ring: Cluster, data: Data, options: JobOptions) -> str:
    """Publish a job as a client with --detach does, but without a process, and return its id."""
    given = read_input(data.folder, str(data.validation))
    settings = Settings(
        rounds=options.rounds, epochs=options.epochs, hidden=(options.hidden,), topology=options.topology
    )
    spec, version = make_spec(settings, given, None, True), time.time_ns()
    ring.ask_again(lambda entry: store_and_publish(entry.node, entry.ring, spec, given.contents, version))
    return spec.job


def job_id(client: ManagedProcess) -> str:
    """Return the job's id, as soon as the client prints it. Raises Stuck."""
    found = until(lambda: JOB_ID.search(client.text), f"{client.name} prints its job's id")
    return found.group()


def snapshot(ring: Cluster, job: str) -> JobSnapshot | None:
    """Return the job's state as stored on the ring, or None while it cannot be read."""
    try:
        return ring.ask(lambda entry: read_snapshot(entry.node, entry.ring, job))
    except (ChordError, FederationError):
        return None


def read_reports(ring: Cluster, job: str) -> dict[int, RoundReport]:
    """Return the reports of a job, by round."""
    return ring.ask_again(lambda entry: read_snapshot(entry.node, entry.ring, job, with_reports=True)).reports


def wait_for_round(ring: Cluster, job: str, number: int, timeout_s: float = TIMEOUT_S) -> JobSnapshot:
    """Wait until the RESULT of that round is stored, or the job has ended. Raises Stuck."""

    def reached() -> JobSnapshot | None:
        found = snapshot(ring, job)
        return found if found is not None and (found.end or len(found.results) > number) else None

    return until(reached, f"round {number} of job {job[:8]}", timeout_s)


def wait_for_end(ring: Cluster, job: str, timeout_s: float = TIMEOUT_S) -> JobSnapshot:
    """Wait until the job has ended. Raises Stuck."""

    def ended() -> JobSnapshot | None:
        found = snapshot(ring, job)
        return found if found is not None and found.is_over else None

    return until(ended, f"the end of job {job[:8]}", timeout_s)


def undisturbed(ring: Cluster, data: Data, options: JobOptions) -> tuple[str, float]:
    """Run the job without faults; return the hash of its model, and its seconds."""
    client = start(ring, data, options, "--json")
    code = client.wait()
    assert code == 0, client.text
    result = json.loads(client.out.read_text())
    return result["model_sha256"], sum(each["seconds"] for each in result["history"])


def owner_of(ring: Cluster, name: str, place: int = 0) -> ManagedProcess:
    """Return the process that owns the key of a name, or holds copy number `place` of it. Raises Stuck."""
    statuses = until(ring.statuses, "a crawl of the ring")
    key = statuses[0].ring.key(name)
    first = next((i for i, s in enumerate(statuses) if s.node.id >= key), 0)
    return ring.node_at(statuses[(first + place) % len(statuses)].node)


def driver_of(ring: Cluster, job: str) -> ManagedProcess | None:
    """Return the running node that drives a job according to its console: the last, if there are several."""
    drivers = [node for node in ring.nodes if node.is_running and f"driving job {job[:8]}" in node.text]
    return drivers[-1] if drivers else None


def _copy_rows(source: Path, target: Path, rows: int) -> None:
    lines = source.read_text().splitlines()[:rows]
    target.write_text("".join(f"{line}\n" for line in lines))
