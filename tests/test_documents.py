"""Links in the documentation resolve: to files, to headings, and to the functions and classes that they name."""

from __future__ import annotations

import ast
import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from roundelay.client.report import Round
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.settings import Settings
from roundelay.federation.site_scores import SiteScore, SitesEvaluation
from roundelay.ml.readers import model_arrays, saved_model
from roundelay.ml.readers.packed import MAGIC
from tests import state_diagrams
from tests.processes import PATIENCE_S, ROOT

FOLDERS = (".github", "deploy", "docs", "letters_generator")
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *(path for name in FOLDERS for path in sorted((ROOT / name).rglob("*.md")))]
LINK = re.compile(r"!?\[((?:[^\[\]`]|`[^`]*`)*)\]\(([^()\s]+)\)")
SYMBOL = re.compile(r"`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:\(\w*\))?`")
SOURCE_PATH = re.compile(r"`((?:[a-z_]+/)+[a-z_]+\.py)`")


@dataclass(frozen=True)
class Link:
    """A link to another place in the project."""

    document: Path
    line: int
    text: str
    target: str
    anchor: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line} {self.target}#{self.anchor} {self.text}"

    @property
    def path(self) -> Path:
        return (self.document.parent / self.target).resolve() if self.target else self.document


def prose_of(document: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines outside fenced blocks, with their numbers."""
    is_fenced = False
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            is_fenced = not is_fenced
        elif not is_fenced:
            yield number, line


def links(document: Path) -> Iterator[Link]:
    for number, line in prose_of(document):
        for text, target in LINK.findall(line):
            if not re.match(r"[a-z]+:", target):
                path, _, anchor = target.partition("#")
                yield Link(document, number, text, path, anchor)


LINKS = [link for document in DOCUMENTS for link in links(document)]


@cache
def anchors(document: Path) -> frozenset[str]:
    """Return the anchors that GitHub makes of a document's headings."""
    headings = [line.lstrip("#").strip() for _, line in prose_of(document) if re.match(r"#+ ", line)]
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return frozenset(re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain)


@cache
def symbols(source: Path) -> frozenset[str]:
    """Return the names that a module defines: constants, functions, classes, and their members as CLASS.MEMBER."""
    found: set[str] = set()

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{prefix}{node.name}.")
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            found.update(prefix + target.id for target in targets if isinstance(target, ast.Name))

    visit(ast.parse(source.read_text()).body, "")
    return frozenset(found)


@pytest.mark.parametrize("link", LINKS, ids=str)
def test_a_link_leads_somewhere(link: Link) -> None:
    assert link.path.exists(), f"{link}: no such file"
    if link.anchor:
        assert link.anchor in anchors(link.path), f"{link}: no such heading"


@pytest.mark.parametrize("link", [link for link in LINKS if link.target.endswith(".py")], ids=str)
def test_a_link_to_code_names_what_is_defined_there(link: Link) -> None:
    for name in SYMBOL.findall(link.text):
        assert name == link.path.name or name in symbols(link.path), f"{link}: {name} is not defined there"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_source_paths_in_code_spans_exist(document: Path) -> None:
    for number, line in prose_of(document):
        for name in SOURCE_PATH.findall(line):
            exists = (ROOT / name).is_file() or (ROOT / "roundelay" / name).is_file()
            assert exists, f"{document.relative_to(ROOT)}:{number}: {name} does not exist"


def test_the_page_of_states_is_up_to_date() -> None:
    assert state_diagrams.PAGE.read_text() == state_diagrams.page(), "run python3 -m tests.state_diagrams"


def test_messages_in_the_table_of_messages_are_those_of_the_code() -> None:
    table = (ROOT / "docs" / "faq.md").read_text().split("# Troubleshooting by message")[1]
    messages = re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)
    code = "".join(re.sub(r'"\n\s*f?"', "", path.read_text()) for path in (ROOT / "roundelay").rglob("*.py"))

    assert len(messages) > 10
    for message in messages:
        assert message in code, f"no message says {message!r}"


def test_the_page_of_promises_says_how_many_rounds_a_job_may_have() -> None:
    most = next(field.metadata["most"] for field in dataclasses.fields(Settings) if field.name == "rounds")

    assert f"at most {most:,} rounds" in (ROOT / "docs" / "promises.md").read_text()


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    listed = set(re.findall(r"- ([\w/.-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}

    missing = {page for page in pages - listed if not page.startswith("decisions/")}
    assert not missing, f"add them to mkdocs.yml: {missing}"


def test_the_page_of_measurements_lists_every_page_of_results() -> None:
    folder = ROOT / "docs" / "results"
    listed = {link.target for link in LINKS if link.document == folder / "README.md"}

    missing = {path.name for path in folder.glob("*.md")} - listed - {"README.md"}
    assert not missing, f"add them to docs/results/README.md: {missing}"


def test_the_page_of_formats_names_the_arrays_of_a_model_and_the_columns_of_a_history() -> None:
    page = (ROOT / "docs" / "formats.md").read_text()
    models, rounds, packed = (page.split(f"## {heading}")[1] for heading in ("Models", "Rounds", "Packed"))
    sites = SitesEvaluation(rows=10, sites=(SiteScore("a:1", 10, 0.5),))
    report = RoundReport("", 1, "", 0.0, 0.0, 0.0, 0.0, 0.0, errors={"a:1": 0.5}, held_out=sites)
    history = [Round(RoundResult("", 1, "", "", 0, fit=fit), report).to_json() for fit in ((), (1.0, 1.0, 0.5))]

    for name in (*model_arrays.ARRAYS, *model_arrays.OPTIONAL_ARRAYS):
        assert f"`{name}`" in models, f"{name} is not described"
    for name in {name for row in history for name in row}:
        assert f"`{name}`" in rounds, f"{name} is not described"
    assert f"| `format` | {saved_model.FORMAT} |" in models
    assert f"`{MAGIC.hex(' ')}`" in packed


def examples() -> list[str]:
    pages = [path for path in sorted((ROOT / "docs").rglob("*.md")) if path.name != "flower.md"]  # by test_ml_flower
    return [part.split("```")[0] for page in pages for part in page.read_text().split("```python\n")[1:]]


@pytest.mark.parametrize("number", range(len(examples())))
def test_the_examples_in_python_run(number: int, tmp_path: Path) -> None:
    code = examples()[number]
    if "from torch " in code:
        pytest.importorskip("torch", reason="PyTorch is an extra")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )

    assert done.returncode == 0, done.stderr
    shown = [line.split(":")[0] for line in done.stdout.splitlines()]
    rounds = [line for line in shown if line.startswith("round")]
    assert rounds == [f"round {number}" for number in range(1, len(rounds) + 1)]
    assert "False" not in shown
