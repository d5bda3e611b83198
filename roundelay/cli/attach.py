"""client.py attach JOB: watch a job until it ends, from any machine that reaches the ring."""

from __future__ import annotations

from dataclasses import replace

from roundelay.cli import parser_base
from roundelay.cli.result_files import write_files
from roundelay.cli.ring_entry import open_ring
from roundelay.cli.screen import Screen
from roundelay.client.report import save_model


def run(chosen: parser_base.Namespace) -> int:
    """Show every round, then the results. Raises ClientError."""
    screen = Screen(json_only=chosen.json)
    with open_ring(chosen, screen) as ring, screen:
        job = ring.job(chosen.job)
        screen.watch(job)
        report = replace(job.result(), metrics=job.metrics())
        report = replace(report, seconds=sum(each.report.seconds for each in report.rounds))  # not those of watching
    try:
        write_files([(chosen.out, lambda path: save_model(path, report.model))])
    finally:
        screen.result(report)
    if not chosen.out:
        screen.note(f"to save the model:  python3 client.py export {job.name or job.id[:8]} --out model.npz")
    return 0
