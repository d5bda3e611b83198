"""One open page: its tabs, its selection, and the changes that it sends. Everything live is a scene on a board.

It makes tabs, fields and buttons from NiceGUI; the drawings are scenes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nicegui import app, ui

from roundelay.dashboard import tables
from roundelay.dashboard.diff import Boards
from roundelay.dashboard.lab_widgets import LabTab, disturbed
from roundelay.dashboard.lookup_widgets import LookupTab
from roundelay.dashboard.measurement import Measurement
from roundelay.dashboard.model import NodeState, RingState
from roundelay.dashboard.site import PAGES_MAX, Site
from roundelay.dashboard.training_widgets import TrainingTab
from roundelay.dashboard.views import View, rows_of_tab, visible_scenes
from roundelay.dashboard.widgets import board, filter_field, heading, icon_button, panel
from roundelay.federation.snapshot import JobSnapshot

JOB = re.compile(r"[0-9a-f]{64}")

ASSETS = Path(__file__).resolve().parent
REFRESH_EVERY_S = 0.2
HOP_EVERY_S = 0.7
FILTERED_FROM = 8  # rows: a longer list has a filter
MEASURE_EVERY_S = 0.5
HEAD = '<link rel="stylesheet" href="/assets/page.css"><script src="/assets/page.js"></script>'
KEYS = {
    "Tab, Enter": "go from node to node on the circle, and select one",
    "1 2 3 4 5": "the tabs, from the left",
    "/": "look up a name",
    "?": "this list",
}
TABS = {"nodes": "Nodes", "training": "Training", "lookup": "Lookup", "history": "History", "lab": "Churn lab"}


def install(site: Site) -> None:
    """Register the page and its two files."""
    app.add_static_file(local_file=ASSETS / "page.css", url_path="/assets/page.css")
    app.add_static_file(local_file=ASSETS / "page.js", url_path="/assets/page.js")

    def page() -> None:
        client, pages = ui.context.client, site.pages
        if not pages.open(client.id, client.delete):
            ui.label(f"{PAGES_MAX} pages are open already: close one and reload.")
            return
        client.on_connect(lambda: pages.connect(client.id))
        client.on_delete(lambda: pages.close(client.id))
        Page(site).build()

    ui.page("/", title="Roundelay", dark=None)(page)


class Page:
    """One open page: its selection and its widgets."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._boards = Boards()
        self._client = ui.context.client
        self._node = ""  # that was clicked
        self._peeked = ""  # that the pointer is on
        self._job = ""  # that was clicked; else the one that runs, or the last
        self._tab = "nodes"
        self._wanted: dict[str, str] = {}  # by tab: what its lists are filtered by
        self._filters: dict[str, ui.input] = {}
        self._drawn: object = None
        self._sections: dict[str, ui.element] = {}
        self._measurement = Measurement(site, lambda: self._refresh(anew=True))
        self._training = TrainingTab(site.actions, self._shown, self._select_job, self._add_filter)
        self._lookup = LookupTab(site.actions, self._selected, self._refresh)
        self._lab = LabTab(site.lab, self._selected, lambda: self._refresh(anew=True)) if site.lab is not None else None

    # --- building

    def build(self) -> None:
        ui.add_head_html(HEAD)
        ui.add_head_html("<script>document.documentElement.lang = 'en'</script>")
        self._build_top()
        with ui.element("main").classes("wide"):
            with ui.element("section").classes("column").props('aria-label="The ring"'):
                with ui.element("div").classes("panel"):
                    board("ring")
                with ui.element("div").classes("panel"):
                    heading("What has happened")
                    board("log").props("role=log aria-live=polite tabindex=0")
            with ui.element("section").classes("column").props('aria-label="Details"'):
                self._build_tabs()
        ui.on("act", self._on_act)
        ui.on("peek", self._on_peek)
        ui.on("resync", self._on_resync)
        ui.on("place", self._on_place)
        self._client.on_connect(lambda: self._client.run_javascript("roundelay.recallTheme(); roundelay.place()"))
        ui.timer(REFRESH_EVERY_S, self._refresh)
        ui.timer(HOP_EVERY_S, self._lookup.show_next_hop)
        ui.timer(MEASURE_EVERY_S, self._measure)

    def _build_top(self) -> None:
        with ui.dialog() as self._help, ui.element("div").classes("panel keys"):
            heading("Keys")
            with ui.element("dl").classes("facts"):
                for keys, about in KEYS.items():
                    ui.html(keys, sanitize=False, tag="dt")
                    ui.html(about, sanitize=False, tag="dd")
        with ui.element("header").classes("top"):
            ui.html("<h1>Roundelay</h1>", sanitize=False)
            board("summary")
            ui.element("div").classes("spacer")
            if self._site.actions.read_only:
                ui.label("read-only").classes("faint")
            icon_button("help_outline", "Keys (?)", self._help.open)
            icon_button("contrast", "Light or dark", lambda: self._client.run_javascript("roundelay.changeTheme()"))

    def _build_tabs(self) -> None:
        builders: dict[str, Callable[[], None]] = {
            "nodes": self._build_nodes,
            "training": self._training.build,
            "lookup": self._lookup.build,
            "history": self._build_history,
        }
        if self._lab is not None:
            builders["lab"] = self._lab.build
        names = [name for name in TABS if name in builders]
        self._tabs = ui.tabs(value="nodes", on_change=lambda e: self._show_tab(str(e.value)))
        with self._tabs.props("dense align=left no-caps inline-label outside-arrows mobile-arrows"):
            for name in names:
                ui.tab(name, TABS[name])
        for name in names:
            self._sections[name] = ui.element("div").classes("stack")
            self._sections[name].set_visibility(name == "nodes")
            with self._sections[name]:
                builders[name]()

    def _build_nodes(self) -> None:
        with ui.element("div").classes("panel"):
            self._add_filter("nodes", "Filter by node, address, state or file")
            board("nodes").classes("scroll")
            board("calls").classes("scroll")
        panel("node")

    def _add_filter(self, tab: str, about: str) -> None:
        """Add the field that filters the long lists of a tab."""

        def keep(wanted: str) -> None:
            self._wanted[tab] = wanted
            self._refresh(anew=True)

        self._filters[tab] = filter_field(about, keep)
        self._filters[tab].set_visibility(False)

    def _build_history(self) -> None:
        with ui.element("div").classes("panel"):
            board("compare")
            self._add_filter("history", "Filter by job, state, setting or file")
            board("jobs").classes("scroll")
            board("differences").classes("scroll")
        with ui.element("div").classes("panel"):
            board("lineage").classes("scroll")

    # --- showing

    def _show_tab(self, name: str) -> None:
        if name not in self._sections:
            return
        self._tab = name
        self._measurement.try_now()
        for each, section in self._sections.items():
            section.set_visibility(each == name)
        self._note_place()
        self._refresh(anew=True)

    def _note_place(self) -> None:
        """Write the tab and the job that was selected into the page's address, which can be kept and shared."""
        job = f"&job={self._job}" if self._job else ""
        self._client.run_javascript(f"history.replaceState(null, '', '#tab={self._tab}{job}')")

    def _on_place(self, event: Any) -> None:
        """Show what the address names: `#tab=history&job=...`."""
        words = event.args if isinstance(event.args, dict) else {}
        tab, job = str(words.get("tab", "")), str(words.get("job", ""))
        if JOB.fullmatch(job):
            self._job = job
        if tab in self._sections:
            self._tabs.set_value(tab)

    def _refresh(self, anew: bool = False) -> None:
        """Send the changes, if there are any."""
        watcher = self._site.watcher
        versions = watcher.version, self._site.meter.version
        lookup, faults = (self._lookup.found, self._lookup.hops), disturbed(self._site.lab, watcher.ring_state)
        is_measured = self._shown_job(watcher.ring_state) in self._site.metrics  # perhaps by another page
        state = (versions, self._node, self._peeked, self._job, lookup, faults, is_measured)
        if state == self._drawn and not anew:
            return
        self._drawn = state
        self._training.enable_buttons()
        if self._lab is not None:
            self._lab.enable_buttons()
        view = self._view(watcher.ring_state)
        for name, field in self._filters.items():
            is_long = name == self._tab and rows_of_tab(watcher.ring_state, view) > FILTERED_FROM
            field.set_visibility(is_long or bool(self._wanted.get(name)))
        scenes = {**visible_scenes(watcher.ring_state, view), "log": tables.log_scene(watcher.log)}
        call = self._boards.update(scenes)
        if call:
            self._client.run_javascript(call)

    def _view(self, ring_state: RingState) -> View:
        job, (paused, far_side) = self._shown_job(ring_state), disturbed(self._site.lab, ring_state)
        return View(
            self._tab,
            self._node,
            self._peeked,
            job,
            self._lookup.found,
            self._lookup.hops,
            self._wanted.get(self._tab, ""),
            paused,
            far_side,
            self._site.metrics.get(job),
            self._measurement.complaints.get(job, ""),
            self._measurement.measuring == job != "",
            self._site.meter.rates,
        )

    def _shown_job(self, ring_state: RingState) -> str:
        if self._job and ring_state.job(self._job) is not None:
            return self._job
        latest = ring_state.running or (ring_state.jobs[-1] if ring_state.jobs else None)
        return latest.job if latest is not None else ""

    def _shown(self) -> tuple[str, JobSnapshot | None]:
        """Return the id of the job that is shown, and its state."""
        ring_state = self._site.watcher.ring_state
        job = self._shown_job(ring_state)
        return job, ring_state.job(job)

    def _selected(self) -> NodeState | None:
        return self._site.watcher.ring_state.node(self._node)

    def _select_job(self, job: str) -> None:
        self._job = job

    async def _measure(self) -> None:
        job, snapshot = self._shown()
        if self._tab == "training":
            await self._measurement.measure(job, snapshot)

    # --- actions of the user

    def _on_resync(self, _: Any) -> None:
        self._boards.forget()
        self._refresh(anew=True)

    def _on_act(self, event: Any) -> None:
        words = event.args if isinstance(event.args, dict) else {}
        act, value = str(words.get("act")), str(words.get("value"))
        if act == "node":
            self._node = "" if value == self._node else value
        elif act == "job" and JOB.fullmatch(value):
            self._job = value
            self._note_place()
        elif act == "tab" and value in (tabs := {str(place): name for place, name in enumerate(self._sections, 1)}):
            self._tabs.set_value(tabs[value])
        elif act == "look" and "lookup" in self._sections:
            self._tabs.set_value("lookup")
            self._lookup.focus()
        elif act == "help":
            self._help.open()
        self._refresh()

    def _on_peek(self, event: Any) -> None:
        words = event.args if isinstance(event.args, dict) else {}
        self._peeked = str(words.get("value", ""))
        self._refresh()
