"""Hosts that are far apart: what distance, bandwidth, loss and a killed node cost a job.

    python -m bench wan [--only SETTING ...] [--rounds R] [--minutes M] [--trace FILE] [--json]

The supernode and the client are on one host and four nodes on four others: network namespaces, joined by the hub of
roundelay.testing. Every job is the command that users type: the shipped letters with default settings. The figures of
each setting are kept in build/bench/, and docs/results/wan.md is written from the latest of all settings.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from bench import flower as flower_bench
from bench import machine, wan_page
from bench.machine import ROOT
from bench.report import KEPT, write
from bench.wan_page import NEAR
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster, cluster
from roundelay.testing.hub import Link
from roundelay.testing.multi_host import far_cluster
from roundelay.testing.namespaces import WideArea, missing_for_distance, wide_area
from roundelay.testing.waiting import Stuck

NODES = 4
ROUNDS = 30
WARM_UP = 2  # rounds in which trainers start and connections open
KILL_AFTER = 5  # rounds
COMMANDS = 5  # how often each is run
TIMEOUT_S = 600.0
POLL_S = 0.002
MINUTES = 10.0
SPIKE_S, SPIKE_EVERY_S = 2.0, 60.0
FLOWER = ("50ms", "200ms")  # on which Flower runs, too
WIDE = ("--hidden", "1560,1560", "--epochs", "1")  # 10 MB of weights
WIDE_ROUNDS = 5
FILES_FEW, ROWS_FEW = 8, 40
ROUND_DONE = re.compile(r"^round \d+ of \d+:", re.MULTILINE)
LOST_TOUCH = ("did not answer", "does not answer", "no answer within", "trained again", "away")


@dataclass(frozen=True)
class Setting:
    """One network, and what happens on it."""

    name: str
    link: Link | None  # None: loopback, without a hub
    kill: bool = False  # one node, with SIGKILL
    spikes: bool = False  # of the delay, for MINUTES
    options: tuple[str, ...] = ()
    rounds: int | None = None
    few_rows: bool = False  # where weights, not training, are what is measured


SETTINGS = (
    Setting(NEAR, None),
    Setting("50ms", Link(0.05, 100)),
    Setting("200ms", Link(0.2, 20)),
    Setting("200ms-loss", Link(0.2, 20, 0.01)),
    Setting("50ms-narrow", Link(0.05, 2)),
    Setting("300ms-kill", Link(0.3, 20, 0.02), kill=True),
    Setting("10MB", Link(0.05, 100), options=WIDE, rounds=WIDE_ROUNDS, few_rows=True),
    Setting("spikes", Link(0.3, 20, 0.02), spikes=True),
)


@dataclass(frozen=True)
class Measured:
    """What one job took, on one setting."""

    setting: str
    network: str
    round_trip_s: float
    round_s: float  # the median, as all medians without the first rounds
    training_s: float  # the median of each round's slowest node
    beyond_s: float  # the median of what a round takes beyond it
    first_round_s: float  # from the client's start to the end of the first round
    end_s: float  # from the end of the last round to the end of the client
    busiest_bytes: float  # of the busiest uplink, a round
    next_bytes: float  # of the next busiest
    all_bytes: float  # of all uplinks
    mbit_s: float
    calls: dict[str, float]  # a round
    model: str
    rounds: int
    seconds: float  # of the whole job
    options: tuple[str, ...]  # of the client
    expected: str = ""  # the model that the same job makes on loopback
    status_s: float = 0.0  # the median of `client.py status`, from its start to its end
    jobs_s: float = 0.0  # and of `client.py jobs`
    start_trips: int = 0  # that the client's host has waited for until the first round, at most; 0: not counted
    status_trips: int = 0
    jobs_trips: int = 0
    nodes_shown: int = 0  # by the worst `status`
    lost_touch: tuple[str, ...] = ()  # lines of the client about nodes that it missed
    deaths: tuple[str, ...] = ()  # lines of the nodes about others that they declared dead

    @property
    def transfer_s(self) -> float:
        """What a round's bytes need: the busiest uplink's (new weights), and before it the next one's (its sum)."""
        return (self.busiest_bytes + self.next_bytes) * 8e-6 / self.mbit_s if self.mbit_s else 0.0

    def to_json(self) -> dict[str, Any]:
        trips = self.beyond_s / self.round_trip_s if self.round_trip_s else None
        rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(self).items()}
        return rounded | {
            "beyond_round_trips": None if trips is None else round(trips, 1),
            "transfer_s": round(self.transfer_s, 4),
            "round_to_transfer": round(self.round_s / self.transfer_s, 2) if self.transfer_s else None,
            "share_of_link": round(self.transfer_s / self.beyond_s, 2) if self.transfer_s else None,
        }


def main(arguments: Sequence[str]) -> int:
    names = [setting.name for setting in SETTINGS]
    parser = argparse.ArgumentParser("python -m bench wan", description=__doc__.splitlines()[0])
    about = f"{NEAR}, and these of {', '.join(names)}"
    parser.add_argument("--only", nargs="+", choices=names, metavar="SETTING", help=about)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of the setting `spikes`")
    parser.add_argument("--trace", default="", metavar="FILE", help="list every call: seconds, from, to, method")
    parser.add_argument("--json", action="store_true", help="print one line, one JSON object")
    chosen = parser.parse_args(arguments)
    if why := missing_for_distance():
        print(f"bench wan cannot run here: {why}", file=sys.stderr)
        return 69
    where, began = machine.describe(), time.monotonic()
    wanted = [setting for setting in SETTINGS if setting.name in (NEAR, *(chosen.only or names))]
    jobs = [job for setting in wanted for job in _measure(setting, chosen.rounds, chosen.minutes, chosen.trace)]
    jobs = _with_expected(jobs)
    flower = [_measure_flower(setting) for setting in wanted if setting.name in FLOWER]
    found = {
        "bench": "wan",
        "machine": where,
        "seconds": round(time.monotonic() - began),
        "settings": [job.to_json() for job in jobs],
        "flower": [asdict(each) for each in flower],
        "not_held": wan_page.not_held(jobs),
    }
    _keep(jobs, flower)
    text = wan_page.document(*_kept(), machine.sentence(where))
    write("wan.md", text)
    print(json.dumps(found) if chosen.json else text)
    return 1 if found["not_held"] else 0


# --- figures of earlier runs


def _keep(jobs: Sequence[Measured], flower: Sequence[FlowerMeasured]) -> None:
    """Write the figures of the settings that were measured now."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for name in {job.setting for job in jobs}:
        kept = [asdict(job) for job in jobs if job.setting == name]
        (KEPT / f"wan-{name}.json").write_text(json.dumps(kept))
    for each in flower:
        (KEPT / f"wan-flower-{each.setting}.json").write_text(json.dumps(asdict(each)))


def _kept() -> tuple[list[Measured], list[FlowerMeasured]]:
    """Return the latest figures of each setting."""
    jobs: list[Measured] = []
    flower: list[FlowerMeasured] = []
    for setting in SETTINGS:
        if (file := KEPT / f"wan-{setting.name}.json").exists():
            lists = ("options", "lost_touch", "deaths")
            jobs += [Measured(**raw | {key: tuple(raw[key]) for key in lists}) for raw in json.loads(file.read_text())]
        if (file := KEPT / f"wan-flower-{setting.name}.json").exists():
            flower.append(FlowerMeasured(**json.loads(file.read_text())))
    return jobs, flower


# --- one setting


def _measure(setting: Setting, rounds: int, minutes: float, trace: str) -> list[Measured]:
    """Form a ring and run a job; run jobs for `minutes` if the setting has spikes."""
    print(f"bench wan: {setting.name} ...", file=sys.stderr, flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-wan-")))
        ring, area = _form(folder, setting.link, stack, trace)
        until = time.monotonic() + (60 * minutes if setting.spikes else 0.0)
        jobs: list[Measured] = []
        while not jobs or time.monotonic() < until:
            options = (*setting.options, "--rounds", str(setting.rounds or rounds), "--seed", str(len(jobs)))
            jobs.append(_run_job(setting, ring, area, options))
    return jobs


@dataclass(frozen=True)
class FlowerMeasured:
    """What a round of Flower took on one setting; `why_not` says why there are no figures."""

    setting: str
    network: str
    round_s: float = 0.0
    beyond_s: float = 0.0
    why_not: str = ""


def _measure_flower(setting: Setting) -> FlowerMeasured:
    """Run Flower's SuperLink where our supernode is, and its SuperNodes where our nodes are."""
    assert setting.link is not None
    print(f"bench wan: Flower, {setting.name} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="roundelay-wan-") as folder, wide_area(NODES + 1, setting.link) as area:
        found = flower_bench.deployed(Path(folder), area.hosts)
    later = [r["seconds"] for r in found.rounds[1:]]
    if found.overhead_ms is None:
        return FlowerMeasured(setting.name, str(setting.link), why_not=found.why_not)
    return FlowerMeasured(setting.name, str(setting.link), median(later), found.overhead_ms / 1000)


def _with_expected(jobs: Sequence[Measured]) -> list[Measured]:
    """Return the jobs with the model that each makes on loopback."""
    models = {job.options: job.model for job in jobs if job.setting == NEAR}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-wan-")))
        ring: Cluster | None = None
        for job in jobs:
            if job.options not in models:
                ring = ring or _form(folder, None, stack)[0]
                near = replace(SETTINGS[0], few_rows=next(s.few_rows for s in SETTINGS if s.name == job.setting))
                models[job.options] = _run_job(near, ring, None, job.options).model
    return [replace(job, expected=models[job.options]) for job in jobs]


def _form(folder: Path, link: Link | None, stack: ExitStack, trace: str = "") -> tuple[Cluster, WideArea | None]:
    """Start a ring, on loopback if there is no link. The stack ends it."""
    if link is not None:
        return stack.enter_context(far_cluster(folder, NODES, link, trace=trace))
    return stack.enter_context(cluster(folder, NODES)), None


def _run_job(setting: Setting, ring: Cluster, area: WideArea | None, options: tuple[str, ...]) -> Measured:
    """Run one job, and count the hub's bytes between its rounds."""
    began = time.monotonic()
    deaths_before, trips_before = _deaths(ring), _trips(area)
    data = _few_rows(ring.folder / "letters") if setting.few_rows else ROOT / "letters"
    client = ring.start_client("train", str(data), "validate_letters.txt", *options, "--json")
    ends, counts = _follow(setting, ring, area, client, began)
    ended_s = time.monotonic() - began
    assert client.wait() == 0, client.text
    printed, errors = json.loads(client.out.read_text()), client.err.read_text()
    history = printed["history"][min(WARM_UP, len(ends) - 1) :]
    uplinks, calls = _between(counts)
    status_s, status_trips, shown = _command(ring, area, "status", "nodes")
    jobs_s, jobs_trips, _ = _command(ring, area, "jobs", "jobs")
    link = setting.link or Link()
    return Measured(
        setting.name,
        str(link) if setting.link else NEAR,
        link.round_trip_s,
        median(r["seconds"] for r in history),
        median(r["slowest_node_seconds"] for r in history),
        median(r["seconds"] - r["slowest_node_seconds"] for r in history),
        ends[0],
        ended_s - ends[-1],
        uplinks[0],
        uplinks[1],
        sum(uplinks),
        link.mbit_s,
        calls,
        printed["model_sha256"],
        len(printed["history"]),
        ended_s,
        options,
        lost_touch=tuple(line for line in errors.splitlines() if any(word in line for word in LOST_TOUCH)),
        status_s=status_s,
        jobs_s=jobs_s,
        start_trips=counts[0]["trips"][0] - trips_before if counts else 0,
        status_trips=status_trips,
        jobs_trips=jobs_trips,
        nodes_shown=shown,
        deaths=tuple((_deaths(ring) - deaths_before).elements()),
    )


def _command(ring: Cluster, area: WideArea | None, subcommand: str, listed: str) -> tuple[float, int, int]:
    """Return a command's median time, its round trips on the wire, and the least number of things that it lists."""
    times_s, trips, lengths = [], [], []
    for _ in range(COMMANDS):
        began, trips_before = time.monotonic(), _trips(area)
        client = ring.start_client(subcommand, "--json")
        assert client.wait() == 0, client.text
        times_s.append(time.monotonic() - began)
        trips.append(_trips(area) - trips_before)
        lengths.append(len(json.loads(client.out.read_text())[listed]))
    return median(times_s), max(trips), min(lengths)


def _trips(area: WideArea | None) -> int:
    """Return how many round trips this host has waited for so far."""
    return int(area.counts()["trips"][0]) if area is not None else 0


def _deaths(ring: Cluster) -> Counter[str]:
    """Return what the nodes have printed about others that they declared dead."""
    return Counter(line for node in ring.nodes for line in node.text.splitlines() if "declared dead" in line)


def _few_rows(folder: Path) -> Path:
    """Write the first rows of some files, and return their folder."""
    folder.mkdir(exist_ok=True)
    sources = sorted(path for path in (ROOT / "letters").iterdir() if path.suffix == "" and path.is_file())
    for source in (*sources[:FILES_FEW], ROOT / "letters" / "validate_letters.txt"):
        lines = source.read_text().splitlines(keepends=True)[:ROWS_FEW]
        (folder / source.name).write_text("".join(lines))
    return folder


def _follow(
    setting: Setting, ring: Cluster, area: WideArea | None, client: ManagedProcess, began: float
) -> tuple[list[float], list[dict[str, Any]]]:
    """Return the end of each round, in seconds from the client's start, and the hub's counts at each."""
    ends: list[float] = []
    counts: list[dict[str, Any]] = []
    killed, spiked = False, began
    while client.is_running:
        now = time.monotonic()
        if now - began > TIMEOUT_S:
            raise Stuck(f"{setting.name}: no end within {TIMEOUT_S:g} s: {client.last_line}")
        done = len(ROUND_DONE.findall(client.err.read_text()))
        if done > len(ends):
            ends += [now - began] * (done - len(ends))
            counts += [area.counts()] * (done - len(counts)) if area else []
        if setting.kill and done >= KILL_AFTER and not killed:
            ring.nodes[-1].kill()
            killed = True
        if setting.spikes and area and now - spiked > SPIKE_EVERY_S:
            area.spike(SPIKE_S)
            spiked = now
        time.sleep(POLL_S)
    return ends, counts


def _between(counts: Sequence[dict[str, Any]]) -> tuple[list[float], dict[str, float]]:
    """Return the bytes of each uplink, the busiest first, and the calls by method, a round.

    When a round is told, the orders of the next have left. The last round is left out, because none follow it.
    """
    if len(counts) <= WARM_UP + 1:
        return [0.0, 0.0], {}
    first, last, rounds = counts[WARM_UP - 1], counts[-2], len(counts) - WARM_UP - 1
    uplinks = sorted(((b - a) / rounds for a, b in zip(first["sent"], last["sent"], strict=True)), reverse=True)
    calls = {name: (n - first["calls"].get(name, 0)) / rounds for name, n in last["calls"].items()}
    return uplinks, {name: round(n, 2) for name, n in sorted(calls.items(), key=lambda each: -each[1]) if n >= 0.05}
