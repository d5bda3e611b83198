"""What must hold of a job after a fault: the same model, every file in every round once, and no file lost."""

from __future__ import annotations

import json
from functools import partial

from chaos.workload import read_reports
from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError
from roundelay.client.connection import RingEntry
from roundelay.federation.requests import TrainingFile
from roundelay.federation.snapshot import JobSnapshot
from roundelay.federation.spec import JobSpec
from roundelay.node.subprocesses import ManagedProcess
from roundelay.store.read_path import get
from roundelay.testing.cluster import Cluster


def model_of(snapshot: JobSnapshot) -> str:
    """Return the hash of the model that a job made: that of the weights it keeps."""
    return snapshot.kept.weights


def model_shown(client: ManagedProcess) -> str:
    """Wait for the client, and return the model hash that it prints, or its exit code."""
    code = client.wait()
    return str(json.loads(client.out.read_text())["model_sha256"]) if code == 0 else f"exit code {code}"


def makes_model(client: ManagedProcess, expected: str) -> bool:
    """Return True if the client ends with this model."""
    return model_shown(client) == expected


def miscounted_rounds(ring: Cluster, snapshot: JobSnapshot) -> str:
    """Name the rounds whose reports do not count every file exactly once; empty if all do."""
    reports = read_reports(ring, snapshot.spec.job)
    files = sorted(file.name for file in snapshot.spec.files)
    wrong = [
        number
        for number in range(1, len(snapshot.results))
        if number not in reports or sorted(reports[number].placement) != files
    ]
    return f"not every file once in rounds {wrong}" if wrong else ""


def lost_files(ring: Cluster, spec: JobSpec) -> list[str]:
    """Return the files of a job that cannot be read any more with the right digest."""
    lost = []
    for file in (*spec.files, spec.validation_file):
        try:
            ring.ask_again(partial(_get, file))
        except ChordError:
            lost.append(file.name)
    return lost


def _get(file: TrainingFile, entry: RingEntry) -> Procedure[bytes]:
    return get(entry.node, entry.ring, entry.ring.key(file.name), file.name, file.digest)
