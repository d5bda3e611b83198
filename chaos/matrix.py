"""Kills every role at every failpoint: before and after each change of state, in the middle of a job.

    python -m chaos matrix [--only ROLE] [--json]

One ring of five nodes with state directories. All processes know all failpoints; one failpoint is armed when the
first round is stored, and the first process that reaches it is killed there. Nothing is restarted before the job has
ended.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chaos import workload
from chaos.checker import lost_files, miscounted_rounds, model_of, model_shown
from chaos.nemesis import restore
from chaos.workload import Data, JobOptions
from roundelay.federation.records import DONE
from roundelay.node.failpoints import parse
from roundelay.node.subprocesses import ROOT, ManagedProcess
from roundelay.testing.cluster import Cluster, cluster, trainers_of
from roundelay.testing.waiting import FAILURES, until

NODES = 5
OPTIONS = JobOptions(rounds=4)
SLOW = "trainer.train.before=sleep:0.4"
KEPT_LOGS = ROOT / "build" / "matrix"
RINGS_MAX = 10
ATTEMPTS_MAX = 3
REQUESTS = ("DriverHeartbeat", "Order", "Collect", "Find", "GetNeighbours")
RECORDS = ("weights-", "report-", "result-", "done")
ASKS = (*(f"ask.{request}" for request in REQUESTS), *(f"ask.Put~{record}" for record in RECORDS))
HANDLED = ("Put", "Find", "Order", "Collect", "DriverHeartbeat", "Notify", "CollectGarbage")
FAILPOINTS = {
    "supernode": tuple(f"handle.{request}" for request in ("Admit", "Heartbeat", "Retire", "GetMembers")),
    "client": ASKS,
    "driver": ASKS,
    "next driver": ("ask.DriverHeartbeat", "ask.Order", "ask.Put~result-"),
    "trainer": ("trainer.missing", "trainer.add", "trainer.moments", "trainer.train", "trainer.epoch"),
    "holder": (*(f"handle.{request}" for request in HANDLED), "train", "disk.write"),
}


@dataclass(frozen=True)
class Case:
    """Which role is killed, and at which failpoint."""

    role: str
    point: str  # NAME[~TEXT]


@dataclass(frozen=True)
class Outcome:
    case: Case
    killed: str = ""
    finished: bool = False
    equal: bool = False
    files_lost: int = 0
    error: str = ""

    @property
    def is_good(self) -> bool:
        return self.finished and self.equal and bool(self.killed) and not self.files_lost and not self.error


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos matrix", description=__doc__)
    parser.add_argument("--only", choices=FAILPOINTS, metavar="ROLE", help=f"one of {', '.join(FAILPOINTS)}")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    outcomes = run_all([c for c in cases() if chosen.only in (None, c.role)])
    print(json.dumps(to_json(outcomes))) if chosen.json else Console().print(table(outcomes))
    return 0 if all(o.is_good for o in outcomes) else 1


def cases() -> list[Case]:
    """Return a case before and one after each place."""
    made = []
    for role, places in FAILPOINTS.items():
        for place in places:
            name, tilde, text = place.partition("~")
            ends = ("",) if name == "trainer.epoch" else (".before", ".after")
            made += [Case(role, f"{name}{end}{tilde}{text}") for end in ends]
    return made


def run_all(todo: Sequence[Case]) -> list[Outcome]:
    """Run the cases on one ring. After one that fails, its logs are kept, and a new ring goes on."""
    outcomes: list[Outcome] = []
    for _ in range(RINGS_MAX):
        with tempfile.TemporaryDirectory(prefix="roundelay-matrix-") as folder:
            _run_until_one_fails(todo, outcomes, Path(folder))
        if len(outcomes) == len(todo):
            break
    return outcomes


def _run_until_one_fails(todo: Sequence[Case], outcomes: list[Outcome], folder: Path) -> None:
    data = workload.small_letters(folder)
    points = ";".join(f"{point}=exit" for point in dict.fromkeys(c.point for c in cases()))
    assert parse(points), "the suite knows its failpoints"
    with cluster(folder / "ring", NODES, keep_state=True, failpoints=f"{SLOW};{points}") as ring:
        ring.supernode.kill()
        ring.supernode_failpoints = points
        ring.start_supernode()
        expected, _ = workload.undisturbed(ring, data, OPTIONS)
        for case in todo[len(outcomes) :]:
            for _ in range(ATTEMPTS_MAX):
                outcome = _run_one(ring, data, case, expected, points)
                if outcome.killed or outcome.error:
                    break  # otherwise no process reached the failpoint in time
            outcomes.append(outcome)
            line = f"{outcome.killed} killed, equal" if outcome.is_good else f"FAILED: {outcome}"
            print(f"{case.role} at {case.point}: {line}", file=sys.stderr, flush=True)
            if not outcome.is_good:
                name = f"{len(outcomes)}-{case.role}-{case.point}".replace(" ", "-")
                ring.keep_logs(KEPT_LOGS / name)
                return


def _run_one(ring: Cluster, data: Data, case: Case, expected: str, points: str) -> Outcome:
    armed = ring.arming(case.point, "clients" if case.role == "client" else "nodes")
    try:
        outcome = _kill_at(ring, data, case, expected, points, armed)
        restore(ring)
        return outcome
    except FAILURES as error:
        return Outcome(case, error=f"{type(error).__name__}: {error}")
    finally:
        armed.unlink(missing_ok=True)


def _kill_at(ring: Cluster, data: Data, case: Case, expected: str, points: str, armed: Path) -> Outcome:
    detached = case.role == "driver"
    newcomer = _prepare(ring, case)
    if case.role == "trainer":
        armed.touch()
    client = workload.start(
        ring, data, OPTIONS, "--detach" if detached else "--json", failpoints=points if case.role == "client" else ""
    )
    job = workload.job_id(client)
    if case.role == "next driver":
        client.kill()
    elif case.role not in ("trainer", "supernode"):
        workload.wait_for_round(ring, job, 1)
    if case.role != "trainer":
        armed.touch()
    _provoke(ring, case, newcomer)
    end = workload.wait_for_end(ring, job)
    killed = _killed(ring, client, case, armed)
    models = {model_of(end)} if end.results else set()
    if not detached and case.role not in ("client", "next driver"):
        models.add(model_shown(client))
    lost = lost_files(ring, end.spec)
    return Outcome(case, killed, end.end == DONE, models == {expected}, len(lost), miscounted_rounds(ring, end))


def _prepare(ring: Cluster, case: Case) -> ManagedProcess:
    """Prepare what the failpoint needs to be reached: a node that can join, trainers without files. Return the node."""
    newcomer = ring.nodes[-1]
    if case.point.startswith("handle.Admit"):
        newcomer.kill(signal.SIGTERM)
        newcomer.wait()
        ring.wait_until_converged()
        ring.wait_until_replicated()
    if case.role == "trainer":
        for pid in [pid for node in ring.nodes for pid in trainers_of(node)]:
            os.kill(pid, signal.SIGKILL)
    return newcomer


def _provoke(ring: Cluster, case: Case, newcomer: ManagedProcess) -> None:
    """Have a node join or leave where the failpoint needs it. New neighbours notify and collect garbage at once."""
    if case.point.startswith("handle.Admit"):
        ring.restart(newcomer)
        until(lambda: not ring.supernode.is_running, "a node asks to be admitted")
    elif case.point.startswith(("handle.Retire", "handle.Notify", "handle.CollectGarbage")):
        newcomer.kill(signal.SIGTERM)
        newcomer.wait()


def _killed(ring: Cluster, client: ManagedProcess, case: Case, armed: Path) -> str:
    """Return the name of the process that was killed, or nothing if none reached the failpoint."""
    if armed.exists():
        return ""
    if case.role == "trainer":
        return "a trainer"
    deadline = time.monotonic() + 1.0

    def dead() -> str:
        processes = (client, ring.supernode, *ring.nodes)
        names = [p.name for p in processes if not p.is_running and p.code == -signal.SIGKILL]
        return ", ".join(names) or ("a process" if time.monotonic() > deadline else "")

    return until(dead, "a process is killed")


def to_json(outcomes: Sequence[Outcome]) -> dict[str, object]:
    return {
        "suite": "matrix",
        "cases": len(outcomes),
        "killed": sum(bool(o.killed) for o in outcomes),
        "finished": sum(o.finished for o in outcomes),
        "equal": sum(o.equal for o in outcomes),
        "files_lost": sum(o.files_lost for o in outcomes),
        "roles": {role: _role(outcomes, role) for role in FAILPOINTS},
        "failures": [vars(o) | {"case": vars(o.case)} for o in outcomes if not o.is_good],
    }


def _role(outcomes: Sequence[Outcome], role: str) -> dict[str, object]:
    of_role = [o for o in outcomes if o.case.role == role]
    return {
        "failpoints": [o.case.point for o in of_role],
        "cases": len(of_role),
        "equal": sum(o.is_good for o in of_role),
    }


def table(outcomes: Sequence[Outcome]) -> Table:
    made = Table(
        title=f"{sum(o.is_good for o in outcomes)} of {len(outcomes)} kills left the same model", title_justify="left"
    )
    for heading in ("role", "kills", "equal", "at"):
        made.add_column(heading, overflow="fold")
    for role, places in FAILPOINTS.items():
        found = _role(outcomes, role)
        made.add_row(role, str(found["cases"]), str(found["equal"]), ", ".join(places))
    return made
