"""client.py attach JOB: watch a job from any machine that reaches any node, until it ends."""

from __future__ import annotations

import time

from roundelay.chord.crawl import list_members
from roundelay.chord.errors import ChordError
from roundelay.cli import exits, options
from roundelay.cli.connection import Connection
from roundelay.cli.entry import client_runtime, enter
from roundelay.cli.follow import follow, look
from roundelay.cli.report import JobReport, model_of
from roundelay.cli.screen import Screen
from roundelay.federation.errors import FederationError
from roundelay.ml.readers.saved_model import save


def run(chosen: options.Namespace) -> int:
    screen = Screen(json_only=chosen.json)
    runtime = client_runtime()
    enter(runtime, chosen)  # says at once what to start, where there is no ring
    access = Connection(runtime, chosen, screen)
    began = time.monotonic()
    try:
        with screen:
            report = begin(access, chosen.job)
            follow(access, report)
    except (ChordError, FederationError) as error:
        raise exits.Exit(exits.FAILED, str(error)) from error
    report.seconds = time.monotonic() - began
    if chosen.out:
        save(chosen.out, model_of(report))
    screen.result(report)
    return 0


def begin(access: Connection, job: str) -> JobReport:
    """What there is to watch. Raises NoSuchJob."""
    view, nodes = look(access, job), access.ask(lambda entry: list_members(entry.node))
    access.screen.begin("training", view.spec.settings.rounds)
    return JobReport(view.spec, len(nodes))
