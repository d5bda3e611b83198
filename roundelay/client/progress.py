"""How long operations report their progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

ShowDone = Callable[[int, int], None]  # how much is done, of how much


class Progress(Protocol):
    """An observer of a client's work. Its methods may be called from several threads."""

    def note(self, line: str) -> None:
        """Report something worth knowing, once."""

    def bar(self, what: str) -> ShowDone:
        """Begin a task; return what to call with how much of it is done."""


class Silent:
    """An observer that ignores everything."""

    def note(self, line: str) -> None:
        """Ignore it."""

    def bar(self, what: str) -> ShowDone:
        """Ignore it."""
        return lambda done, total: None


SILENT = Silent()
