"""client.py status: every node of the ring, with predecessor, successor list, fingers and stored keys."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Status
from roundelay.chord.ring import Ring
from roundelay.cli import check, parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.node.console import console, finger_rows


def run(chosen: parser_base.Namespace) -> int:
    """Show every node, or check the ring. Raises ClientError."""
    if chosen.check:
        return check.run(chosen)
    with open_ring(chosen) as ring:
        nodes = ring.status()
    if chosen.json:
        print(json.dumps({"nodes": [to_json(status) for status in nodes]}))
    else:
        show(nodes, chosen.fingers)
    return 0


def to_json(status: Status) -> dict[str, object]:
    """Return one node as JSON, identifiers in full."""
    ring = status.ring
    return {
        "id": ring.digits(status.node.id),
        "address": str(status.node.address),
        "incarnation": status.node.incarnation,
        "predecessor": ring.digits(status.predecessor.id),
        "successors": [ring.digits(s.id) for s in _distinct(status.successors)],
        "fingers": [
            {
                "start": ring.digits(ring.finger_start(status.node.id, i)),
                "node": ring.digits(f.id),
                "address": str(f.address),
            }
            for i, f in enumerate(status.fingers)
        ],
        "keys": [{"key": ring.digits(ring.key(name)), "name": name} for name in status.names],
        "stored_bytes": status.stored_bytes,
        "training": str(status.training or ""),
    }


def show(nodes: Sequence[Status], with_fingers: bool) -> None:
    """Print the ring as a table, in the order of identifiers, and the finger tables if asked for."""
    output = console()
    output.print(_ring_table(nodes))
    for status in nodes if with_fingers else ():
        output.print(_finger_table(status))


def _ring_table(nodes: Sequence[Status]) -> Table:
    table = Table(title=f"a ring of {len(nodes)} node{'s' * (len(nodes) != 1)}", title_justify="left")
    for heading in ("node", "address", "predecessor", "successors", "entries", "bytes", "training"):
        table.add_column(heading)
    for s in nodes:
        successors = ", ".join(s.ring.show(n.id) for n in _distinct(s.successors) if n != s.node)
        table.add_row(
            s.ring.show(s.node.id),
            escape(str(s.node.address)),
            s.ring.show(s.predecessor.id),
            successors,
            str(len(s.names)),
            str(s.stored_bytes),
            escape(str(s.training or "")),
        )
    return table


def _finger_table(status: Status) -> Table:
    ring: Ring = status.ring
    table = Table(title=f"fingers of {ring.show(status.node.id)}", title_justify="left")
    for heading in ("finger", "start", "node", "address"):
        table.add_column(heading)
    for row in finger_rows(status.node, ring, status.fingers):
        table.add_row(row.fingers, row.start, row.node, escape(row.address))
    return table


def _distinct(nodes: Sequence[NodeRef]) -> list[NodeRef]:
    return [n for n in dict.fromkeys(nodes) if not n.is_vacant]
