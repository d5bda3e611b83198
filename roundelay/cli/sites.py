"""client.py sites: list the private sites of the ring; drain one, or resume it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.table import Table

from roundelay.cli import parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.cli.tables import narrow_table
from roundelay.client.sites import Site
from roundelay.node import shown
from roundelay.node.console import add_row, console


def run(chosen: parser_base.Namespace) -> int:
    """List the sites, after one is drained or resumed if that is asked for. Raises ClientError."""
    with open_ring(chosen) as ring:
        for site, drained in ((chosen.drain, True), (chosen.resume, False)):
            if site:
                ring.drain(site, drained, chosen.name or "")
        found = ring.sites(chosen.name or "")
    if chosen.json:
        print(shown.as_json({"sites": [vars(each) for each in found]}))
    else:
        console().print(table(found))
    return 0


def table(found: Sequence[Site]) -> Table:
    """Return a table, one site a row; --json has what is trained."""
    headings = ("data", "site", "state", "since", "rows", "last round", "orders", "release")
    made = narrow_table(f"{len(found)} private site{'s' * (len(found) != 1)}", *headings)
    for each in found:
        since = f"{datetime.fromtimestamp(each.since, UTC):%Y-%m-%d %H:%M}" if each.since else ""
        last = f"{each.round} of {each.job[:8]}" if each.job else ""
        row = (each.name, each.address, each.state, since, str(each.rows), last, str(each.orders or ""), each.release)
        add_row(made, *row)
    return made
