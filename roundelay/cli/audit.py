"""client.py audit JOB: verify the chain of a job's results, and make some of its rounds again."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from roundelay.chord.errors import ChordError, NotFound
from roundelay.cli import exits, options
from roundelay.cli.entry import RingEntry, client_runtime, enter
from roundelay.federation.audit import AuditFinding, read_for_audit, retrain, verify_chain
from roundelay.federation.errors import FederationError, OtherBits
from roundelay.federation.snapshot import JobSnapshot
from roundelay.ml.worker import Worker
from roundelay.node.console import console
from roundelay.node.runtime import Runtime


def run(chosen: options.Namespace) -> int:
    runtime = client_runtime()
    entry = enter(runtime, chosen)
    findings: list[AuditFinding] = []
    try:
        view = runtime.run(read_for_audit(entry.node, entry.ring, chosen.job))
        findings += runtime.run(verify_chain(entry.node, entry.ring, view))
        findings += again(runtime, entry, view, chosen.retrain, random.Random(chosen.seed))
    except OtherBits as error:
        show(findings, chosen.json)
        raise exits.Exit(exits.UNAVAILABLE, str(error)) from error
    except (ChordError, FederationError) as error:
        raise exits.Exit(exits.FAILED, str(error)) from error
    show(findings, chosen.json)
    return 0 if all(f.holds for f in findings) else exits.FAILED


def again(runtime: Runtime, entry: RingEntry, view: JobSnapshot, count: int, rng: random.Random) -> list[AuditFinding]:
    """Rounds in random order, until so many could be made again."""
    worker = Worker()
    findings: list[AuditFinding] = []
    rounds = [r.round for r in view.results[1:]]
    for number in rng.sample(rounds, len(rounds)):
        if len(findings) >= count:
            break
        try:
            findings.append(runtime.run(retrain(entry.node, entry.ring, view, number, worker)))
        except NotFound:
            continue
    return findings


def show(findings: Sequence[AuditFinding], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"holds": all(f.holds for f in findings), "findings": [vars(f) for f in findings]}))
        return
    table = Table()
    for heading in ("checked", "holds", "detail"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(escape(finding.what), "yes" if finding.holds else "NO", escape(finding.detail))
    console().print(table)
