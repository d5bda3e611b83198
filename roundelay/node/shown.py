"""Text that may come from elsewhere, made safe for the medium that shows it: a line, a text, JSON.

Names, addresses, reasons and messages come from other processes and from users' files. Control characters could move
the cursor of a terminal or forge lines of a log, bidirectional marks could reverse what a line says. Tables of rich
are made safe by roundelay.node.console.add_row.
"""

from __future__ import annotations

import json
import math
from typing import Any

from roundelay.ml.errors import printable

LINE_CHARACTERS_MAX = 10_000


def line(value: object) -> str:
    """Return one line for a terminal or a log; a line break is escaped like any control character."""
    return printable(str(value), LINE_CHARACTERS_MAX)


def text(value: object) -> str:
    """Return text for a terminal, whose line breaks are meant; all other control characters are escaped."""
    return "\n".join(map(line, str(value).split("\n")))


def as_json(value: Any) -> str:
    """Return JSON on one line of ASCII; a number that JSON does not have becomes null."""
    return json.dumps(_finite(value), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
