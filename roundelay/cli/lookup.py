"""client.py lookup NAME: show the route to a name's key, hop by hop, with the reason for each hop and its time."""

from __future__ import annotations

from roundelay.cli import exits, parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.cli.tables import narrow_table
from roundelay.client.lookup import LookupResult, hop_reason
from roundelay.node import shown
from roundelay.node.console import add_row, console


def run(chosen: parser_base.Namespace) -> int:
    """Show the route. Raises Exit, ClientError."""
    if (chosen.name is None) == (chosen.key is None):
        raise exits.Exit(exits.USAGE, "client.py lookup: give a NAME, or a key with --key KEY")
    with open_ring(chosen) as ring:
        found = ring.lookup(chosen.name) if chosen.key is None else ring.lookup_key(chosen.key)
    if chosen.json:
        show_json(found)
    else:
        show_table(found, chosen.digits)
    return 0


def show_table(found: LookupResult, in_full: bool = False) -> None:
    """Print a table, one hop a row."""
    ring, route = found.ring, found.route
    show = ring.digits if in_full else ring.show
    title = f"{found.name} has key {show(route.key)}" if found.name else f"key {show(route.key)}"
    table = narrow_table(title, "hop", "by", "node", "address", "ms")
    for number, (step, ms) in enumerate(zip(route.steps, found.times_ms, strict=False)):
        address = str(step.node.address)
        add_row(table, str(number), hop_reason(step, number == 0), show(step.node.id), address, f"{ms:.2f}")
    add_row(table, "", "its successor", show(route.owner.id), str(route.owner.address), "")
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
