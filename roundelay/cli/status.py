"""client.py status: every node of the ring, with predecessor, successor list, fingers and stored keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import LeafStatus, Status
from roundelay.chord.ring import Ring
from roundelay.cli import check, parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.cli.tables import narrow_table
from roundelay.federation.leaf_host import SILENT_S
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
        show(nodes, trips_s, chosen.fingers, chosen.digits)
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
        "leaves": [
            {
                "id": ring.digits(leaf.node.id),
                "name": str(leaf.node.address),
                "silent_s": round(leaf.silent_s, 1),
                "orders": leaf.orders,
                "training": str(leaf.training or ""),
            }
            for leaf in status.leaves
        ],
        "round_trip_ms": None if round_trip_s is None else round(1000 * round_trip_s, 1),
    }


def show(
    nodes: Sequence[Status], trips_s: Mapping[NodeRef, float | None], with_fingers: bool, in_full: bool = False
) -> None:
    """Print the ring as a table, in the order of identifiers, and the finger tables if asked for."""
    output = console()
    output.print(_ring_table(nodes, trips_s, in_full))
    if any(status.leaves for status in nodes):
        output.print(_leaf_table(nodes, in_full))
    for status in nodes if with_fingers else ():
        output.print(_finger_table(status, in_full))


def _ring_table(nodes: Sequence[Status], trips_s: Mapping[NodeRef, float | None], in_full: bool) -> Table:
    """Return a table that fits 80 columns; --json has all of the successor list and what is trained."""
    entries, stored_bytes = sum(len(s.names) for s in nodes), sum(s.stored_bytes for s in nodes)
    title = f"a ring of {len(nodes)} node{'s' * (len(nodes) != 1)}: {entries} entries, {size(stored_bytes)}"
    headings = ("node", "address", "pred.", "succ.", "keys", "stored", "trip", "round")
    table = narrow_table(title, *headings)
    for s in nodes:
        show = s.ring.digits if in_full else s.ring.show
        others = [n for n in _distinct(s.successors) if n != s.node]
        add_row(
            table,
            show(s.node.id),
            str(s.node.address),
            show(s.predecessor.id),
            show(others[0].id) if others else "",
            str(len(s.names)),
            size(s.stored_bytes),
            "" if (trip_s := trips_s[s.node]) is None else f"{1000 * trip_s:.3g} ms",
            str(s.training.round) if s.training else "",
        )
    return table


def _leaf_table(nodes: Sequence[Status], in_full: bool) -> Table:
    """Return a table of the leaves, each with the nodes that it is attached to."""
    told: dict[NodeRef, list[tuple[LeafStatus, Status]]] = {}
    for status in nodes:
        for leaf in status.leaves:
            told.setdefault(leaf.node, []).append((leaf, status))
    table = narrow_table(
        f"{len(told)} lea{'f' if len(told) == 1 else 'ves'}", "leaf", "name", "attached to", "silent", "orders", "round"
    )
    for node, found in sorted(told.items(), key=lambda each: each[0].id):
        leaf, latest = min(found, key=lambda each: each[0].silent_s)
        show = latest.ring.digits if in_full else latest.ring.show
        add_row(
            table,
            show(node.id),
            str(node.address),
            ", ".join(show(host.node.id) for each, host in found if each.silent_s <= SILENT_S),
            f"{leaf.silent_s:.0f} s" if leaf.silent_s >= 1 else "",
            str(leaf.orders),
            str(leaf.training.round) if leaf.training else "",
        )
    return table


def size(count: float) -> str:
    """Return a number of bytes in three digits."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def _finger_table(status: Status, in_full: bool) -> Table:
    ring: Ring = status.ring
    show = ring.digits if in_full else ring.show
    table = narrow_table(f"fingers of {show(status.node.id)}", "finger", "start", "node", "address")
    for row in finger_rows(status.node, ring, status.fingers, in_full):
        add_row(table, row.fingers, row.start, row.node, row.address)
    return table


def _distinct(nodes: Sequence[NodeRef]) -> list[NodeRef]:
    return [n for n in dict.fromkeys(nodes) if not n.is_vacant]
