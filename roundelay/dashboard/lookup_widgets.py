"""The lookup tab as widgets: the owner of a name is found, then shown hop by hop."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from roundelay.client.lookup import LookupResult
from roundelay.dashboard.actions import Actions
from roundelay.dashboard.model import NodeState
from roundelay.dashboard.notices import run_action
from roundelay.dashboard.widgets import board, heading


class LookupTab:
    """The tab of lookups. selected: returns the node that a lookup starts at; refresh: shows what was found."""

    def __init__(self, actions: Actions, selected: Callable[[], NodeState | None], refresh: Callable[[], None]) -> None:
        self.found: LookupResult | None = None
        self.hops = 0  # that are shown
        self._actions = actions
        self._selected = selected
        self._refresh = refresh

    def build(self) -> None:
        with ui.element("div").classes("panel"):
            heading("Find the owner of a name")
            with ui.element("div").classes("together"):
                name = self._name = ui.input("Name of a file", value="validate_letters.txt").classes("long")
                look = lambda: self._look_up(str(name.value))  # noqa: E731 - bound twice below
                name.on("keydown.enter", look)
                ui.button("Look up", on_click=look, color=None).classes("main").props("unelevated no-caps")
            board("route").classes("scroll")

    def focus(self) -> None:
        """Put the cursor into the field of the name."""
        self._name.run_method("focus")

    def show_next_hop(self) -> None:
        """Show one hop more of the lookup that was found last."""
        if self.found is not None and self.hops <= len(self.found.route.steps):
            self.hops += 1

    async def _look_up(self, name: str) -> None:
        start = self._selected()
        found = await run_action(lambda: self._actions.look_up(name, start), f"the owner of {name[:80]}")
        if found is not None:
            self.found, self.hops = found, 0
            self._refresh()
