"""Jobs on a ring of processes: small data, started by real clients, watched through any node, compared by hash."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError
from roundelay.cli.entry import RingEntry
from roundelay.cli.job_input import make_spec, read_input
from roundelay.federation import jobs
from roundelay.federation.errors import FederationError
from roundelay.federation.records import RoundReport
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.upload import upload_files
from roundelay.node.subprocesses import ROOT, ManagedProcess
from roundelay.store.read_path import get
from roundelay.testing.cluster import Cluster
from roundelay.testing.waiting import TIMEOUT_S, until

FILES, ROWS, VALIDATION_ROWS = 12, 100, 200
JOB = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Data:
    """Where the training files and the validation file lie."""

    folder: Path
    validation: Path


@dataclass(frozen=True)
class Work:
    """What is trained: the same for every run that is compared."""

    rounds: int = 6
    epochs: int = 2
    hidden: int = 16
    topology: str = "star"

    @property
    def options(self) -> tuple[str, ...]:
        return (
            "--rounds",
            str(self.rounds),
            "--epochs",
            str(self.epochs),
            "--hidden",
            str(self.hidden),
            "--topology",
            self.topology,
        )


def small_letters(folder: Path) -> Data:
    """The first rows of the first of the shipped letters, so that a job is about its messages."""
    data = Data(folder / "letters", folder / "validate_letters.txt")
    data.folder.mkdir(parents=True, exist_ok=True)
    sources = sorted(p for p in (ROOT / "letters").iterdir() if p.suffix == "" and p.is_file())
    for source in sources[:FILES]:
        _cut(source, data.folder / source.name, ROWS)
    _cut(ROOT / "letters" / "validate_letters.txt", data.validation, VALIDATION_ROWS)
    return data


def start(ring: Cluster, data: Data, work: Work, *options: str, failpoints: str = "") -> ManagedProcess:
    """A client with a job. It has not said its id yet."""
    return ring.start_client(
        "train", str(data.folder), str(data.validation), *work.options, *options, failpoints=failpoints
    )


def submit(ring: Cluster, data: Data, work: Work) -> str:
    """The same as a client with --detach, without its process. Returns the job's id."""
    given = read_input(data.folder, str(data.validation))
    settings = Settings(rounds=work.rounds, epochs=work.epochs, hidden=(work.hidden,), topology=work.topology)
    spec, files, version = make_spec(settings, given, None, True), (*given.files, given.validation), time.time_ns()
    ring.ask_again(lambda entry: upload_files(entry.node, entry.ring, files, given.contents, version, lambda _: None))
    ring.ask_again(lambda entry: jobs.publish(entry.node, entry.ring, spec, version))
    return spec.job


def id_of(client: ManagedProcess) -> str:
    """The job's id, as soon as the client says it. Raises Stuck."""
    found = until(lambda: JOB.search(client.text), f"{client.name} names its job")
    return found.group()


def look(ring: Cluster, job: str) -> JobSnapshot | None:
    """The job as the ring has it; nothing while that cannot be read."""
    try:
        return ring.ask(lambda entry: read_snapshot(entry.node, entry.ring, job))
    except (ChordError, FederationError):
        return None


def read_reports(ring: Cluster, job: str) -> dict[int, RoundReport]:
    """Return the reports of a job, by round."""
    return ring.ask_again(lambda entry: read_snapshot(entry.node, entry.ring, job, with_reports=True)).reports


def wait_for_round(ring: Cluster, job: str, number: int, timeout_s: float = TIMEOUT_S) -> JobSnapshot:
    """Until the RESULT of that round is stored, or the job has ended. Raises Stuck."""

    def reached() -> JobSnapshot | None:
        view = look(ring, job)
        return view if view is not None and (view.end or len(view.results) > number) else None

    return until(reached, f"round {number} of job {job[:8]}", timeout_s)


def wait_for_end(ring: Cluster, job: str, timeout_s: float = TIMEOUT_S) -> JobSnapshot:
    """Until the job has ended. Raises Stuck."""

    def ended() -> JobSnapshot | None:
        view = look(ring, job)
        return view if view is not None and view.is_over else None

    return until(ended, f"the end of job {job[:8]}", timeout_s)


def model_of(view: JobSnapshot) -> str:
    """The hash of the model that a job has made: that of its last round's weights."""
    return view.results[-1].weights


def undisturbed(ring: Cluster, data: Data, work: Work) -> tuple[str, float]:
    """The hash that nothing may change, and the seconds that a job takes when nothing happens."""
    client = start(ring, data, work, "--json")
    code = client.wait()
    assert code == 0, client.text
    result = json.loads(client.out.read_text())
    return result["model_sha256"], sum(each["seconds"] for each in result["history"])


def lost_files(ring: Cluster, spec: JobSpec) -> list[str]:
    """The files of a job that cannot be read any more, whole and by their digest."""
    lost = []
    for file in (*spec.files, spec.validation):
        try:
            ring.ask_again(partial(_get, file))
        except ChordError:
            lost.append(file.name)
    return lost


def owner_of(ring: Cluster, name: str, place: int = 0) -> ManagedProcess:
    """The process that owns the key of a name, or holds its first or second copy. Raises Stuck."""
    statuses = until(ring.statuses, "a walk round the ring")
    key = statuses[0].ring.key(name)
    first = next((i for i, s in enumerate(statuses) if s.node.id >= key), 0)
    return ring.node_at(statuses[(first + place) % len(statuses)].node)


def driver_of(ring: Cluster, job: str) -> ManagedProcess | None:
    """The node that drives a job, as its console says; the last to say so, if several have."""
    said = [node for node in ring.nodes if node.is_running and f"driving job {job[:8]}" in node.text]
    return said[-1] if said else None


def _get(file: TrainingFile, entry: RingEntry) -> Procedure[bytes]:
    return get(entry.node, entry.ring, entry.ring.key(file.name), file.name, file.digest)


def _cut(source: Path, target: Path, rows: int) -> None:
    lines = source.read_text().splitlines()[:rows]
    target.write_text("".join(f"{line}\n" for line in lines))
