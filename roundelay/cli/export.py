"""client.py export JOB --out FILE: the model that a job has made so far, into a file."""

from __future__ import annotations

import json

from roundelay.chord.errors import ChordError
from roundelay.cli import exits, options
from roundelay.cli.entry import client_runtime, enter
from roundelay.cli.report import JobReport, model_of
from roundelay.federation import jobs
from roundelay.federation.errors import FederationError
from roundelay.federation.snapshot import read_snapshot
from roundelay.ml.readers.saved_model import save


def run(chosen: options.Namespace) -> int:
    runtime = client_runtime()
    entry = enter(runtime, chosen)
    try:
        view = runtime.run(read_snapshot(entry.node, entry.ring, chosen.job))
        if not view.results:
            raise exits.Exit(exits.FAILED, f"job {chosen.job} has made no model yet: it is {view.state}")
        last = view.results[-1]
        weights = runtime.run(jobs.read_weights(entry.node, entry.ring, last))
    except (ChordError, FederationError) as error:
        raise exits.Exit(exits.FAILED, str(error)) from error
    model = model_of(JobReport(view.spec, 0, weights=weights, moments=bytes.fromhex(view.results[0].moments)))
    try:
        save(chosen.out, model, chosen.format)
    except OSError as error:
        raise exits.Exit(exits.CANNOT_CREATE, f"cannot write {chosen.out}: {error.strerror}") from error
    about = {
        "job": chosen.job,
        "state": view.state,
        "round": last.round,
        "validation_error": last.error,
        "model_sha256": model.sha256,
    }
    print(
        json.dumps(about)
        if chosen.json
        else f"round {last.round} of job {chosen.job} ({view.state}): {chosen.out}, model {model.sha256}"
    )
    return 0
