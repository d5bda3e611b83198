"""Tests of a node's console: full finger tables as in the paper on small rings, collapsed ones on large rings."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence

import pytest
from rich.console import Console

from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.node.console import STABLE_S, FingerRow, RingConsole, finger_rows, finger_table, neighbourhood

PATIENCE_S = 20.0


def members(ids: Sequence[int]) -> list[NodeRef]:
    return [NodeRef(identifier, "127.0.0.1", 8000 + number) for number, identifier in enumerate(sorted(ids))]


def fingers_of(me: NodeRef, ring: Ring, nodes: Sequence[NodeRef]) -> list[NodeRef]:
    """Return the correct fingers: the first node at or after each start."""
    starts = [ring.finger_start(me.id, index) for index in range(ring.bits)]
    return [next((n for n in nodes if n.id >= start), nodes[0]) for start in starts]


@pytest.mark.parametrize(
    ("identifier", "table"),
    [
        (0, [("1", "1"), ("2", "3"), ("4", "0")]),
        (1, [("2", "3"), ("3", "3"), ("5", "0")]),
        (3, [("4", "0"), ("5", "0"), ("7", "0")]),
    ],
)
def test_a_ring_of_3_bits_with_nodes_0_1_3_matches_the_papers_figure(
    identifier: int, table: list[tuple[str, str]]
) -> None:
    """Compare with figure 3(b) of Stoica et al. 2001: every row, in decimals, equal neighbours not merged."""
    ring, nodes = Ring(3), members([0, 1, 3])
    me = next(n for n in nodes if n.id == identifier)

    rows = finger_rows(me, ring, fingers_of(me, ring, nodes))

    assert [(row.start, row.node) for row in rows] == table
    assert [row.fingers for row in rows] == ["0", "1", "2"]


def test_a_table_of_5_bits_shows_every_row() -> None:
    ring, nodes = Ring(5), members([1, 4, 9, 11, 14, 18, 20, 21, 28])
    me = nodes[1]

    rows = finger_rows(me, ring, fingers_of(me, ring, nodes))

    assert [(row.fingers, row.start, row.node) for row in rows] == [
        ("0", "5", "9"),
        ("1", "6", "9"),
        ("2", "8", "9"),
        ("3", "12", "14"),
        ("4", "20", "20"),
    ]
    assert rows[3].address == "127.0.0.1:8004"


def test_a_table_of_160_bits_is_collapsed_to_one_row_per_node() -> None:
    ring = Ring(160)
    nodes = members([0, 1 << 157, 1 << 158, 3 << 158])
    me = nodes[0]

    rows = finger_rows(me, ring, fingers_of(me, ring, nodes))

    assert [(row.fingers, row.node) for row in rows] == [
        ("0-157", "20000000"),
        ("158", "40000000"),
        ("159", "c0000000"),
    ]
    assert rows[0].start == "00000000..01", "that of the paper: the node itself plus one"
    assert rows[2].start == "80000000"


def test_the_table_of_a_node_alone_on_the_ring_is_one_row() -> None:
    ring, me = Ring(160), members([7])[0]

    assert [row.fingers for row in finger_rows(me, ring, [me] * 160)] == ["0-159"]


def printed(thing: object) -> str:
    out = Console(file=io.StringIO(), width=120)
    out.print(thing)
    text = out.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    assert isinstance(text, str)
    return text


def test_new_rows_are_marked() -> None:
    before = [FingerRow("0", "1", "1", "h:1"), FingerRow("1", "2", "3", "h:3"), FingerRow("2", "4", "0", "h:0")]
    after = [before[0], FingerRow("1", "2", "2", "h:2"), before[2]]

    marked = [line for line in printed(finger_table(after, before)).splitlines() if "*" in line]

    assert len(marked) == 1
    assert "h:2" in marked[0]


def test_the_first_table_has_no_marks() -> None:
    assert "*" not in printed(finger_table([FingerRow("0", "1", "1", "h:1")], []))


def test_an_address_is_never_rendered_as_markup() -> None:
    assert "[::1]:8001" in printed(finger_table([FingerRow("0", "1", "1", "[::1]:8001")], []))


def test_the_neighbourhood_line_names_each_successor_once() -> None:
    me, following, after, before = members([0, 1, 3, 6])
    node = ChordNode(me, Ring(3, successors=4))
    node.set_successors(following, (after, before))
    node.predecessor = before

    assert neighbourhood(node) == "node 0 at 127.0.0.1:8000, predecessor 6, successors 1, 3, 6"
    assert "none: alone on the ring" in neighbourhood(ChordNode(me, Ring(3)))


class Turns:
    """A stand-in for the stopping event: each wait is one step of the test, at a time that the test chooses."""

    def __init__(self, turns: Sequence[tuple[float, object]]) -> None:
        self._turns = list(turns)
        self.now = 0.0

    def wait(self, _: float) -> bool:
        if not self._turns:
            return True
        self.now, act = self._turns.pop(0)
        if callable(act):
            act()
        return False


def watched(node: ChordNode, turns: Sequence[tuple[float, object]]) -> str:
    lock, out = threading.Condition(threading.Lock()), Console(file=io.StringIO(), width=160)

    class Unlocked(Console):
        """A terminal that may block for any time, so no print may hold the node's lock."""

        def print(self, *things: object, **how: object) -> None:
            assert lock.acquire(blocking=False), "printed under the node's lock"
            lock.release()
            out.print(*things, **how)  # type: ignore[arg-type]  # passed on as they are

    stopping = Turns(turns)
    RingConsole(node, lock, stopping, Unlocked()).run(clock=lambda: stopping.now)  # type: ignore[arg-type]
    text = out.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    assert isinstance(text, str)
    return text


def test_the_table_is_printed_once_after_a_second_without_changes() -> None:
    node = ChordNode(NodeRef(0, "127.0.0.1", 8000), Ring(3))

    assert "finger" not in watched(node, [(0.0, None), (STABLE_S / 2, None)])
    assert watched(node, [(0.0, None), (STABLE_S, None), (9.0, None), (99.0, None)]).count("finger") == 1


def test_a_change_restarts_the_second_and_is_marked() -> None:
    me, other = members([0, 3])
    node = ChordNode(me, Ring(3))

    def join() -> None:
        node.set_successors(other, (me,))
        node.set_fingers((other, other, me))

    text = watched(node, [(0.0, None), (1.0, None), (2.0, join), (2.9, None), (3.0, None)])

    first, second = text.split("finger")[1:]
    assert "*" not in first
    assert [line.split("│")[2].strip() for line in second.splitlines() if "*" in line] == ["0", "1"]
