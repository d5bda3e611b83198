"""client.py lookup NAME: the way to a name's key, hop by hop, with the reason for each hop and its time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from roundelay.chord.effects import Effect, Procedure, intercept
from roundelay.chord.errors import ChordError
from roundelay.chord.lookup import Route, find_successor
from roundelay.chord.requests import Candidate
from roundelay.chord.ring import Ring
from roundelay.cli import exits, options
from roundelay.cli.entry import client_runtime, enter
from roundelay.node.console import console


def run(chosen: options.Namespace) -> int:
    runtime = client_runtime()
    entry = enter(runtime, chosen)
    key = entry.ring.key(chosen.name)
    times_ms: list[float] = []
    try:
        route = runtime.run(timed(find_successor(entry.node, key), time.perf_counter, times_ms))
    except ChordError as error:
        raise exits.Exit(exits.UNAVAILABLE, f"{chosen.name} could not be looked up: {error}") from error
    show = show_json if chosen.json else show_table
    show(chosen.name, entry.ring, route, times_ms)
    return 0


def timed(procedure: Procedure[Route], clock: Callable[[], float], times_ms: list[float]) -> Procedure[Route]:
    """The same procedure; the milliseconds that each of its questions took are noted."""
    asked = clock()

    def observe(_: Effect, outcome: Any) -> None:
        nonlocal asked
        if not isinstance(outcome, ChordError):
            times_ms.append(1000 * (clock() - asked))
        asked = clock()

    return (yield from intercept(procedure, observe))


def reason(step: Candidate, is_first: bool) -> str:
    """Why this node was asked."""
    if is_first:
        return "where we came in"
    return "successor list" if step.finger is None else f"finger {step.finger}"


def show_table(name: str, ring: Ring, route: Route, times_ms: Sequence[float]) -> None:
    table = Table(title=f"{escape(name)} has key {ring.show(route.key)}", title_justify="left")
    for heading in ("hop", "by", "node", "address", "ms"):
        table.add_column(heading)
    for number, (step, ms) in enumerate(zip(route.steps, times_ms, strict=False)):
        table.add_row(
            str(number), reason(step, number == 0), ring.show(step.node.id), escape(str(step.node.address)), f"{ms:.2f}"
        )
    table.add_row("", "its successor", ring.show(route.owner.id), escape(str(route.owner.address)), "")
    console().print(table)


def show_json(name: str, ring: Ring, route: Route, times_ms: Sequence[float]) -> None:
    print(
        json.dumps(
            {
                "name": name,
                "key": ring.digits(route.key),
                "owner": {"id": ring.digits(route.owner.id), "address": str(route.owner.address)},
                "hops": [
                    {
                        "id": ring.digits(step.node.id),
                        "address": str(step.node.address),
                        "by": reason(step, number == 0),
                        "milliseconds": round(ms, 3),
                    }
                    for number, (step, ms) in enumerate(zip(route.steps, times_ms, strict=False))
                ],
            }
        )
    )
