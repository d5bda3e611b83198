"""The training form as widgets; its fields and checks are in form.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from nicegui import ui

from roundelay.dashboard import form
from roundelay.dashboard.actions import Wanted
from roundelay.dashboard.form import Field

DATA, VALIDATION = "letters", "validate_letters.txt"


class TrainingForm:
    """The fields of a job's settings and data; `launch` is called with the completed form."""

    def __init__(self, folder: Path, launch: Callable[[Wanted], Awaitable[None]]) -> None:
        self._folder = folder
        self._launch = launch
        self._fields: dict[str, Any] = {}
        self._reading: dict[str, Any] = {}

    def build(self) -> None:
        made = form.form_fields()
        with ui.element("div").classes("form"):
            self._data = ui.input("training data", value=DATA)
            self._data.tooltip(
                f"a file or a folder below {self._folder}, on the machine of this page, as for client.py train"
            )
            self._validation = ui.input("validation file", value=VALIDATION, placeholder="held out")
            self._validation.tooltip("empty: the set's own test part, or a held-out part")
            self._init = ui.input("start from the model", placeholder="none")
            self._init.tooltip(f"a saved model (.npz) below {self._folder}")
            for each in made:
                if each.common:
                    self._fields[each.name] = _widget(each)
        with ui.expansion("More settings"), ui.element("div").classes("form"):
            for each in made:
                if not each.common:
                    self._fields[each.name] = _widget(each)
        with ui.expansion("How the data are read"), ui.element("div").classes("form"):
            for each in form.data_fields():
                self._reading[each.name] = _widget(each)
        with ui.element("div").classes("together"):
            self._button = (
                ui.button("Launch training", on_click=self._on_click, color=None)
                .classes("main")
                .props("unelevated no-caps")
            )
            self._complaint = ui.label("").classes("wrong").props("role=alert")
        with ui.expansion("The same on the command line"):
            self._command = ui.label("").classes("command")
        every = (self._data, self._validation, self._init, *self._fields.values(), *self._reading.values())
        for widget in every:
            widget.on_value_change(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        """Show the fields that have an effect, and the command."""
        wanted = self._wanted()
        for name, widget in self._fields.items():
            widget.set_visibility(name in wanted.typed)
        self._command.set_text(form.command(wanted.data, wanted.validation, wanted.init, wanted.typed, wanted.reading))

    def _wanted(self) -> Wanted:
        """Return what is filled in, without settings that have no effect."""
        typed = {name: form.typed_value(widget.value) for name, widget in self._fields.items()}
        return Wanted(
            str(form.typed_value(self._data.value)),
            str(form.typed_value(self._validation.value)),
            str(form.typed_value(self._init.value)),
            {name: value for name, value in typed.items() if form.applies(name, typed)},
            {name: form.typed_value(widget.value) for name, widget in self._reading.items()},
        )

    async def _on_click(self) -> None:
        wanted = self._wanted()
        wrong = [line for name, value in wanted.typed.items() if (line := form.problem(name, value))]
        self._complaint.set_text("; ".join(wrong))
        if wrong:
            for widget in self._fields.values():
                if hasattr(widget, "validate"):
                    widget.validate()
            return
        self._button.disable()
        self._button.props("loading")
        try:
            await self._launch(wanted)
        finally:
            self._button.props(remove="loading")
            self._button.enable()


def _widget(each: Field) -> Any:
    is_setting = each.name not in form.DATA_OPTIONS
    match each.kind:
        case "switch":
            widget: Any = ui.switch(each.label, value=bool(each.default))
        case "choice":
            widget = ui.select(list(each.choices), label=each.label, value=each.default)
        case _:
            check = partial(_problem, each.name) if is_setting else None
            widget = ui.input(each.label, value=str(each.default), validation=check)
    widget.tooltip(each.about)
    return widget.props(f"data-setting={each.name}")


def _problem(name: str, value: object) -> str | None:
    return form.problem(name, form.typed_value(value))
