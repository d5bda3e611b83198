"""client.py status: every node of the ring, with predecessor, successor list, fingers and stored keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Status
from roundelay.chord.ring import Ring
from roundelay.cli import check, parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.node import shown
from roundelay.node.console import add_row, console, finger_rows


def run(chosen: parser_base.Namespace) -> int:
    """Show every node, or check the ring. Raises ClientError."""
    if chosen.check:
        return check.run(chosen)
    with open_ring(chosen) as ring:
        nodes = ring.status()
        trips_s = {status.node: ring.round_trip_s(status.node) for status in nodes}
    if chosen.json:
        print(shown.as_json({"nodes": [to_json(status, trips_s[status.node]) for status in nodes]}))
    else:
        show(nodes, trips_s, chosen.fingers)
    return 0


def to_json(status: Status, round_trip_s: float | None = None) -> dict[str, object]:
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
        "round_trip_ms": None if round_trip_s is None else round(1000 * round_trip_s, 1),
    }


def show(nodes: Sequence[Status], trips_s: Mapping[NodeRef, float | None], with_fingers: bool) -> None:
    """Print the ring as a table, in the order of identifiers, and the finger tables if asked for."""
    output = console()
    output.print(_ring_table(nodes, trips_s))
    for status in nodes if with_fingers else ():
        output.print(_finger_table(status))


def _ring_table(nodes: Sequence[Status], trips_s: Mapping[NodeRef, float | None]) -> Table:
    table = Table(title=f"a ring of {len(nodes)} node{'s' * (len(nodes) != 1)}", title_justify="left")
    for heading in ("node", "address", "predecessor", "successors", "entries", "bytes", "round trip", "training"):
        table.add_column(heading)
    for s in nodes:
        successors = ", ".join(s.ring.show(n.id) for n in _distinct(s.successors) if n != s.node)
        add_row(
            table,
            s.ring.show(s.node.id),
            str(s.node.address),
            s.ring.show(s.predecessor.id),
            successors,
            str(len(s.names)),
            str(s.stored_bytes),
            "" if (trip_s := trips_s[s.node]) is None else f"{1000 * trip_s:.1f} ms",
            str(s.training or ""),
        )
    return table


def _finger_table(status: Status) -> Table:
    ring: Ring = status.ring
    table = Table(title=f"fingers of {ring.show(status.node.id)}", title_justify="left")
    for heading in ("finger", "start", "node", "address"):
        table.add_column(heading)
    for row in finger_rows(status.node, ring, status.fingers):
        add_row(table, row.fingers, row.start, row.node, row.address)
    return table


def _distinct(nodes: Sequence[NodeRef]) -> list[NodeRef]:
    return [n for n in dict.fromkeys(nodes) if not n.is_vacant]
