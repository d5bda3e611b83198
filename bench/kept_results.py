"""Results of a long benchmark in a file, one JSON object a line, so that an interrupted run can go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Result = dict[str, Any]


class UnreadableResults(Exception):
    """A file is not one of results."""


class KeptResults:
    """The results in a file, by table and what differs from the defaults; without a file, nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        """Read the results of an earlier run, if there are any. Raises UnreadableResults."""
        self._path = path
        text = path.read_text() if path is not None and path.exists() else ""
        whole = text[: text.rfind("\n") + 1]  # a run that was killed may have left a part of a line
        if path is not None and whole != text:
            path.write_text(whole)
        self._results = {}
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                result: Result = json.loads(line)
                self._results[result["table"], result["what"]] = result
            except (ValueError, KeyError, TypeError) as error:
                raise UnreadableResults(f"{path}:{number}: not a result of this benchmark: name a new file") from error

    def find(self, table: str, what: str) -> Result | None:
        """Return the result of a case, if it is known."""
        return self._results.get((table, what))

    def add(self, result: Result) -> None:
        """Append a result to the file. Raises OSError."""
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps(result) + "\n")
