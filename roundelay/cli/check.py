"""client.py status --check: evaluate the predicates of a correct Chord ring on live nodes."""

from __future__ import annotations

from roundelay.chord.invariants import PredicateResult
from roundelay.cli import exits, parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.cli.tables import narrow_table
from roundelay.client.health import RingCheck
from roundelay.node import shown
from roundelay.node.console import add_row, console


def run(chosen: parser_base.Namespace) -> int:
    """Print each predicate; return FAILED if one is broken. Raises ClientError."""
    with open_ring(chosen) as ring:
        found = ring.check()
    show = show_json if chosen.json else show_table
    show(found)
    return 0 if found.holds else exits.FAILED


def show_json(found: RingCheck) -> None:
    """Print one line, one object."""
    predicates = [{"predicate": f.predicate, "holds": f.holds, "detail": f.detail} for f in found.predicates]
    print(shown.as_json({"nodes": found.nodes, "holds": found.holds, "predicates": predicates}))


def show_table(found: RingCheck) -> None:
    """Print a table, one predicate a row."""
    title = f"a ring of {found.nodes} node{'s' * (found.nodes != 1)}"
    table = narrow_table(title, "predicate", "holds", "detail")
    for each in found.predicates:
        add_row(table, each.predicate, _answer(each), each.detail)
    console().print(table)


def _answer(found: PredicateResult) -> str:
    """Return whether a predicate holds; `-` if it was not evaluated, which the detail says."""
    if not found.holds:
        return "NO"
    return "-" if found.detail else "yes"
