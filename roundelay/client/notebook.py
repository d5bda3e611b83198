"""Progress in a notebook: a bar below the cell, drawn by IPython, which runs there."""

from __future__ import annotations

import sys
from typing import Any

from roundelay.client.progress import SILENT, Progress, ShowDone
from roundelay.node import shown


class NotebookProgress:
    """Prints notes, and draws a bar for each task."""

    def note(self, line: str) -> None:
        """Print the line below the cell."""
        print(shown.line(line))

    def bar(self, what: str) -> ShowDone:
        """Return what moves a bar; it appears at the first move."""
        handles: list[Any] = []

        def show(done: int, total: int) -> None:
            drawn = _Bar(what, done, total)
            if handles:
                handles[0].update(drawn)
            else:
                handles.append(sys.modules["IPython.display"].display(drawn, display_id=True))

        return show


class _Bar:
    """One state of a bar, as IPython displays it."""

    def __init__(self, what: str, done: int, total: int) -> None:
        self._what, self._done, self._total = what, done, total

    def __repr__(self) -> str:
        return f"{self._what} {self._done}/{self._total}"

    def _repr_html_(self) -> str:
        import html  # whose table of entities takes as long to import as our package

        bar = f'<progress value="{self._done}" max="{self._total}"></progress>'
        return f"{html.escape(self._what)} {bar} {self._done}/{self._total}"


def progress_here() -> Progress:
    """Return an observer that draws in the notebook if this process is a notebook's kernel, else a silent one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return NotebookProgress() if getattr(shell, "kernel", None) is not None else SILENT
