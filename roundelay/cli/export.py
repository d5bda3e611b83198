"""client.py export JOB --out FILE: save the model that a job keeps, as of its latest round."""

from __future__ import annotations

from roundelay.cli import parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.client.job_runner import rounds_of
from roundelay.client.model_card import write_card
from roundelay.client.report import JobReport, save_model
from roundelay.node import shown


def run(chosen: parser_base.Namespace) -> int:
    """Save the model of the round that the job keeps. Raises ClientError."""
    with open_ring(chosen) as ring:
        job = ring.job(chosen.job)
        snapshot = job.snapshot()
        model = job.model(snapshot)
        report = JobReport(job.spec, job.nodes, tuple(rounds_of(snapshot)), model, metrics=job.metrics(snapshot))
    save_model(chosen.out, model, chosen.format)
    if report.rounds:
        write_card(chosen.out, report)
    kept = snapshot.kept
    if chosen.json:
        about = {
            "job": job.id,
            "state": snapshot.state,
            "round": kept.round,
            "validation_error": kept.error,
            "model_sha256": model.sha256,
        }
        print(shown.as_json(about))
    else:
        print(shown.text(f"round {kept.round} of job {job.id} ({snapshot.state}): {chosen.out}, model {model.sha256}"))
    return 0
