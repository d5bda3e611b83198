"""Kill any one process at any moment: does the job finish with the same model, bit for bit?

    python -m chaos faults [--runs 50] [--seed 7] [--only RUN] [--json]

Each run is a (role, time) pair drawn from the seed: on a ring of five nodes with three copies a
job of six rounds runs, and at that time one process is killed with -9 and not started again before
the job has ended. The ring is whole, and all copies are restored, before the next run begins.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chaos import workload
from chaos.workload import Data, Work
from roundelay.chord.errors import ChordError
from roundelay.federation.records import DONE
from roundelay.federation.snapshot import JobSnapshot
from roundelay.node.subprocesses import ROOT, ManagedProcess
from roundelay.testing.cluster import Cluster, cluster, trainers_of
from roundelay.testing.waiting import Stuck, until

ROLES = ("supernode", "client", "driver", "trainer", "owner", "holder")
NODES = 5
WORK = Work(rounds=6)
FAILPOINTS = "trainer.train.before=sleep:0.4"  # rounds as long as real ones, on few cores
KEPT_LOGS = ROOT / "build" / "faults"
RINGS_MAX = 10  # after so many failing runs the rest is not worth its time


@dataclass(frozen=True)
class Plan:
    """One run: whom to kill, and when, as a part of an undisturbed job's time."""

    run: int
    role: str
    moment: float
    choice: int  # which file, which trainer


@dataclass(frozen=True)
class Outcome:
    """What became of one run."""

    plan: Plan
    finished: bool = False
    equal: bool = False
    files_lost: int = 0
    recovery_s: float | None = None  # from the kill to the next RESULT; nothing where none was left to wait for
    killed: str = ""
    error: str = ""

    @property
    def is_good(self) -> bool:
        return self.finished and self.equal and not self.files_lost and not self.error


@dataclass
class Tally:
    """All runs of one seed."""

    seed: int
    undisturbed_s: float = 0.0
    seconds: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        recoveries = sorted(o.recovery_s for o in self.outcomes if o.recovery_s is not None)
        return {
            "suite": "faults",
            "seed": self.seed,
            "runs": len(self.outcomes),
            "finished": sum(o.finished for o in self.outcomes),
            "equal": sum(o.equal for o in self.outcomes),
            "files_lost": sum(o.files_lost for o in self.outcomes),
            "recovery_s": {"p50": percentile(recoveries, 50), "p99": percentile(recoveries, 99)},
            "roles": {role: self._role(role) for role in ROLES},
            "undisturbed_s": round(self.undisturbed_s, 2),
            "seconds": round(self.seconds, 1),
            "failures": [
                {
                    "run": o.plan.run,
                    "role": o.plan.role,
                    "moment": round(o.plan.moment, 3),
                    "error": o.error,
                    "replay": replay(self.seed, o.plan),
                }
                for o in self.outcomes
                if not o.is_good
            ],
        }

    def _role(self, role: str) -> dict[str, object]:
        mine = [o for o in self.outcomes if o.plan.role == role]
        recoveries = sorted(o.recovery_s for o in mine if o.recovery_s is not None)
        return {
            "runs": len(mine),
            "finished": sum(o.finished for o in mine),
            "equal": sum(o.equal for o in mine),
            "recovery_p50_s": percentile(recoveries, 50),
            "recovery_max_s": percentile(recoveries, 100),
        }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos faults", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", type=int, metavar="RUN", help="this run of the seed alone")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    plans = plan(chosen.seed, chosen.runs)
    tally = run_all(chosen.seed, [p for p in plans if chosen.only in (None, p.run)])
    print(json.dumps(tally.to_json())) if chosen.json else Console().print(table(tally))
    return 0 if all(o.is_good for o in tally.outcomes) else 1


def plan(seed: int, runs: int) -> list[Plan]:
    """Every role as often as the others, at random moments; a run's plan does not depend on how many there are."""
    plans = []
    for run in range(runs):
        rng = random.Random(f"{seed}:{run}")
        plans.append(Plan(run, ROLES[run % len(ROLES)], rng.random(), rng.randrange(1 << 30)))
    return plans


def run_all(seed: int, plans: Sequence[Plan]) -> Tally:
    """All of them on one ring; a run that fails leaves its logs, and the next one begins with another ring."""
    tally, left, began = Tally(seed), list(plans), time.monotonic()
    for _ in range(RINGS_MAX):
        with tempfile.TemporaryDirectory(prefix="roundelay-faults-") as folder:
            left = _run_until_one_fails(tally, left, Path(folder))
        if not left:
            break
    tally.seconds = time.monotonic() - began
    return tally


def _run_until_one_fails(tally: Tally, plans: list[Plan], folder: Path) -> list[Plan]:
    """Returns the plans that are left."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", NODES, failpoints=FAILPOINTS) as ring:
        expected, tally.undisturbed_s = workload.undisturbed(ring, data, WORK)
        for number, each in enumerate(plans):
            outcome = _run_one(ring, data, each, expected, tally.undisturbed_s)
            tally.outcomes.append(outcome)
            _tell(tally, outcome)
            if not outcome.is_good:
                shutil.copytree(ring.folder, KEPT_LOGS / f"{tally.seed}-{each.run}", dirs_exist_ok=True)
                return plans[number + 1 :]
    return []


def _run_one(ring: Cluster, data: Data, each: Plan, expected: str, whole_s: float) -> Outcome:
    try:
        outcome = _disturb(ring, data, each, expected, whole_s)
        restore(ring)
        return outcome
    except (Stuck, ChordError) as error:
        return Outcome(each, error=str(error))


def _disturb(ring: Cluster, data: Data, each: Plan, expected: str, whole_s: float) -> Outcome:
    """One job, one kill."""
    client = workload.start(ring, data, WORK, *(["--detach"] if each.role == "driver" else ["--json"]))
    job = workload.id_of(client)
    time.sleep(each.moment * whole_s)
    killed = kill(ring, each, client, job)
    recovery_s = _recovery(ring, job, time.monotonic())
    view = workload.wait_for_end(ring, job)
    made = {workload.model_of(view)} if view.results else set()
    if each.role not in ("client", "driver") or not killed:
        code = client.wait()
        made.add(json.loads(client.out.read_text())["model_sha256"] if code == 0 else f"exit code {code}")
    error = "" if made == {expected} else f"{view.end} {view.reason}: made {', '.join(sorted(made))}"
    error = error or contributions_wrong(ring, view)
    lost = workload.lost_files(ring, view.spec)
    return Outcome(each, view.end == DONE, made == {expected}, len(lost), recovery_s, killed, error)


def kill(ring: Cluster, each: Plan, client: ManagedProcess, job: str) -> str:
    """Kill the one that plays the role now. Returns its name; nothing, if it had ended already."""
    if each.role == "trainer":
        busy = until(lambda: [pid for node in ring.nodes for pid in trainers_of(node)], "a trainer")
        pid = busy[each.choice % len(busy)]
        os.kill(pid, signal.SIGKILL)
        return f"trainer {pid}"
    victim = _victim(ring, each, client, job)
    if not victim.is_running:
        return ""
    victim.kill()
    return victim.name


def _victim(ring: Cluster, each: Plan, client: ManagedProcess, job: str) -> ManagedProcess:
    if each.role == "supernode":
        return ring.supernode
    if each.role == "client":
        return client
    if each.role == "driver":
        return workload.owner_of(ring, job)
    names = sorted(path.name for path in (ring.folder.parent / "letters").iterdir())
    place = 0 if each.role == "owner" else 1 + each.choice % 2
    return workload.owner_of(ring, names[each.choice % len(names)], place)


def restore(ring: Cluster) -> None:
    """Start again whatever was killed; returns when the ring is whole and everything has its copies."""
    if not ring.supernode.is_running:
        ring.start_supernode()
    for node in ring.nodes:
        if not node.is_running:
            ring.restart(node)
    ring.wait_until_converged()
    ring.wait_until_replicated()


def contributions_wrong(ring: Cluster, view: JobSnapshot) -> str:
    """Every (round, file) enters a sum exactly once: what the reports count, or what is wrong with it."""
    reports = workload.read_reports(ring, view.job)
    wanted = sorted(f.name for f in view.spec.files)
    wrong = [
        n for n in range(1, view.spec.settings.rounds + 1) if n not in reports or sorted(reports[n].placement) != wanted
    ]
    return f"not every file once in rounds {wrong}" if wrong else ""


def percentile(ordered: Sequence[float], per_cent: int) -> float | None:
    """The smallest value that so many per cent do not exceed."""
    if not ordered:
        return None
    return round(ordered[max(0, -(-len(ordered) * per_cent // 100) - 1)], 2)


def replay(seed: int, each: Plan) -> str:
    return f"python -m chaos faults --seed {seed} --runs {each.run + 1} --only {each.run}"


def table(tally: Tally) -> Table:
    found = tally.to_json()
    made = Table(
        title=f"one process killed at a random moment: seed {tally.seed}, {found['runs']} runs, "
        f"{found['finished']} finished, {found['equal']} equal, {found['files_lost']} files lost, "
        f"{tally.seconds:.0f} s",
        title_justify="left",
    )
    for heading in ("killed", "runs", "finished", "equal", "recovery p50", "recovery worst"):
        made.add_column(heading)
    for role in ROLES:
        made.add_row(role, *(str(value) for value in tally._role(role).values()))
    return made


def _recovery(ring: Cluster, job: str, killed_at: float) -> float | None:
    """Seconds from the kill until a RESULT is stored that was not there when the ring was first asked after it."""
    found = until(lambda: workload.look(ring, job), f"job {job[:8]} can be read")
    if found.end or len(found.results) > found.spec.settings.rounds:
        return None
    workload.wait_for_round(ring, job, len(found.results))
    return time.monotonic() - killed_at


def _tell(tally: Tally, outcome: Outcome) -> None:
    """A line on standard error for each run, as it ends."""
    each = outcome.plan
    took = f"{outcome.recovery_s:.1f} s" if outcome.recovery_s is not None else "nothing left to do"
    line = "equal" if outcome.is_good else f"FAILED: {outcome.error}; again with  {replay(tally.seed, each)}"
    print(
        f"run {each.run}: {outcome.killed or each.role} ({each.role}) at {each.moment:.2f}, {took}: {line}",
        file=sys.stderr,
        flush=True,
    )
