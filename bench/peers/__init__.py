"""The peers' side of the benches: child processes in an environment of their own (`make bench-peers`).

Each module reads questions as lines of JSON and answers in kind; nothing of ours is imported here but `serve`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


def serve(answer: Callable[..., Any]) -> None:
    """Say that we are ready, then answer every question, until there are no more."""
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)
