"""The small parts of the page: boards, panels, headings, buttons, and the filter of a long list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

FILTER_WAIT_MS = 200  # after the last key
FILTER_CHARACTERS_MAX = 200  # which each row of a list is compared with


def board(name: str) -> ui.element:
    """Make the place of a scene; page.js finds it by this name."""
    return ui.element("div").props(f"id=board-{name}")


def panel(*names: str) -> None:
    for name in names:
        with ui.element("div").classes("panel"):
            board(name).classes("scroll")


def heading(text: str) -> None:
    with ui.element("h2"):
        ui.html(text, sanitize=False, tag="span")


def plain_button(text: str, on_click: Callable[[], Any]) -> ui.button:
    made = ui.button(text, on_click=on_click, color=None).props("flat no-caps dense padding='4px 12px'")
    return made.classes("plain")


def icon_button(icon: str, about: str, on_click: Callable[[], Any]) -> None:
    made = ui.button(icon=icon, on_click=on_click, color=None).props(f'flat round dense aria-label="{about}"')
    made.tooltip(about)


def filter_field(about: str, on_change: Callable[[str], None]) -> ui.input:
    """Make the field that a long list is filtered by; what it finds is announced by the list."""
    made = ui.input(
        placeholder=about, on_change=lambda event: on_change(str(event.value or "")[:FILTER_CHARACTERS_MAX])
    )
    limits = f"debounce={FILTER_WAIT_MS} maxlength={FILTER_CHARACTERS_MAX}"
    return made.classes("filter").props(f'dense clearable {limits} type=search aria-label="{about}"')
