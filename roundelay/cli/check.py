"""client.py status --check: does the ring keep what correct Chord promises? Every predicate, asked of live nodes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from roundelay.chord.crawl import check_ring
from roundelay.chord.effects import Procedure, ask
from roundelay.chord.errors import ChordError
from roundelay.chord.invariants import PredicateResult
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetMembers
from roundelay.cli import exits
from roundelay.cli.entry import enter, ways_in
from roundelay.node.console import console
from roundelay.node.runtime import Runtime


def main(runtime: Runtime, chosen: argparse.Namespace) -> int:
    """Print each predicate; returns the exit code."""
    entry = enter(runtime, chosen)
    starts = (entry.node, *runtime.run(members(ways_in(chosen)[0])))
    seen, findings = runtime.run(check_ring(starts, entry.ring.successors))
    show = show_json if chosen.json else show_table
    show(len(seen), findings)
    return 0 if all(finding.holds for finding in findings) else exits.FAILED


def members(supernode: Address | None) -> Procedure[tuple[NodeRef, ...]]:
    """Whom the supernode holds for alive: some may be in another ring. Without a supernode: nobody."""
    if supernode is None:
        return ()
    try:
        answer = yield from ask(supernode, GetMembers())
    except ChordError:
        return ()
    return answer.nodes


def show_json(count: int, findings: Sequence[PredicateResult]) -> None:
    """One line, one object."""
    predicates = [{"predicate": f.predicate, "holds": f.holds, "detail": f.detail} for f in findings]
    print(json.dumps({"nodes": count, "holds": all(f.holds for f in findings), "predicates": predicates}))


def show_table(count: int, findings: Sequence[PredicateResult]) -> None:
    table = Table(title=f"a ring of {count} node{'s' * (count != 1)}", title_justify="left")
    for heading in ("predicate", "holds", "where not"):
        table.add_column(heading)
    for finding in findings:
        table.add_row(finding.predicate, "yes" if finding.holds else "NO", escape(finding.detail))
    console().print(table)
