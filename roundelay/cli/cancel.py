"""client.py cancel JOB: end a job; the rounds that it has finished are kept."""

from __future__ import annotations

from roundelay.cli import parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.federation.snapshot import JobSnapshot
from roundelay.node import shown


def run(chosen: parser_base.Namespace) -> int:
    """Cancel the job. Raises ClientError."""
    with open_ring(chosen) as ring:
        print(shown.text(cancelled(ring.job(chosen.job).cancel(b"by cancel"))))
    return 0


def cancelled(snapshot: JobSnapshot) -> str:
    """Return the line that tells the user how to get a cancelled job's model."""
    job, rounds = snapshot.job, snapshot.rounds_done
    if rounds < 1:
        return f"cancelled job {job} before its first round: there is no model"
    return (
        f"cancelled job {job} after round {rounds} of {snapshot.spec.settings.rounds}; "
        f"its model is kept:  python3 client.py export {snapshot.spec.settings.name or job[:8]} --out model.npz"
    )
