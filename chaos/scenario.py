"""A scenario: one fault on a ring of its own, what must hold, and what people read on the consoles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from roundelay.node.subprocesses import ManagedProcess

LINES_MAX = 6  # shown of one console
LINE_MAX = 150


@dataclass(frozen=True)
class ConsoleLine:
    """A line that people can read, and on which console."""

    console: str
    line: str


@dataclass(frozen=True)
class ScenarioResult:
    """What was done to the ring, what must come of it, and whether it did."""

    fault: str
    promise: str
    held: bool
    figures: dict[str, object] = field(default_factory=dict)
    console: tuple[ConsoleLine, ...] = ()
    skipped: str = ""  # why it could not be run here
    name: str = ""
    seconds: float = 0.0


Scenario = Callable[[Path], ScenarioResult]


def console_lines(process: ManagedProcess, *parts: str, console: str = "") -> tuple[ConsoleLine, ...]:
    """Return the first lines of a console that contain one of the parts, each once."""
    lines = (line.strip() for line in process.text.splitlines())
    found = dict.fromkeys(line for line in lines if line[:1] != "{" and any(part in line for part in parts))
    return tuple(ConsoleLine(console or process.name, line[:LINE_MAX]) for line in list(found)[:LINES_MAX])
