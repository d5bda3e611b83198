"""Say to a ring whatever a stranger can say, beside an honest job that must not notice.

    python -m chaos hostile [--minutes 10] [--seed 1] [--share 1] [--only CASE] [--list] [--json]

A ring of five, of which one lies in its answers, is sent changed messages of every call and hostile records of every
kind, while the named cases run one after the other, again and again. Counted are processes that ended, tracebacks on
any console, memory gained by each process, the slowest good call, and jobs without the right hash.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chaos import workload
from chaos.hostility import believed, lethal, memory, slowness
from chaos.hostility.case import GOOD_CALL_MAX_S, GROWTH_MAX_MB, Attack, Case, CaseResult, run_case
from chaos.hostility.honest_jobs import OPTIONS, PAUSE_S, HonestJobs
from chaos.hostility.liar import LyingNode
from chaos.hostility.records import RecordFuzzer
from chaos.hostility.repeating import repeating
from chaos.hostility.watch import SAMPLE_EVERY_S, Helper, Watch
from roundelay.node.addresses import register
from roundelay.node.subprocesses import ROOT
from roundelay.testing.cluster import Cluster

NODES = 4  # honest ones; the liar comes on top
FUZZERS = 2  # processes: one waits for its answer while the other sends
PER_SECOND = 150  # changed messages of each
RECORD_EVERY_S = 0.5
MINUTES = 10.0
FULL_MINUTES = 3.0  # a shorter run sends only its share of each case's messages
SHARE_MIN = 0.25
NAME_WITH_UMLAUT = "größe 数据.txt"
NARROW = "ascii"  # the encoding of one node's output, which cannot show that name
MODULES = (lethal, memory, slowness, believed)
KEPT_LOGS = ROOT / "build" / "hostile"


@dataclass
class Outcome:
    """What a run has shown."""

    seed: int
    seconds: float = 0.0
    messages: int = 0
    answered: int = 0
    records: int = 0
    lies: int = 0
    processes_lost: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    growth_mb: dict[str, float] = field(default_factory=dict)
    good_calls: int = 0
    slowest_good_call_s: float = 0.0
    jobs_right: int = 0
    jobs_wrong: list[str] = field(default_factory=list)
    cases: list[CaseResult] = field(default_factory=list)

    @property
    def failing(self) -> list[str]:
        return [case.name for case in self.cases if not case.held]

    @property
    def held(self) -> bool:
        is_bounded = all(mb <= GROWTH_MAX_MB for mb in self.growth_mb.values())
        is_quick = self.good_calls > 0 and self.slowest_good_call_s <= GOOD_CALL_MAX_S
        is_right = self.jobs_right > 0 and not self.jobs_wrong
        return is_bounded and is_quick and is_right and not (self.processes_lost or self.tracebacks or self.failing)

    def to_json(self) -> dict[str, object]:
        kept = asdict(self) | {"suite": "hostile", "held": self.held, "failing": self.failing}
        return kept | {"slowest_good_call_s": round(self.slowest_good_call_s, 3), "not_tried": believed.LATER}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos hostile", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, help="of each case's messages; default: all, from 3 minutes on")
    parser.add_argument("--only", action="append", metavar="CASE", help="only this case, and no changed messages")
    parser.add_argument("--list", action="store_true", help="show the names of the cases")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    known = cases()
    if unknown := set(chosen.only or ()) - known.keys():
        parser.error(f"no case {', '.join(sorted(unknown))}; choose from {', '.join(known)}")
    if chosen.list:
        print("\n".join(known))
        return 0
    wanted = {name: known[name] for name in chosen.only or known}
    outcome = run(chosen.seed, chosen.minutes, wanted, bool(chosen.only), chosen.share)
    if chosen.json:
        print(json.dumps(outcome.to_json()))
    else:
        Console().print(table(outcome))
    return 0 if outcome.held else 1


def cases() -> dict[str, Case]:
    """Return all named cases."""
    return {case.__name__: case for module in MODULES for case in module.CASES}


def run(seed: int, minutes: float, chosen: dict[str, Case], only: bool = False, share: float | None = None) -> Outcome:
    """Attack a ring of its own for so long; its logs are kept if something did not hold."""
    outcome = Outcome(seed)
    with tempfile.TemporaryDirectory(prefix="roundelay-hostile-") as name, ExitStack() as stack:
        ring = Cluster(Path(name) / "ring")
        stack.callback(ring.stop)
        began = time.monotonic()
        attack = prepare(ring, Path(name), random.Random(seed), stack)
        attack.share = min(1.0, max(SHARE_MIN, minutes / FULL_MINUTES)) if share is None else share
        until = time.monotonic() + 60 * minutes
        attack_until(until, attack, chosen, outcome, only)
        outcome.seconds = round(time.monotonic() - began, 1)
        outcome.growth_mb = attack.watch.growth_mb()
        outcome.jobs_right, outcome.jobs_wrong = attack.honest.right, attack.honest.wrong
        if not outcome.held:
            shutil.rmtree(KEPT_LOGS, ignore_errors=True)
            ring.keep_logs(KEPT_LOGS)
    return outcome


def prepare(ring: Cluster, folder: Path, rng: random.Random, stack: ExitStack) -> Attack:
    """Form a ring, find the honest job's hash, and let a liar join."""
    ring.start_supernode()
    for number in range(NODES):
        node = ring.add_node()
        if number == 0:  # from its next life on, which begins at once
            node.kill()
            node.environment |= {"PYTHONIOENCODING": NARROW, "PYTHONUTF8": "0"}
            ring.restart(node)
    ring.wait_until_converged()
    data = workload.small_letters(folder)
    first = min(data.folder.iterdir())
    first.rename(first.with_name(NAME_WITH_UMLAUT))
    expected, _ = workload.undisturbed(ring, data, OPTIONS)
    job = workload.submit(ring, data, OPTIONS)
    end = workload.wait_for_end(ring, job)
    stack.enter_context(_without_faults_of_the_liar())
    liar = LyingNode(ring.supernode_address, folder / "liar", rng)
    liar.listen()
    stack.callback(liar.leave)
    register(ring.node_list, liar.address)
    liar.join()
    attack = Attack(ring, Watch(ring), HonestJobs(ring, data, expected), end.spec, rng, liar)
    attack.wait_until_healed()
    return attack


@contextmanager
def _without_faults_of_the_liar() -> Iterator[None]:
    """Keep what the liar's own server cannot send out of the log."""
    log = logging.getLogger("roundelay.rpc.server")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def attack_until(until: float, attack: Attack, chosen: dict[str, Case], outcome: Outcome, only: bool) -> None:
    """Do the cases in turn beside everything else until the time is over; each at least once."""
    results = {name: CaseResult(name) for name in chosen}
    ports = [node.port for node in attack.ring.nodes]
    prober = Helper("prober", *ports)
    attack.watch.settle()
    with repeating(attack.watch.sample, SAMPLE_EVERY_S), _background(attack, outcome, only, ports):
        while not all(result.runs for result in results.values()) or time.monotonic() < until:
            for name, case in chosen.items():
                if results[name].runs and time.monotonic() >= until:
                    break
                run_case(name, case, attack, lambda since: _slowest(prober, since), results[name])
                _tell(results[name])
    prober.stop()
    outcome.cases = list(results.values())
    outcome.good_calls = len(prober.lines)
    outcome.slowest_good_call_s = _slowest(prober, 0.0)
    for result in outcome.cases:
        outcome.processes_lost += [why for why in result.why if why.startswith("lost ")]
        outcome.tracebacks += [why for why in result.why if why.startswith("traceback ")]


@contextmanager
def _background(attack: Attack, outcome: Outcome, only: bool, ports: list[int]) -> Iterator[None]:
    """Run what goes on beside the cases: the honest job and, unless `only` cases are wanted, all the rest."""
    if only:
        yield
        return
    seed = attack.rng.getrandbits(32)
    fuzzed = (*ports, attack.ring.supernode_address.port)
    fuzzers = [Helper("fuzzer", seed + number, PER_SECOND, 0, *fuzzed) for number in range(FUZZERS)]
    records = RecordFuzzer(attack.ring, attack.spec, random.Random(seed))
    attack.liar.processor.is_lying = True
    with repeating(attack.honest.run_once, PAUSE_S), repeating(records.store_one, RECORD_EVERY_S):
        yield
    attack.liar.processor.is_lying = False
    for fuzzer in fuzzers:
        fuzzer.stop()
        outcome.messages += fuzzer.lines[-1]["messages"]
        outcome.answered += fuzzer.lines[-1]["answered"]
    outcome.records, outcome.lies = records.stored, attack.liar.lies.total()


def _slowest(prober: Helper, since: float) -> float:
    """Return the seconds of the slowest good call that ended after a moment, whether or not it was answered."""
    return max((line[3] for line in list(prober.lines) if line[0] >= since), default=0.0)


def _tell(result: CaseResult) -> None:
    state = "held" if result.held else f"NOT HELD: {result.why[-1]}"
    print(f"{result.name}: {state} ({result.seconds} s)", file=sys.stderr, flush=True)


def table(outcome: Outcome) -> Table:
    """Return the outcome for people."""
    figures = {
        "changed messages": f"{outcome.messages}, {outcome.answered} answered",
        "hostile records, lying answers": f"{outcome.records}, {outcome.lies}",
        "processes lost": len(outcome.processes_lost),
        "tracebacks": len(outcome.tracebacks),
        "memory gained at most": f"{max(outcome.growth_mb.values(), default=0.0)} MB",
        "slowest good call": f"{outcome.slowest_good_call_s:.3f} s of {outcome.good_calls}",
        "honest jobs right, wrong": f"{outcome.jobs_right}, {len(outcome.jobs_wrong)}",
    }
    made = Table(title=f"hostile, seed {outcome.seed}: {outcome.seconds} s", title_justify="left")
    for heading in ("what", "held", "found"):
        made.add_column(heading, overflow="fold")
    for what, found in figures.items():
        made.add_row(what, "", str(found))
    for case in outcome.cases:
        made.add_row(case.name, "yes" if case.held else "NO", escape("; ".join(dict.fromkeys(case.why))[:400]))
    return made
