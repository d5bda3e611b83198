"""client.py pause JOB: have a job wait after the round that it trains, until it is resumed."""

from __future__ import annotations

from roundelay.cli import parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.node import shown


def run(chosen: parser_base.Namespace) -> int:
    """Pause the job. Raises ClientError."""
    with open_ring(chosen) as ring:
        job = ring.job(chosen.job).pause().job
    print(shown.text(f"job {job} pauses after the round that it trains; to go on:  python3 client.py resume {job}"))
    return 0
