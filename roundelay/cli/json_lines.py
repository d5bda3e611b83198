"""Lines of a server as JSON objects, for those who collect logs: --log-format json."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable

from roundelay.cli import exits

JOB = re.compile(r"\bjob ([0-9a-f]{8,64})\b")  # as all lines name jobs and rounds
ROUND = re.compile(r"\bround (\d+)\b")


def write_json(node: Callable[[], str]) -> None:
    """From now on write each line, and each logged error, as a JSON object."""
    exits.write_lines_as(lambda line: as_json("info", line, node()))
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter(node))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def as_json(level: str, line: str, node: str) -> str:
    """Return a line as an object: time, level, node, the job and round that it is about, and the line itself."""
    fields: dict[str, object] = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "level": level,
        "node": node,
    }
    if job := JOB.search(line):
        fields["job"] = job[1]
    if number := ROUND.search(line):
        fields["round"] = int(number[1])
    return json.dumps({**fields, "message": line})


class _Formatter(logging.Formatter):
    """Formats errors that are logged as JSON."""

    def __init__(self, node: Callable[[], str]) -> None:
        super().__init__()
        self._node = node

    def format(self, record: logging.LogRecord) -> str:
        return as_json(record.levelname.lower(), record.getMessage(), self._node())
