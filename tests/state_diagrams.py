"""Draws docs/states.md from the state tables in the code: python3 -m tests.state_diagrams."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from roundelay.chord.states import Transition

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "states.md"
SUFFIX = "_TRANSITIONS"
PLAIN = str.maketrans(":;", ",,")  # Mermaid takes these for its own
HEAD = """# States

Written by `python3 -m tests.state_diagrams` from the tables in the linked modules; do not edit. Tests check the tables
against the code and this page against the tables.
"""


@dataclass(frozen=True)
class StateTable:
    """A constant NAME_TRANSITIONS, and the string below it, which describes the thing that has these states."""

    name: str
    module: Path
    description: str
    transitions: tuple[Transition, ...]

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(state for t in self.transitions for state in (t.source, t.target)))

    def to_markdown(self) -> str:
        """Return a section with a diagram; a final state is one that no transition leaves."""
        title = self.name.removesuffix(SUFFIX).replace("_", " ").capitalize()
        final = [state for state in self.states if state not in {t.source for t in self.transitions}]
        arrows = [f"    [*] --> {self.states[0]}"]
        arrows += [f"    {t.source} --> {t.target}: {t.event.translate(PLAIN)}" for t in self.transitions]
        arrows += [f"    {state} --> [*]" for state in final]
        link = f"[`{self.name}`](../{self.module.relative_to(ROOT)})"
        diagram = "\n".join(["```mermaid", "stateDiagram-v2", *arrows, "```"])
        return f"## {title}\n\n{self.description}\n\n{diagram}\n\nTable: {link}\n"


def state_tables() -> Iterator[StateTable]:
    for path in sorted((ROOT / "roundelay").glob("*/states.py")):
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        body = ast.parse(path.read_text()).body
        for node, after in zip(body, [*body[1:], None], strict=True):
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            if isinstance(target, ast.Name) and target.id.endswith(SUFFIX):
                yield StateTable(target.id, path, _string(after), tuple(getattr(module, target.id)))


def _string(node: ast.stmt | None) -> str:
    """Return the text of a statement that is only a string, as one line; else nothing."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""


def page() -> str:
    return "\n".join([HEAD, *(table.to_markdown() for table in state_tables())])


def main() -> int:
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
