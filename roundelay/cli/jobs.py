"""client.py jobs: list the jobs of the ring, with state, round, error and driver."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from roundelay.cli import parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.cli.tables import narrow_table
from roundelay.client.ring import ID_DIGITS, JobSummary
from roundelay.node import shown
from roundelay.node.console import add_row, console

DIGITS_MIN = 8


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
    """Return a table, one job a row; ids are shortened as far as they differ."""
    made = narrow_table(
        f"{len(found)} job{'s' * (len(found) != 1)}", "job", "state", "round", "error", "driver", "reason"
    )
    digits = _digits_to_show([each.job for each in found])
    for each in found:
        error = "" if each.validation_error is None else f"{each.validation_error:.4f}"
        rounds = f"{each.round} of {each.rounds}"
        forgets = f"forgets files of {each.forgets[:digits]}" if each.forgets else ""
        reason = "\n".join(filter(None, [each.reason, forgets, *each.liars, *each.malformed]))
        add_row(made, each.job[:digits], each.state, rounds, error, each.driver, reason)
    return made


def _digits_to_show(jobs: Sequence[str]) -> int:
    """Return the number of first digits by which the jobs differ, 8 or more."""
    return next((n for n in range(DIGITS_MIN, ID_DIGITS) if len({job[:n] for job in jobs}) == len(jobs)), ID_DIGITS)
