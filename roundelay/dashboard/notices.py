"""Notices of one page, and the actions that give rise to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from nicegui import run, ui

from roundelay.dashboard.actions import ActionRefused

R = TypeVar("R")

NOTICES = "top-right"  # where they cover no field
WAIT_SILENTLY_S = 0.4  # until the page says what it waits for


async def run_action(what: Callable[[], R], waiting_for: str) -> R | None:
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
