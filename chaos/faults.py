"""Kills one process at a random moment of a job, which must still make the same model, bit for bit.

    python -m chaos faults [--runs 50] [--seed 7] [--only RUN] [--kits] [--json]

Each run is a (role, time) pair drawn from the seed. On a ring of five nodes with three copies a job of six rounds
runs; at that time one process is killed with -9, and it is not restarted before the job has ended. The ring has
converged and all copies are restored before the next run begins.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chaos import workload
from chaos.checker import lost_files, miscounted_rounds, model_of, model_shown
from chaos.nemesis import ROLES, kill_role, restore
from chaos.workload import Data, JobOptions
from roundelay.federation.early_stopping import is_complete
from roundelay.federation.records import DONE
from roundelay.node.subprocesses import ROOT
from roundelay.testing.cluster import Cluster, cluster
from roundelay.testing.hub import Link
from roundelay.testing.multi_host import far_cluster
from roundelay.testing.namespaces import missing_for_distance
from roundelay.testing.waiting import FAILURES, until

NODES = 5
OPTIONS = JobOptions(rounds=6)
FAILPOINTS = "trainer.train.before=sleep:0.4"  # on few cores, rounds as long as real ones
DELAY_HELP = "put each node on a host of its own (a network namespace), with this round trip between them; needs root"
KEPT_LOGS = ROOT / "build" / "faults"
KITS_HELP = "give every process a kit: TLS, access rules and signed records"
RINGS_MAX = 10  # give up after as many failed runs


@dataclass(frozen=True)
class Plan:
    """One run: which role is killed, and when, as a share of an undisturbed job's time."""

    run: int
    role: str
    moment: float
    choice: int  # which file, which trainer


@dataclass(frozen=True)
class Outcome:
    """How one run ended."""

    plan: Plan
    finished: bool = False
    equal: bool = False
    files_lost: int = 0
    recovery_s: float | None = None  # from the kill to the next RESULT; None if none was left to wait for
    killed: str = ""
    error: str = ""

    @property
    def is_good(self) -> bool:
        return self.finished and self.equal and not self.files_lost and not self.error


@dataclass
class Tally:
    """All runs of one seed."""

    seed: int
    delay_ms: float = 0.0  # the round trip between hosts; 0: one host
    has_kits: bool = False  # whether the ring is secured
    undisturbed_s: float = 0.0
    seconds: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        recoveries = sorted(o.recovery_s for o in self.outcomes if o.recovery_s is not None)
        return {
            "suite": "faults",
            "seed": self.seed,
            "delay_ms": self.delay_ms,
            "kits": self.has_kits,
            "runs": len(self.outcomes),
            "finished": sum(o.finished for o in self.outcomes),
            "equal": sum(o.equal for o in self.outcomes),
            "files_lost": sum(o.files_lost for o in self.outcomes),
            "recovery_s": {"p50": percentile(recoveries, 50), "p99": percentile(recoveries, 99)},
            "roles": {role: self.of_role(role) for role in ROLES},
            "undisturbed_s": round(self.undisturbed_s, 2),
            "seconds": round(self.seconds, 1),
            "failures": [
                {
                    "run": o.plan.run,
                    "role": o.plan.role,
                    "moment": round(o.plan.moment, 3),
                    "error": o.error,
                    "replay": replay(self, o.plan),
                }
                for o in self.outcomes
                if not o.is_good
            ],
        }

    def of_role(self, role: str) -> dict[str, object]:
        """Return the figures of one role."""
        outcomes = [o for o in self.outcomes if o.plan.role == role]
        recoveries = sorted(o.recovery_s for o in outcomes if o.recovery_s is not None)
        return {
            "runs": len(outcomes),
            "finished": sum(o.finished for o in outcomes),
            "equal": sum(o.equal for o in outcomes),
            "recovery_p50_s": percentile(recoveries, 50),
            "recovery_max_s": percentile(recoveries, 100),
        }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos faults", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", type=int, metavar="RUN", help="run only this run of the seed")
    parser.add_argument("--delay", type=_milliseconds, default=0.0, metavar="MS", help=DELAY_HELP)
    parser.add_argument("--kits", action="store_true", help=KITS_HELP)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.delay and chosen.kits:
        parser.error("--delay and --kits cannot be used together")
    if chosen.delay and (why := missing_for_distance()):
        print(f"--delay cannot be used here: {why}", file=sys.stderr)
        return 69
    plans = make_plans(chosen.seed, chosen.runs)
    tally = Tally(chosen.seed, chosen.delay, chosen.kits)
    run_all(tally, [plan for plan in plans if chosen.only in (None, plan.run)])
    print(json.dumps(tally.to_json())) if chosen.json else Console().print(table(tally))
    return 0 if all(o.is_good for o in tally.outcomes) else 1


def _milliseconds(text: str) -> float:
    return float(text.removesuffix("ms"))


def make_plans(seed: int, runs: int) -> list[Plan]:
    """Plan the roles in turn, at random moments. A run's plan does not depend on the number of runs."""
    plans = []
    for run in range(runs):
        rng = random.Random(f"{seed}:{run}")
        plans.append(Plan(run, ROLES[run % len(ROLES)], rng.random(), rng.randrange(1 << 30)))
    return plans


def run_all(tally: Tally, plans: Sequence[Plan]) -> None:
    """Run all plans on one ring. After a run that fails, its logs are kept, and a new ring goes on."""
    left, began = list(plans), time.monotonic()
    for _ in range(RINGS_MAX):
        with tempfile.TemporaryDirectory(prefix="roundelay-faults-") as folder:
            left = _run_until_one_fails(tally, left, Path(folder))
        if not left:
            break
    tally.seconds = time.monotonic() - began


def _run_until_one_fails(tally: Tally, plans: list[Plan], folder: Path) -> list[Plan]:
    """Return the plans that are left."""
    data = workload.small_letters(folder)
    with _ring(folder / "ring", tally) as ring:
        expected, tally.undisturbed_s = workload.undisturbed(ring, data, OPTIONS)
        for number, plan in enumerate(plans):
            outcome = _run_one(ring, data, plan, expected, tally.undisturbed_s)
            tally.outcomes.append(outcome)
            _print_progress(tally, outcome)
            if not outcome.is_good:
                ring.keep_logs(KEPT_LOGS / f"{tally.seed}-{plan.run}")
                return plans[number + 1 :]
    return []


@contextmanager
def _ring(folder: Path, tally: Tally) -> Iterator[Cluster]:
    if tally.delay_ms:
        with far_cluster(folder, NODES, Link(tally.delay_ms / 1000), FAILPOINTS) as (ring, _):
            yield ring
    else:
        with cluster(folder, NODES, failpoints=FAILPOINTS, secured=tally.has_kits) as near:
            yield near


def _run_one(ring: Cluster, data: Data, plan: Plan, expected: str, undisturbed_s: float) -> Outcome:
    try:
        outcome = _kill_in_a_job(ring, data, plan, expected, undisturbed_s)
        restore(ring)
        return outcome
    except FAILURES as error:
        return Outcome(plan, error=str(error))


def _kill_in_a_job(ring: Cluster, data: Data, plan: Plan, expected: str, undisturbed_s: float) -> Outcome:
    client = workload.start(ring, data, OPTIONS, "--detach" if plan.role == "driver" else "--json")
    job = workload.job_id(client)
    time.sleep(plan.moment * undisturbed_s)
    killed = kill_role(ring, plan.role, plan.choice, client, job, data.folder)
    recovery_s = _recovery(ring, job, time.monotonic())
    end = workload.wait_for_end(ring, job)
    models = {model_of(end)} if end.results else set()
    if plan.role not in ("client", "driver") or not killed:
        models.add(model_shown(client))
    error = "" if models == {expected} else f"{end.end} {end.reason}: made {', '.join(sorted(models))}"
    error = error or miscounted_rounds(ring, end)
    lost = lost_files(ring, end.spec)
    return Outcome(plan, end.end == DONE, models == {expected}, len(lost), recovery_s, killed, error)


def _recovery(ring: Cluster, job: str, killed_at: float) -> float | None:
    """Return the seconds from the kill until a RESULT is stored that was not there when the ring first answered."""
    found = until(lambda: workload.snapshot(ring, job), f"job {job[:8]} can be read")
    if found.end or is_complete(found.spec.settings, found.results):
        return None
    workload.wait_for_round(ring, job, len(found.results))
    return time.monotonic() - killed_at


def percentile(ordered: Sequence[float], per_cent: int) -> float | None:
    """Return the smallest value that is at least as large as `per_cent` of them, rounded; None of no values."""
    if not ordered:
        return None
    return round(ordered[max(0, -(-len(ordered) * per_cent // 100) - 1)], 2)


def replay(tally: Tally, plan: Plan) -> str:
    """Return the command that runs one plan again."""
    options = (f" --delay {tally.delay_ms:g}" if tally.delay_ms else "") + " --kits" * tally.has_kits
    return f"python -m chaos faults --seed {tally.seed} --runs {plan.run + 1} --only {plan.run}{options}"


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
        made.add_row(role, *(str(value) for value in tally.of_role(role).values()))
    return made


def _print_progress(tally: Tally, outcome: Outcome) -> None:
    plan = outcome.plan
    took = f"{outcome.recovery_s:.1f} s" if outcome.recovery_s is not None else "no round left"
    again = replay(tally, plan)
    line = "equal" if outcome.is_good else f"FAILED: {outcome.error}; replay with  {again}"
    print(
        f"run {plan.run}: {outcome.killed or plan.role} ({plan.role}) at {plan.moment:.2f}, {took}: {line}",
        file=sys.stderr,
        flush=True,
    )
