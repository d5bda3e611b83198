"""A ring of real nodes on two kinds of processors, which train one job: one node is emulated, the others are not."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from bench.figures import Limit, Line, Table
from bench.portable_environments import Environment
from roundelay.node.errors import LocalRingFailed
from roundelay.node.subprocesses import ROOT
from roundelay.testing.cluster import Cluster, cluster
from roundelay.testing.waiting import Stuck

NATIVE_NODES = 3
ROUNDS = 10
EMULATED_START_S, JOB_S = 120.0, 900.0
DATA = (str(ROOT / "letters"), "validate_letters.txt")
SMALL = ("--hidden", "16", "--epochs", "1")  # else the others have trained the emulated node's files before it has
OPTIONS = (*SMALL, "--rounds", str(ROUNDS), "--stop-when-no-better", "0", "--arithmetic", "portable", "--json")


def mixed_ring(place: Environment) -> Table:
    """Run a job on nodes of this machine, and again when an emulated node has joined."""
    title = f"A ring of {NATIVE_NODES} nodes of this machine and one that is emulated"
    try:
        with tempfile.TemporaryDirectory(prefix="roundelay-mixed-") as name, cluster(Path(name), NATIVE_NODES) as ring:
            alone = _train(ring)
            emulated = ring.add_node(wrapper=place.wrapper)
            ring.wait_until_converged(EMULATED_START_S)
            together = _train(ring)
            files = list(together["placement"].values()).count(f"127.0.0.1:{emulated.port}")
    except (LocalRingFailed, Stuck) as error:
        return Table(title, (Line(place.name, "models", None, why_not=str(error)),))
    same = int(together["model_sha256"] == alone["model_sha256"])
    lines = (
        Line("the model is that of the nodes of this machine alone", "equal models", same, limit=Limit(1)),
        Line(f"files of the last round that {place.name} has trained", "files", files, limit=Limit(1)),
    )
    note = f"The letters, {ROUNDS} rounds, {' '.join(SMALL)}. Model (sha256): {together['model_sha256'][:16]}."
    return Table(title, lines, (note,))


def _train(ring: Cluster) -> dict[str, Any]:
    """Run the job, and return what its client printed. Raises LocalRingFailed."""
    client = ring.start_client("train", *DATA, *OPTIONS)
    if client.wait(JOB_S):
        raise LocalRingFailed(f"the job has failed: {client.last_line}")
    printed: dict[str, Any] = json.loads(client.out.read_text())
    return printed
