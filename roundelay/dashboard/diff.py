"""The changes since the scenes that a page shows, as one numbered message."""

from __future__ import annotations

import json
from collections.abc import Mapping

from roundelay.dashboard.scene import Change, Scene, difference

EMPTY = Scene()


class Boards:
    """The scenes that one browser has, by the name of the board that they are on."""

    def __init__(self) -> None:
        self._shown: dict[str, Scene] = {}
        self._number = 0
        self.sent_bytes = 0

    def forget(self) -> None:
        """Forget what the browser shows, so that it is sent everything anew."""
        self._shown = {}
        self._number = 0

    def update(self, scenes: Mapping[str, Scene]) -> str:
        """Return a call of page.js that turns what is shown into these scenes; empty if they are shown already."""
        changes: dict[str, list[Change]] = {}
        for name, scene in scenes.items():
            found = difference(self._shown.get(name, EMPTY), scene)
            if found:
                changes[name] = found
            self._shown[name] = scene
        if not changes:
            return ""
        call = f"roundelay.apply({self._number}, {json.dumps(changes, separators=(',', ':'))})"
        self._number += 1
        self.sent_bytes += len(call)
        return call
