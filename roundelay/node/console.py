"""A node's console: prints the finger table whenever it has changed and been stable for a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import DECIMAL_BITS_MAX, Ring
from roundelay.node import shown
from roundelay.node.condition_lock import ConditionLock

STABLE_S = 1.0
WIDTH_WITHOUT_TERMINAL = 160  # columns
WATCH_INTERVAL_S = 0.25


class OutputConsole(Console):
    """A console on standard output."""

    def on_broken_pipe(self) -> None:
        """Fail as print does if nobody reads on; rich would end the program as failed."""
        raise BrokenPipeError


def console() -> Console:
    """Return a console on standard output, as wide as the terminal; without one, wide enough for every table."""
    made = OutputConsole(highlight=False)
    return made if made.is_terminal else OutputConsole(highlight=False, width=WIDTH_WITHOUT_TERMINAL)


def add_row(table: Table, *cells: str, style: str | None = None) -> None:
    """Add a row of texts that may come from elsewhere."""
    table.add_row(*map(cell, cells), style=style)


def cell(text: str) -> str:
    """Return a text for a table's cell or title: control characters and markup are shown as they are."""
    return escape(shown.text(text))


@dataclass(frozen=True)
class FingerRow:
    """One line of a finger table."""

    fingers: str  # "0", or "0-156" for several that point to the same node
    start: str
    node: str
    address: str


def finger_rows(me: NodeRef, ring: Ring, fingers: Sequence[NodeRef], in_full: bool = False) -> list[FingerRow]:
    """Return the rows of a finger table: one for each finger on small rings, otherwise equal neighbours share a row.

    Identifiers are shown in full or shortened.
    """
    show = ring.digits if in_full else ring.show
    groups: list[list[int]] = []
    for index in range(ring.bits):
        repeats = index > 0 and fingers[index] == fingers[index - 1]
        if repeats and ring.bits > DECIMAL_BITS_MAX:
            groups[-1].append(index)
        else:
            groups.append([index])
    return [
        FingerRow(
            str(group[0]) if len(group) == 1 else f"{group[0]}-{group[-1]}",
            ring.digits(start) if in_full else _show_start(ring, start, me.id),
            show(fingers[group[0]].id),
            str(fingers[group[0]].address),
        )
        for group in groups
        for start in [ring.finger_start(me.id, group[0])]
    ]


def _show_start(ring: Ring, start: int, me: int) -> str:
    """Return a finger's start, shortened; its last digits too if the first are those of the node itself."""
    shown = ring.show(start)
    return shown if shown != ring.show(me) or ring.bits <= DECIMAL_BITS_MAX else f"{shown}..{ring.digits(start)[-2:]}"


def finger_table(rows: Sequence[FingerRow], before: Sequence[FingerRow]) -> Table:
    """Return the table to print. A star marks the rows that are new."""
    table = Table()
    for heading in ("", "finger", "start", "node", "address"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        is_new = bool(before) and row not in before
        cells = ("*" if is_new else "", row.fingers, row.start, row.node, row.address)
        add_row(table, *cells, style="bold" if is_new else None)
    return table


def neighbourhood(node: ChordNode) -> str:
    """Return one line with a node's predecessor and successors."""
    show, others = node.ring.show, [n for n in node.live_successors() if n != node.ref]
    successors = ", ".join(show(n.id) for n in others) or "none: alone on the ring"
    return (
        f"node {show(node.ref.id)} at {node.ref.address}, predecessor {show(node.predecessor.id)}, "
        f"successors {successors}"
    )


class RingConsole:
    """Prints a node's finger table when its neighbourhood has been stable for STABLE_S."""

    def __init__(self, node: ChordNode, lock: ConditionLock, stopping: threading.Event, console: Console) -> None:
        self._node = node
        self._lock = lock
        self._stopping = stopping
        self._console = console

    def run(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Print tables until the node stops."""
        printed: object = None
        seen, since = None, clock()
        rows: list[FingerRow] = []
        while not self._stopping.wait(WATCH_INTERVAL_S):
            with self._lock:
                now = (self._node.predecessor, self._node.successors, self._node.fingers)
                line = shown.line(neighbourhood(self._node))
            if now != seen:
                seen, since = now, clock()
            elif now != printed and clock() - since >= STABLE_S:
                printed = now
                before, rows = rows, finger_rows(self._node.ref, self._node.ring, now[2])
                self._console.print(line, markup=False, soft_wrap=True)  # without the lock: a terminal may block
                self._console.print(finger_table(rows, before))


def watch(node: ChordNode, lock: ConditionLock, stopping: threading.Event) -> None:
    """Print a node's finger tables from now on, in a thread of its own."""
    tables = RingConsole(node, lock, stopping, console())
    threading.Thread(target=tables.run, name="console", daemon=True).start()
