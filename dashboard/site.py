"""What all open pages of one dashboard share."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.actions import Actions, LabActions
from dashboard.watcher import Watcher

PAGES_MAX = 16  # open at once


@dataclass
class Site:
    """One dashboard: what it sees, what it may do, and how many look at it."""

    watcher: Watcher
    actions: Actions
    lab: LabActions | None
    pages: int = 0
