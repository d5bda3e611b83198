"""client.py attach JOB: watch a job from any machine that reaches any node, until it ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from chord.errors import ChordError
from cli import exits, options
from cli.entry import client_runtime, enter
from cli.report import Report, Screen, model_of
from federation import jobs, records
from federation.errors import FederationError
from federation.jobs import JobView
from federation.reach import through
from federation.roster import Roster
from ml.readers.model import save
from node.runtime import Runtime

LOOK_EVERY_S = 0.5


def main(arguments: Sequence[str]) -> int:
    made = options.parser("client.py attach", "Watch a job until it ends.", "python3 client.py attach JOB", arguments)
    options.add_job(made)
    options.add_ring_options(made)
    made.add_argument("--json", action="store_true", help="print one line, one JSON object, at the end")
    made.add_argument("--out", type=Path, metavar="FILE", help="save the model (.npz)")
    chosen = options.parse(made, arguments)
    screen = Screen(json_only=chosen.json)
    runtime = client_runtime()
    entry = enter(runtime, chosen)
    roster = Roster(entry.ring, entry.node)
    began = time.monotonic()
    try:
        with screen:
            view, report = watch(runtime, roster, chosen.job, screen)
            last = view.results[-1] if view.results else None
            if view.end == records.DONE and last is not None:
                report.weights = runtime.run(through(roster, lambda node: jobs.weights_of(node, entry.ring, last)))
    except (ChordError, FederationError) as error:
        raise exits.Exit(exits.FAILED, str(error)) from error
    if view.end != records.DONE:
        raise exits.Exit(exits.FAILED, f"job {chosen.job} is {view.end}" + (f": {view.reason}" if view.reason else ""))
    report.seconds = time.monotonic() - began
    report.moments = bytes.fromhex(view.results[0].moments)
    if chosen.out:
        save(chosen.out, model_of(report))
    screen.result(report)
    return 0


def watch(runtime: Runtime, roster: Roster, job: str, screen: Screen) -> tuple[JobView, Report]:
    """Every round as it is stored; returns when the job has ended."""
    ring = roster.ring
    report: Report | None = None
    while True:
        view = runtime.run(through(roster, lambda node: jobs.look_at(node, ring, job)))
        if report is None:
            report = Report(view.spec, len(roster.nodes))
            screen.begin("training", view.spec.settings.rounds)
        if len(view.results) - 1 > len(report.rounds):
            known = runtime.run(through(roster, lambda node: jobs.reports_of(node, ring, job)))
            for result in view.results[1 + len(report.rounds) :]:
                if result.round not in known:
                    break  # its report is on its way
                screen.round(report, result, known[result.round])
        if view.end and (view.end != records.DONE or len(report.rounds) == view.spec.settings.rounds):
            return view, report
        time.sleep(LOOK_EVERY_S)

