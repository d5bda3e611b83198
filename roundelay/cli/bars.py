"""Progress bars on a terminal, with notes above them."""

from __future__ import annotations

from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class MoveBar(Protocol):
    """Moves one bar."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show how much is done, of how much."""


class Bars:
    """Bars on standard error."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
        )
        self.is_seen = self._console.is_terminal and not self._console.is_dumb_terminal
        self.start, self.stop = self._progress.start, self._progress.stop

    def note(self, line: str) -> None:
        """Print a line above the bars."""
        self._console.print(line, markup=False)

    def bar(self, what: str) -> MoveBar:
        """Return what moves a bar; it appears at the first move."""
        tasks: list[TaskID] = []

        def move(done: int, total: int, note: str = "") -> None:
            if not tasks:
                tasks.append(self._progress.add_task(what, total=total, note=""))
            self._progress.update(tasks[0], completed=done, total=total, note=note)

        return move
