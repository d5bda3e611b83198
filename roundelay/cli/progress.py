"""Progress bars on a terminal, and notes above them."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Bars:
    """On standard error."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
        )
        self._task: TaskID | None = None
        self.is_seen = self._console.is_terminal
        self.start, self.stop = self._progress.start, self._progress.stop

    def note(self, line: str) -> None:
        self._console.print(line, markup=False)

    def begin(self, what: str, total: int) -> None:
        """A new bar."""
        self._task = self._progress.add_task(what, total=total, note="")

    def bar(self, what: str) -> Callable[[int, int], None]:
        """A bar of its own: tell it how much of how much is done."""
        tasks: list[TaskID] = []

        def tell(done: int, total: int) -> None:
            if not tasks:
                tasks.append(self._progress.add_task(what, total=total, note=""))
            self._progress.update(tasks[0], completed=done, total=total)

        return tell

    def advance(self, note: str) -> None:
        """One step of the bar that was begun last."""
        if self._task is not None:
            self._progress.update(self._task, advance=1, note=note)
