"""client.py lookup NAME: show the route to a name's key, hop by hop, with the reason for each hop and its time."""

from __future__ import annotations

from rich.table import Table

from roundelay.cli import parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.client.lookup import LookupResult, hop_reason
from roundelay.node import shown
from roundelay.node.console import add_row, cell, console


def run(chosen: parser_base.Namespace) -> int:
    """Show the route. Raises ClientError."""
    with open_ring(chosen) as ring:
        found = ring.lookup(chosen.name)
    show = show_json if chosen.json else show_table
    show(found)
    return 0


def show_table(found: LookupResult) -> None:
    """Print a table, one hop a row."""
    ring, route = found.ring, found.route
    table = Table(title=cell(f"{found.name} has key {ring.show(route.key)}"), title_justify="left")
    for heading in ("hop", "by", "node", "address", "ms"):
        table.add_column(heading)
    for number, (step, ms) in enumerate(zip(route.steps, found.times_ms, strict=False)):
        address = str(step.node.address)
        add_row(table, str(number), hop_reason(step, number == 0), ring.show(step.node.id), address, f"{ms:.2f}")
    add_row(table, "", "its successor", ring.show(route.owner.id), str(route.owner.address), "")
    console().print(table)


def show_json(found: LookupResult) -> None:
    """Print one line, one object."""
    ring, route = found.ring, found.route
    hops = [
        {
            "id": ring.digits(step.node.id),
            "address": str(step.node.address),
            "by": hop_reason(step, number == 0),
            "milliseconds": round(ms, 3),
        }
        for number, (step, ms) in enumerate(zip(route.steps, found.times_ms, strict=False))
    ]
    owner = {"id": ring.digits(route.owner.id), "address": str(route.owner.address)}
    print(shown.as_json({"name": found.name, "key": ring.digits(route.key), "owner": owner, "hops": hops}))
