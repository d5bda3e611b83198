"""client.py audit JOB: verify the chain of a job's results, and repeat some of its rounds."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from roundelay.cli import exits, parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.client.errors import RingUnavailable
from roundelay.federation.audit import AuditFinding
from roundelay.node import shown
from roundelay.node.console import add_row, console


def run(chosen: parser_base.Namespace) -> int:
    """Show what each check found; return FAILED if one does not hold. Raises ClientError."""
    findings: list[AuditFinding] = []
    try:
        with open_ring(chosen) as ring:
            findings.extend(ring.job(chosen.job).audit(chosen.retrain, chosen.seed))
    except RingUnavailable:
        show(findings, chosen.json)
        raise
    show(findings, chosen.json)
    return 0 if all(f.holds for f in findings) else exits.FAILED


def show(findings: Sequence[AuditFinding], as_json: bool) -> None:
    """Print the findings as a table, or as one JSON object."""
    if as_json:
        print(shown.as_json({"holds": all(f.holds for f in findings), "findings": [vars(f) for f in findings]}))
        return
    table = Table()
    for heading in ("checked", "holds", "detail"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        add_row(table, finding.what, "yes" if finding.holds else "NO", finding.detail)
    console().print(table)
