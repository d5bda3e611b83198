"""client.py cancel JOB: end a job; what it has made so far stays."""

from __future__ import annotations

import time
from collections.abc import Sequence

from chord.errors import ChordError
from cli import exits, options
from cli.entry import client_runtime, enter
from federation import jobs, records
from federation.errors import FederationError


def main(arguments: Sequence[str]) -> int:
    chosen = options.parse(parser(arguments), arguments)
    runtime = client_runtime()
    entry = enter(runtime, chosen)
    try:
        view = runtime.run(jobs.look_at(entry.node, entry.ring, chosen.job))
        if view.end:
            raise exits.Exit(exits.REFUSED, f"job {chosen.job} is {view.end} already")
        version = time.time_ns()
        runtime.run(jobs.put_record(entry.node, entry.ring, chosen.job, records.CANCELLED, b"by cancel", version))
    except (ChordError, FederationError) as error:
        raise exits.Exit(exits.FAILED, str(error)) from error
    print(f"job {chosen.job} is cancelled after round {max(0, len(view.results) - 1)}")
    return 0


def parser(arguments: Sequence[str]) -> options.Parser:
    made = options.parser("client.py cancel", "End a job.", "python3 client.py cancel JOB", arguments)
    options.add_job(made)
    options.add_ring_options(made)
    return made
