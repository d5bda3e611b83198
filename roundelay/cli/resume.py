"""client.py resume JOB: let a paused job go on."""

from __future__ import annotations

from roundelay.cli import parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.node import shown


def run(chosen: parser_base.Namespace) -> int:
    """Resume the job. Raises ClientError."""
    with open_ring(chosen) as ring:
        snapshot = ring.job(chosen.job).resume()
    print(shown.text(f"job {snapshot.job} goes on after round {snapshot.rounds_done}"))
    return 0
