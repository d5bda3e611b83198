"""How long a job has waited for each file that no live node can train, and how long it may wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from roundelay.federation.errors import FileUnavailable
from roundelay.federation.requests import TrainingFile, names

FILES_WAIT_MAX_S = 3600.0
SITES_WAIT_MAX_S = 7 * 24 * 3600.0  # for a private file, which no node but its site's can train


class FileWaits:
    """The waits of a job for its files. A wait ends when a node has trained the file, or is back that may train it."""

    def __init__(self, clock: Callable[[], float], are_private: bool) -> None:
        self._clock = clock
        self._wait_max_s = SITES_WAIT_MAX_S if are_private else FILES_WAIT_MAX_S
        self._since: dict[int, float] = {}  # by file

    def wait(self, files: Sequence[TrainingFile]) -> None:
        """Record that no live node can train these files now; a wait that has begun goes on.

        Raises FileUnavailable for files that have been waited for too long.
        """
        now = self._clock()
        lacking = [file for file in files if now - self._since.setdefault(file.index, now) >= self._wait_max_s]
        if lacking:
            raise FileUnavailable(f"no live node has {names(lacking)}")

    def end(self, files: Iterable[int]) -> None:
        """End the waits for these files, by index: a node trains them, or the job goes on without them."""
        for index in files:
            self._since.pop(index, None)

    def clear(self) -> None:
        """End all waits: they begin anew, because no node has been looked for meanwhile."""
        self._since.clear()
