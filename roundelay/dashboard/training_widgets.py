"""The training tab as widgets: the job that is shown, what may be done with it, and the form of the next one."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from roundelay.dashboard import history_view
from roundelay.dashboard.actions import Actions, Wanted
from roundelay.dashboard.form_widgets import TrainingForm
from roundelay.dashboard.notices import NOTICES, run_action
from roundelay.dashboard.widgets import board, heading, plain_button
from roundelay.federation.snapshot import JobSnapshot


class TrainingTab:
    """The tab of trainings.

    shown: returns the id of the job that is shown, and its state. select: shows another job. add_filter: adds the
    tab's filter.
    """

    def __init__(
        self,
        actions: Actions,
        shown: Callable[[], tuple[str, JobSnapshot | None]],
        select: Callable[[str], None],
        add_filter: Callable[[str, str], None],
    ) -> None:
        self._actions = actions
        self._shown = shown
        self._select = select
        self._add_filter = add_filter

    def build(self) -> None:
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
                if not self._actions.read_only:
                    self._stop = plain_button("Stop this job", self._cancel)
                self._model = plain_button("Download the model", self._download)
                self._csv = plain_button("Download the rounds (CSV)", self._download_rounds)
        if not self._actions.read_only:
            with ui.element("div").classes("panel"):
                heading("Launch a training")
                TrainingForm(self._actions.data, self._launch).build()

    def enable_buttons(self) -> None:
        """Let only those buttons be pressed that have something to act on."""
        _, snapshot = self._shown()
        has_rounds = snapshot is not None and snapshot.rounds_done > 0
        self._model.set_enabled(has_rounds)
        self._csv.set_enabled(has_rounds)
        if not self._actions.read_only:
            self._stop.set_enabled(snapshot is not None and not snapshot.end)

    async def _launch(self, wanted: Wanted) -> None:
        job = await run_action(lambda: self._actions.launch(wanted), "the ring to store the job and its files")
        if job is not None:
            self._select(job)
            ui.notify(f"launched job {job[:8]}: the ring drives it", type="positive", position=NOTICES)

    async def _cancel(self) -> None:
        job, snapshot = self._shown()
        if snapshot is None or snapshot.end:
            ui.notify("no job is running", position=NOTICES)
        elif await run_action(lambda: self._actions.cancel(job), f"the ring to cancel job {job[:8]}"):
            ui.notify(f"job {job[:8]} is cancelled", position=NOTICES)

    async def _download(self) -> None:
        job, _ = self._shown()
        content = await run_action(lambda: self._actions.model(job), f"the model of job {job[:8]}")
        if content is not None:
            ui.download.content(content, f"model-{job[:8]}.npz")

    def _download_rounds(self) -> None:
        job, snapshot = self._shown()
        if snapshot is not None:
            ui.download.content(history_view.as_csv(snapshot), f"rounds-{job[:8]}.csv")
