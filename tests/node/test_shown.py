"""Tests that text from elsewhere cannot move a terminal's cursor, forge a line, or be read as markup."""

from __future__ import annotations

import ast
import io
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from roundelay.node import shown
from roundelay.node.console import add_row, cell

PRODUCT = Path(shown.__file__).resolve().parents[1]
# Modules whose prints show nothing that comes from elsewhere, and why.
OWN_TEXT = {
    "cli/completion.py": "prints the program's own options",
    "cli/exits.py": "escapes the line, then prints it as text or as JSON",
    "cli/forget.py": "prints a job's id",
    "cli/environment.py": "runs before anything else can be imported, and prints names of packages",
    "cli/main.py": "prints help, and the options as the user gave them",
    "cli/prepare.py": "prints counts of rows",
    "cli/ring.py": "prints a count of nodes",
    "cli/training.py": "prints a job's id, a digest that it has computed",
    "cli/predict.py": "prints figures, and labels and rows of the user's own files as CSV",
    "cli/partition.py": "prints what it has written for the user",
    "dashboard/pictures.py": "draws the pictures of the documentation",
    "dashboard/recording.py": "draws the pictures of the documentation",
    "rpc/generate.py": "runs Thrift's compiler",
}
PACKAGES = ("chord", "store", "federation", "rpc", "node", "client", "dashboard", "cli")
SAFE = {"line", "text", "as_json", "cell"}


@given(st.text())
def test_a_line_has_no_control_characters(text: str) -> None:
    assert shown.line(text).isprintable()
    assert all(line.isprintable() for line in shown.text(text).split("\n"))


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nforged", r"a\nforged"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
        ("größe 数据.txt", "größe 数据.txt"),
        ("\r\x07\x00\x9b", r"\r\x07\x00\x9b"),
    ],
)
def test_control_and_bidirectional_characters_are_escaped(text: str, safe: str) -> None:
    assert shown.line(text) == safe


def test_markup_in_a_cell_is_shown_as_it_is() -> None:
    table = Table(title=cell("[bold]title[/bold]"))
    table.add_column("name")
    add_row(table, "[red]x[/red] [/] \x1b[31m")
    out = io.StringIO()
    Console(file=out, width=100).print(table)

    assert r"[red]x[/red] [/] \x1b[31m" in out.getvalue()
    assert "[bold]title[/bold]" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_json_has_only_numbers_that_json_knows() -> None:
    made = shown.as_json({"loss": math.nan, "rounds": [math.inf, 0.5], "name": "\x1b\u202e"})

    assert json.loads(made) == {"loss": None, "rounds": [None, 0.5], "name": "\x1b\u202e"}
    assert made.isascii() and made.isprintable()


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def is_safe(argument: ast.expr) -> bool:
    """Return whether what is printed is a constant, or has passed one of the functions for its medium."""
    match argument:
        case ast.Constant():
            return True
        case ast.IfExp():
            return is_safe(argument.body) and is_safe(argument.orelse)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="shown"), attr=name)):
            return name in SAFE
    return False


def test_nothing_from_elsewhere_is_printed_past_the_function_of_its_medium() -> None:
    bypasses = []
    for path in (path for package in PACKAGES for path in (PRODUCT / package).rglob("*.py")):
        place = str(path.relative_to(PRODUCT))
        if place.startswith("rpc/gen/"):
            continue
        for call in calls(path):
            is_print = isinstance(call.func, ast.Name) and call.func.id == "print"
            if is_print and place not in OWN_TEXT and not all(map(is_safe, call.args)):
                bypasses.append(f"{place}:{call.lineno}: print")
            adds_row = isinstance(call.func, ast.Attribute) and call.func.attr == "add_row"
            if adds_row and place != "node/console.py":
                bypasses.append(f"{place}:{call.lineno}: add_row")

    assert not bypasses, "use roundelay.node.shown or roundelay.node.console.add_row:\n" + "\n".join(bypasses)
    assert all((PRODUCT / place).exists() for place in OWN_TEXT)
