"""Have nodes return wrong results, and check that --verify names them, nobody else, and gets the honest model.

    python -m chaos liars [--kits] [--part PART] [--again] [--json] [--out FILE]

`processes`: a ring of twelve real nodes, of which three then lie in different ways. `everything`, `accident`, `share`,
`pair`, `killed` and `orphaned` are simulated jobs, one for each seed: every order verified, three liars; a node whose
memory flips a bit; a tenth of the orders verified, one liar; two nodes that agree on one wrong result; three liars, and
the driver killed amid a verification; a tenth verified, one liar, and the client killed in the first round. With --kits
each ring is secured. What a part has found is kept in build/chaos/, so that parts can run side by side; --again runs
them anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from typing import Any

from chaos import workload
from chaos.faults import KITS_HELP
from chaos.simulated_liars import FILES, NODES, SETTINGS, SimulatedJob, Simulation, simulate
from chaos.workload import Data, JobOptions
from roundelay.node.subprocesses import ROOT, ManagedProcess
from roundelay.testing.cluster import Cluster, cluster, trainers_of
from roundelay.testing.process_stats import processor_s

# Of a liar that is alone, with any file: wrong results that pass for possible.
KINDS = ("sign-flip", "scaled", "one-bit", "label-flip", "lazy", "stale")
LIARS, SEEDS, SHARE, SHARE_SEEDS, KILLED_SEEDS = 3, 20, 0.1, 40, 10
FOUND_WITHIN, FOUND_SHARE_MIN, COST_MAX = 25, 0.95, 2.2
SHORT = replace(SETTINGS, rounds=12)
REAL = JobOptions(rounds=12, epochs=5, hidden=64)
REAL_ATTACKS = ("sign-flip", "one-bit", "label-flip")
KEPT = ROOT / "build" / "chaos"
PAIRS = 3  # of jobs with and without verification, one after the other

Found = dict[str, Any]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos liars", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kits", action="store_true", help=KITS_HELP)
    parser.add_argument("--part", choices=PARTS, help="run only this part")
    parser.add_argument("--again", action="store_true", help="run what has been run before, too")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a document as well")
    chosen = parser.parse_args(arguments)
    if chosen.out and chosen.part:
        parser.error("--out needs all parts")
    chosen_parts = [chosen.part] if chosen.part else list(PARTS)
    found: Found = {name: run(name, chosen.again, chosen.kits) for name in chosen_parts}
    found |= {"suite": "liars", "kits": chosen.kits, "held": all(each["held"] for each in found.values())}
    print(json.dumps(found) if chosen.json else "\n".join(table(found)))
    if chosen.out:
        chosen.out.write_text(document(found))
    return 0 if found["held"] else 1


def run(part: str, again: bool, secured: bool) -> Found:
    """Run a part, unless what it has found is kept. secured: on secured rings."""
    place = KEPT / f"liars{'-kits' * secured}-{part}.json"
    if again or not place.exists():
        found = PARTS[part](secured)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(found))
    kept: Found = json.loads(place.read_text())
    return kept


# --- simulated


def everything(secured: bool) -> Found:
    """Verify every order; three liars of different kinds."""
    jobs = [
        simulate(seed, 1.0, [KINDS[(seed + 2 * place) % len(KINDS)] for place in range(LIARS)], SHORT, secured)
        for seed in range(SEEDS)
    ]
    return _summary(jobs) | {"held": _all_found(jobs)}


def accident(secured: bool) -> Found:
    """Verify every order; one machine flips a bit now and then."""
    jobs = [simulate(seed, 1.0, ["one-bit"], SHORT, secured) for seed in range(SEEDS)]
    return _summary(jobs) | {"held": _all_found(jobs)}


def share(secured: bool) -> Found:
    """Verify a tenth of the orders; one liar, in every round."""
    jobs = [simulate(seed, SHARE, [KINDS[seed % len(KINDS)]], SETTINGS, secured) for seed in range(SHARE_SEEDS)]
    in_time = [job for job in jobs if job.found_in is not None and job.found_in <= FOUND_WITHIN]
    return _summary(jobs) | {
        "found_in_time": len(in_time),
        "rounds": sorted(job.found_in for job in jobs if job.found_in is not None),
        "held": len(in_time) >= FOUND_SHARE_MIN * len(jobs)
        and all(job.is_honest for job in in_time)
        and not any(job.accused for job in jobs),
    }


def pair(secured: bool) -> Found:
    """Verify every order; two liars that agree. What is promised is only that nobody honest is accused."""
    jobs = [simulate(seed, 1.0, ["colluding"] * 2, SHORT, secured) for seed in range(SEEDS)]
    return _summary(jobs) | {"held": not any(job.accused for job in jobs)}


def killed(secured: bool) -> Found:
    """Verify every order, and kill the driver while orders are repeated; a node takes over."""
    jobs = []
    for seed in range(KILLED_SEEDS):
        simulation = Simulation(seed, 1.0, KINDS[:LIARS], SHORT, secured)
        kill_at = FILES + 1 + 3 * seed
        simulation.run(until=lambda made=simulation, at=kill_at: made.trained >= at)  # type: ignore[misc]
        simulation.kill_client()
        jobs.append(simulation.outcome())
    return _summary(jobs) | {"held": _all_found(jobs)}


def orphaned(secured: bool) -> Found:
    """Verify a tenth of the orders, with a liar in every round, and kill the client: a node replaces the job."""
    jobs = []
    for seed in range(KILLED_SEEDS):
        simulation = Simulation(seed, SHARE, [KINDS[seed % len(KINDS)]], SETTINGS, secured)
        simulation.run(until=lambda made=simulation: made.trained > FILES // 2)  # type: ignore[misc]
        simulation.kill_client()
        jobs.append(simulation.outcome())
    found = [job for job in jobs if not job.missed]
    return _summary(jobs) | {"held": all(job.is_honest for job in found) and not any(job.accused for job in jobs)}


def _all_found(jobs: Sequence[SimulatedJob]) -> bool:
    return all(job.is_honest and not job.missed and not job.accused for job in jobs)


def _summary(jobs: Sequence[SimulatedJob]) -> Found:
    return {
        "jobs": len(jobs),
        "liars": sum(len(job.liars) for job in jobs),
        "named": sum(len(job.liars) - len(job.missed) for job in jobs),
        "accused": sum(len(job.accused) for job in jobs),
        "honest_models": sum(job.is_honest for job in jobs),
        "replaced": sum(job.replaced > 0 for job in jobs),
        "work": round(mean(job.trained / (FILES * job.rounds) for job in jobs), 2),
    }


# --- real


def processes(secured: bool) -> Found:
    """Measure verification on a ring of honest nodes, then let three of them lie."""
    with (
        tempfile.TemporaryDirectory(prefix="roundelay-liars-") as name,
        cluster(Path(name), NODES, secured=secured) as ring,
    ):
        data = Data(ROOT / "letters", ROOT / "letters" / "validate_letters.txt")
        costs, plain_s, honest = _costs(ring, data)
        liars = _let_lie(ring, data)
        run = _train(ring, data, 1.0)
    named, cost = set(run["liars"]), max(median(costs), run["processor_s"] / plain_s)
    return {
        "liars": len(liars),
        "named": len(named & liars),
        "accused": len(named - liars),
        "honest_models": int(run["model_sha256"] == honest),
        "jobs": 1,
        "cost": round(cost, 2),
        "cost_without_liars": round(median(costs), 2),
        "held": named == liars and run["model_sha256"] == honest and cost <= COST_MAX,
    }


def _costs(ring: Cluster, data: Data) -> tuple[list[float], float, str]:
    """Return the cost of verification in each pair of jobs, the processor time without, and the model's hash."""
    costs, plain_s, models = [], [], set()
    _train(ring, data, 0.0)  # trainers start, and files are parsed
    for _ in range(PAIRS):
        plain, verified = (_train(ring, data, verify) for verify in (0.0, 1.0))
        costs.append(verified["processor_s"] / plain["processor_s"])
        plain_s.append(plain["processor_s"])
        models |= {plain["model_sha256"], verified["model_sha256"]}
    if len(models) > 1:
        raise RuntimeError(f"honest jobs have {len(models)} different models")
    return costs, median(plain_s), models.pop()


def _let_lie(ring: Cluster, data: Data) -> set[str]:
    """Start owners of training files again as liars of different kinds. Return their addresses."""
    names = sorted(path.name for path in data.folder.iterdir() if path.name.isalnum())
    owners = list({node.name: node for name in names if (node := workload.owner_of(ring, name))}.values())[:LIARS]
    for node, attack in zip(owners, REAL_ATTACKS, strict=True):
        node.kill()
        ring.restart_with(node, "--attack", attack)
    ring.wait_until_converged()
    ring.wait_until_replicated()
    return {f"127.0.0.1:{node.known_port}" for node in owners}


def _train(ring: Cluster, data: Data, verify: float) -> Found:
    """Run a job; return what its client printed, and the processor time that the nodes took."""
    before = _processor_s(ring.nodes)
    client = workload.start(ring, data, REAL, "--verify", str(verify), "--json")
    if client.wait() != 0:
        raise RuntimeError(f"the job has failed: {client.text[-1000:]}")
    printed: Found = json.loads(client.out.read_text())
    return printed | {"processor_s": _processor_s(ring.nodes) - before}


def _processor_s(nodes: Sequence[ManagedProcess]) -> float:
    return sum(processor_s(pid) for node in nodes for pid in (node.pid, *trainers_of(node)))


PARTS: dict[str, Callable[[bool], Found]] = {
    part.__name__: part for part in (processes, everything, accident, share, pair, killed, orphaned)
}
ABOUT = {
    "processes": f"{NODES} real nodes, {LIARS} liars, `--verify 1`",
    "everything": f"{LIARS} liars of different kinds, `--verify 1`",
    "accident": "one bit flipped in each result, `--verify 1`",
    "share": f"one liar in every round, `--verify {SHARE}`",
    "pair": "two that agree on one wrong result, `--verify 1`",
    "killed": f"{LIARS} liars, driver killed amid a verification, `--verify 1`",
    "orphaned": f"one liar in every round, client killed in the first, `--verify {SHARE}`",
}


def table(found: Found) -> list[str]:
    """Return the findings as a table."""
    lines = [
        "| case | jobs | liars named | honest nodes named | honest model | replaced | trained | holds |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in (name for name in PARTS if name in found):
        of = found[name]
        work = f"{of['work']}x" if "work" in of else f"{of['cost']}x processor time"
        lines.append(
            f"| {ABOUT[name]} | {of['jobs']} | {of['named']} of {of['liars']} | {of['accused']} | "
            f"{of['honest_models']} | {of.get('replaced', 0)} | {work} | {'yes' if of['held'] else '**no**'} |"
        )
    return lines


def document(found: Found) -> str:
    """Return the document."""
    rounds, kits = found["share"]["rounds"], found["kits"]
    return "\n".join(
        [
            "# Nodes that return wrong results" + ", in secured rings" * kits,
            "",
            f"Written by `python -m chaos liars{' --kits' * kits} --out docs/results/liars{'_kits' * kits}.md` on "
            f"{time.strftime('%Y-%m-%d')}; do not edit.",
            "",
            *table(found),
            "",
            f"All cases but the first are simulated: {NODES} nodes, {FILES} files, {SHORT.rounds} rounds "
            f"({SETTINGS.rounds} with `--verify {SHARE}`), the real core in virtual time, and for each seed a ring, "
            "files and liars of its own. *Honest model*: jobs whose model has the hash of a job without liars. "
            "*Trained*: how often each file was trained in a round; of the first case, the processor time of all nodes "
            "in that of the same job without liars and `--verify`; when no node lies, it is "
            f"{found['processes']['cost_without_liars']}x. `compute_node.py --help-all` describes the attacks.",
            "",
            f"With `--verify {SHARE}`, {found['share']['found_in_time']} of {found['share']['jobs']} liars were found "
            f"within {FOUND_WITHIN} rounds, half of them within {median(rounds):.0f}, the last in round {max(rounds)}. "
            "A node is found in two ways: by those that repeat its orders, and when it repeats those of others.",
            "",
            *["Simulated nodes sign their records by name; the rules are the real ones.", ""] * kits,
            "Of a pair that agrees, only this is promised: it never makes a job accuse an honest node. "
            "[reproducibility.md](../reproducibility.md) says how likely it is to be found.",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
