"""client.py attach JOB: watch a job from any machine that reaches any node, until it ends."""

from __future__ import annotations

import time
from collections.abc import Sequence

from chord.errors import ChordError
from chord.survey import census
from cli import exits, options
from cli.access import Access
from cli.entry import client_runtime, enter
from cli.follow import follow, look
from cli.report import Report, Screen, model_of
from federation.errors import FederationError
from ml.readers.model import save


def main(arguments: Sequence[str]) -> int:
    chosen = options.parse(parser(arguments), arguments)
    screen = Screen(json_only=chosen.json)
    runtime = client_runtime()
    enter(runtime, chosen)  # says at once what to start, where there is no ring
    access = Access(runtime, chosen, screen)
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


def begin(access: Access, job: str) -> Report:
    """What there is to watch. Raises NoSuchJob."""
    view, nodes = look(access, job), access.ask(lambda entry: census(entry.node))
    access.screen.begin("training", view.spec.settings.rounds)
    return Report(view.spec, len(nodes))


def parser(arguments: Sequence[str]) -> options.Parser:
    made = options.parser("client.py attach", "Watch a job until it ends.", "python3 client.py attach JOB", arguments)
    options.add_job(made)
    options.add_ring_options(made)
    made.add_argument("--json", action="store_true", help="print one line, one JSON object, at the end")
    made.add_argument("--out", type=options.output, metavar="FILE", help="save the model (.npz)")
    return made
