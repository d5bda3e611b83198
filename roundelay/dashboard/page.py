"""The widgets of one open page and their event handlers. Everything live is a scene on a board.

It makes tabs, fields and buttons from NiceGUI; the drawings are scenes.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from nicegui import app, run, ui

from roundelay.chord.refs import NodeRef
from roundelay.client.lookup import LookupResult
from roundelay.dashboard import history_view, metrics_view, tables
from roundelay.dashboard.actions import ActionRefused, Wanted
from roundelay.dashboard.diff import Boards
from roundelay.dashboard.form_widgets import TrainingForm
from roundelay.dashboard.model import RingState
from roundelay.dashboard.site import PAGES_MAX, Site
from roundelay.dashboard.views import View, rows_of_tab, visible_scenes
from roundelay.dashboard.widgets import board, filter_field, heading, icon_button, panel, plain_button

R = TypeVar("R")

JOB = re.compile(r"[0-9a-f]{64}")

ASSETS = Path(__file__).resolve().parent
REFRESH_EVERY_S = 0.2
HOP_EVERY_S = 0.7
WAIT_SILENTLY_S = 0.4  # until the page says what it waits for
FILTERED_FROM = 8  # rows: a longer list has a filter
MEASURE_EVERY_S, MEASURE_AGAIN_S = 0.5, 5.0
HEAD = '<link rel="stylesheet" href="/assets/page.css"><script src="/assets/page.js"></script>'
NOTICES = "top-right"  # where they cover no field
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
        self._found: LookupResult | None = None
        self._hops = 0
        self._tab = "nodes"
        self._unmeasured: dict[str, str] = {}  # jobs, and why
        self._measuring = ""  # the job whose metrics are awaited
        self._measure_at = 0.0  # not before: the ring may have been too busy to answer
        self._wanted: dict[str, str] = {}  # by tab: what its lists are filtered by
        self._filters: dict[str, ui.input] = {}
        self._drawn: object = None
        self._sections: dict[str, ui.element] = {}

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
        ui.timer(HOP_EVERY_S, self._next_hop)
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
            "training": self._build_training,
            "lookup": self._build_lookup,
            "history": self._build_history,
            "lab": self._build_lab,
        }
        names = [name for name in TABS if name != "lab" or self._site.lab is not None]
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

    def _build_training(self) -> None:
        with ui.element("div").classes("panel"):
            board("job")
            board("error")
            board("loss")
            board("lanes").classes("scroll")
            self._add_filter("training", "Filter the files")
            board("files")
            board("losses").classes("scroll")
            board("disturbed").classes("scroll")
            board("sites").classes("scroll")
            board("confusion")
            with ui.element("div").classes("together"):
                if not self._site.actions.read_only:
                    self._stop = plain_button("Stop this job", self._cancel)
                self._model = plain_button("Download the model", self._download)
                self._csv = plain_button("Download the rounds (CSV)", self._download_rounds)
        if not self._site.actions.read_only:
            with ui.element("div").classes("panel"):
                heading("Launch a training")
                TrainingForm(self._site.actions.data, self._launch).build()

    def _build_lookup(self) -> None:
        with ui.element("div").classes("panel"):
            heading("Find the owner of a name")
            with ui.element("div").classes("together"):
                name = self._name = ui.input("Name of a file", value="validate_letters.txt").classes("long")
                look = lambda: self._look_up(str(name.value))  # noqa: E731 - bound twice below
                name.on("keydown.enter", look)
                ui.button("Look up", on_click=look, color=None).classes("main").props("unelevated no-caps")
            board("route").classes("scroll")

    def _build_history(self) -> None:
        with ui.element("div").classes("panel"):
            board("compare")
            self._add_filter("history", "Filter by job, state, setting or file")
            board("jobs").classes("scroll")
            board("differences").classes("scroll")
        with ui.element("div").classes("panel"):
            board("lineage").classes("scroll")

    def _build_lab(self) -> None:
        lab = self._site.lab
        assert lab is not None
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

    # --- showing

    def _show_tab(self, name: str) -> None:
        if name not in self._sections:
            return
        self._tab = name
        self._measure_at = 0.0
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
        state = (versions, self._node, self._peeked, self._job, self._found, self._hops, self._disturbed())
        if state == self._drawn and not anew:
            return
        self._drawn = state
        self._enable_buttons(watcher.ring_state)
        view = self._view(watcher.ring_state)
        for name, field in self._filters.items():
            is_long = name == self._tab and rows_of_tab(watcher.ring_state, view) > FILTERED_FROM
            field.set_visibility(is_long or bool(self._wanted.get(name)))
        scenes = {**visible_scenes(watcher.ring_state, view), "log": tables.log_scene(watcher.log)}
        call = self._boards.update(scenes)
        if call:
            self._client.run_javascript(call)

    def _enable_buttons(self, ring_state: RingState) -> None:
        """Let only those buttons be pressed that have something to act on."""
        snapshot = ring_state.job(self._shown_job(ring_state))
        has_rounds = snapshot is not None and snapshot.rounds_done > 0
        self._model.set_enabled(has_rounds)
        self._csv.set_enabled(has_rounds)
        if not self._site.actions.read_only:
            self._stop.set_enabled(snapshot is not None and not snapshot.end)
        lab = self._site.lab
        if lab is not None:
            for button in self._of_a_node:
                button.set_enabled(ring_state.node(self._node) is not None)
            self._heal.set_enabled(bool(lab.far_side))
            self._kill_supernode.set_enabled(lab.lab.has_supernode)
            self._start_supernode.set_enabled(not lab.lab.has_supernode)

    def _view(self, ring_state: RingState) -> View:
        job, (paused, far_side) = self._shown_job(ring_state), self._disturbed()
        return View(
            self._tab,
            self._node,
            self._peeked,
            job,
            self._found,
            self._hops,
            self._wanted.get(self._tab, ""),
            paused,
            far_side,
            self._site.metrics.get(job),
            self._unmeasured.get(job, ""),
            self._measuring == job != "",
            self._site.meter.rates,
        )

    def _shown_job(self, ring_state: RingState) -> str:
        if self._job and ring_state.job(self._job) is not None:
            return self._job
        latest = ring_state.running or (ring_state.jobs[-1] if ring_state.jobs else None)
        return latest.job if latest is not None else ""

    def _disturbed(self) -> tuple[frozenset[NodeRef], frozenset[NodeRef]]:
        """Return the nodes of the lab that are paused, and those on the far side of a partition."""
        lab = self._site.lab
        if lab is None:
            return frozenset(), frozenset()
        nodes = [member.ref for member in self._site.watcher.ring_state.nodes]
        paused = frozenset(ref for ref in nodes if ref.address in lab.lab.paused)
        return paused, frozenset(ref for ref in nodes if ref.address in lab.far_side)

    def _next_hop(self) -> None:
        if self._found is not None and self._hops <= len(self._found.route.steps):
            self._hops += 1

    async def _measure(self) -> None:
        """Measure the job that is shown once it is done; all pages then have its metrics."""
        job = self._shown_job(self._site.watcher.ring_state)
        snapshot = self._site.watcher.ring_state.job(job)
        if self._tab != "training" or not metrics_view.is_measurable(snapshot):
            return
        if job in self._site.metrics or time.monotonic() < self._measure_at:
            return
        self._measuring = job
        self._refresh(anew=True)
        try:
            metrics = await run.io_bound(lambda: self._site.actions.metrics(job))
            self._site.remember(job, metrics)
            self._unmeasured.pop(job, None)
        except ActionRefused as refused:
            self._unmeasured[job] = str(refused)
        self._measuring = ""
        self._measure_at = time.monotonic() + (MEASURE_AGAIN_S if job in self._unmeasured else 0.0)
        self._refresh(anew=True)

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
            self._name.run_method("focus")
        elif act == "help":
            self._help.open()
        self._refresh()

    def _on_peek(self, event: Any) -> None:
        words = event.args if isinstance(event.args, dict) else {}
        self._peeked = str(words.get("value", ""))
        self._refresh()

    async def _launch(self, wanted: Wanted) -> None:
        job = await self._do(lambda: self._site.actions.launch(wanted), "the ring to store the job and its files")
        if job is not None:
            self._job = job
            ui.notify(f"launched job {job[:8]}: the ring drives it", type="positive", position=NOTICES)

    async def _cancel(self) -> None:
        job = self._shown_job(self._site.watcher.ring_state)
        snapshot = self._site.watcher.ring_state.job(job)
        if snapshot is None or snapshot.end:
            ui.notify("no job is running", position=NOTICES)
        elif await self._do(lambda: self._site.actions.cancel(job), f"the ring to cancel job {job[:8]}"):
            ui.notify(f"job {job[:8]} is cancelled", position=NOTICES)

    async def _download(self) -> None:
        job = self._shown_job(self._site.watcher.ring_state)
        content = await self._do(lambda: self._site.actions.model(job), f"the model of job {job[:8]}")
        if content is not None:
            ui.download.content(content, f"model-{job[:8]}.npz")

    def _download_rounds(self) -> None:
        job = self._shown_job(self._site.watcher.ring_state)
        snapshot = self._site.watcher.ring_state.job(job)
        if snapshot is not None:
            ui.download.content(history_view.as_csv(snapshot), f"rounds-{job[:8]}.csv")

    async def _look_up(self, name: str) -> None:
        start = self._site.watcher.ring_state.node(self._node)
        found = await self._do(lambda: self._site.actions.look_up(name, start), f"the owner of {name[:80]}")
        if found is not None:
            self._found, self._hops = found, 0
            self._refresh()

    async def _disturb(self, what: Callable[[], None]) -> None:
        await self._do(what, "the lab")
        self._refresh(anew=True)

    async def _disturb_node(self, what: Callable[[Any], None]) -> None:
        member = self._site.watcher.ring_state.node(self._node)
        if member is None:
            ui.notify("select a node on the circle first", position=NOTICES)
        else:
            await self._do(lambda: what(member.ref.address), "the lab")

    async def _do(self, what: Callable[[], R], waiting_for: str) -> R | None:
        """Run an action in a thread, and say what it waits for if that takes long; notify the user if it is refused."""
        running = asyncio.ensure_future(run.io_bound(what))
        done, _ = await asyncio.wait([running], timeout=WAIT_SILENTLY_S)
        waiting = (
            None
            if done
            else ui.notification(f"waiting for {waiting_for} ...", spinner=True, timeout=None, position=NOTICES)
        )
        try:
            result: R = await running
        except ActionRefused as refused:
            ui.notify(str(refused), type="negative", multi_line=True, position=NOTICES)
            return None
        finally:
            if waiting is not None:
                waiting.dismiss()
        return result
