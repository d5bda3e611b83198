"""client.py cancel JOB: end a job; what it has made so far stays."""

from __future__ import annotations

import time

from roundelay.chord.errors import ChordError
from roundelay.cli import exits, options
from roundelay.cli.entry import client_runtime, enter
from roundelay.federation import audit, jobs, records
from roundelay.federation.errors import FederationError
from roundelay.federation.snapshot import JobSnapshot


def run(chosen: options.Namespace) -> int:
    runtime = client_runtime()
    entry = enter(runtime, chosen)
    try:
        view = runtime.run(
            audit.read_for_audit(entry.node, entry.ring, chosen.job)
        )  # one that has diverged can be ended too
        if view.end:
            raise exits.Exit(exits.REFUSED, f"job {chosen.job} is {view.end} already")
        version = time.time_ns()
        runtime.run(jobs.put_record(entry.node, entry.ring, chosen.job, records.CANCELLED, b"by cancel", version))
    except (ChordError, FederationError) as error:
        raise exits.Exit(exits.FAILED, str(error)) from error
    print(cancelled(view))
    return 0


def cancelled(view: JobSnapshot) -> str:
    """That a job has been cancelled, and what there is of it."""
    job, rounds = view.spec.job, len(view.results) - 1
    if rounds < 1:
        return f"cancelled job {job} before its first round: no model was made"
    return (
        f"cancelled job {job} after round {rounds} of {view.spec.settings.rounds}; "
        f"what they made is kept:  python3 client.py export {job} --out model.npz"
    )
