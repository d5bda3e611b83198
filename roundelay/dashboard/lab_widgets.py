"""The churn lab as widgets: its buttons add, kill and pause nodes, and cut the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from roundelay.chord.refs import NodeRef
from roundelay.dashboard.actions import LabActions
from roundelay.dashboard.model import NodeState, RingState
from roundelay.dashboard.notices import NOTICES, run_action
from roundelay.dashboard.widgets import board, heading, plain_button


class LabTab:
    """The tab of the churn lab. selected: returns the node that was selected; refresh: shows what has changed."""

    def __init__(self, lab: LabActions, selected: Callable[[], NodeState | None], refresh: Callable[[], None]) -> None:
        self._lab = lab
        self._selected = selected
        self._refresh = refresh

    def build(self) -> None:
        lab = self._lab
        with ui.element("div").classes("panel"):
            heading("Churn lab")
            ui.label(
                "This ring is the page's own. Launch a job under Training, then inject faults: it finishes, and "
                "History shows that its model has the same digest as that of an undisturbed job."
            )
            with ui.element("div").classes("together"):
                plain_button("Add a node", lambda: self._disturb(lab.add))
                plain_button("Cut the network in two", lambda: self._disturb(lab.cut))
                self._heal = plain_button("Heal the cut", lambda: self._disturb(lab.heal))
            with ui.element("div").classes("together"):
                self._kill_supernode = plain_button("Kill the supernode", lambda: self._disturb(lab.kill_supernode))
                self._start_supernode = plain_button("Start it again", lambda: self._disturb(lab.start_supernode))
            ui.label("The node selected on the circle:").classes("q-mt-md faint")
            with ui.element("div").classes("together"):
                self._of_a_node = (
                    plain_button("Kill it", lambda: self._disturb_node(lab.kill)),
                    plain_button("Pause it", lambda: self._disturb_node(lab.pause)),
                    plain_button("Let it go on", lambda: self._disturb_node(lab.resume)),
                )
            board("victim").classes("q-mt-md")

    def enable_buttons(self) -> None:
        """Let only those buttons be pressed that have something to act on."""
        for button in self._of_a_node:
            button.set_enabled(self._selected() is not None)
        self._heal.set_enabled(bool(self._lab.far_side))
        self._kill_supernode.set_enabled(self._lab.lab.has_supernode)
        self._start_supernode.set_enabled(not self._lab.lab.has_supernode)

    async def _disturb(self, what: Callable[[], None]) -> None:
        await run_action(what, "the lab")
        self._refresh()

    async def _disturb_node(self, what: Callable[[Any], None]) -> None:
        member = self._selected()
        if member is None:
            ui.notify("select a node on the circle first", position=NOTICES)
        else:
            await run_action(lambda: what(member.ref.address), "the lab")


def disturbed(lab: LabActions | None, ring_state: RingState) -> tuple[frozenset[NodeRef], frozenset[NodeRef]]:
    """Return the nodes of the lab that are paused, and those on the far side of a partition."""
    if lab is None:
        return frozenset(), frozenset()
    nodes = [member.ref for member in ring_state.nodes]
    paused = frozenset(ref for ref in nodes if ref.address in lab.lab.paused)
    return paused, frozenset(ref for ref in nodes if ref.address in lab.far_side)
