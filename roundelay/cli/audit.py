"""client.py audit JOB: verify the chain of a job's results, and repeat some of its rounds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from roundelay.cli import exits, parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.cli.tables import narrow_table
from roundelay.client.errors import RingUnavailable
from roundelay.federation.audit import AuditFinding
from roundelay.node import shown
from roundelay.node.console import add_row, cell, console


def run(chosen: parser_base.Namespace) -> int:
    """Show what each check found; return FAILED if one does not hold. Raises ClientError."""
    findings: list[AuditFinding] = []
    job = chosen.job
    try:
        with open_ring(chosen) as ring:
            found = ring.job(job)
            job = found.id
            findings.extend(found.audit(chosen.retrain, chosen.seed))
    except RingUnavailable:
        show(job, findings, chosen)
        raise
    show(job, findings, chosen)
    return 0 if all(f.holds for f in findings) else exits.FAILED


def show(job: str, findings: Sequence[AuditFinding], chosen: parser_base.Namespace) -> None:
    """Print what does not hold, or with --all everything, and a verdict; or one JSON object."""
    broken = [f for f in findings if not f.holds]
    if chosen.json:
        print(shown.as_json({"holds": not broken, "findings": [vars(f) for f in findings]}))
        return
    out = console()
    if listed := sorted(findings if chosen.all else broken, key=_natural):
        table = narrow_table("", "checked", "holds", "detail")
        for finding in listed:
            add_row(table, finding.what, "yes" if finding.holds else "NO", finding.detail)
        out.print(table)
    repeated = sum(" trained again" in f.what for f in findings)
    rounds = f" and {repeated} repeated round{'s' * (repeated != 1)}" * bool(repeated)
    checked = f"{len(findings) - repeated} records{rounds}"
    verdict = f"{len(broken)} of {checked} DO NOT HOLD" if broken else f"all {checked} hold"
    out.print(cell(f"job {job}: {verdict}"), soft_wrap=True)


def _natural(finding: AuditFinding) -> list[tuple[int, str]]:
    """Return a key that sorts result-2 before result-10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", finding.what)]
