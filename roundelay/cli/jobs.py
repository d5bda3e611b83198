"""client.py jobs: list the jobs of the ring, with state, round, error and driver."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from roundelay.cli import parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.client.ring import JobSummary
from roundelay.node import shown
from roundelay.node.console import add_row, console


def run(chosen: parser_base.Namespace) -> int:
    """Show the latest jobs. Raises ClientError."""
    with open_ring(chosen) as ring:
        found = ring.jobs()
    if chosen.json:
        print(shown.as_json({"jobs": [vars(each) for each in found]}))
    else:
        console().print(table(found))
    return 0


def table(found: Sequence[JobSummary]) -> Table:
    """Return a table, one job a row."""
    made = Table(title=f"{len(found)} job{'s' * (len(found) != 1)}", title_justify="left")
    for heading in ("job", "state", "round", "error", "driver", "reason"):
        made.add_column(heading, overflow="fold")
    for each in found:
        error = "" if each.validation_error is None else f"{each.validation_error:.4f}"
        rounds = f"{each.round} of {each.rounds}"
        reason = "\n".join([each.reason, *each.malformed]).strip()
        add_row(made, each.job, each.state, rounds, error, each.driver, reason)
    return made
