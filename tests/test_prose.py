"""Prose that readers have to read twice does not come back: some phrases are not used in code, documents and tests."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.processes import ROOT

FOLDERS = (
    "roundelay",
    "bench",
    "chaos",
    "deploy",
    "docs",
    "examples",
    "exercises",
    "letters_generator",
    "tests",
    ".github",
)
GENERATED = ("roundelay/rpc/gen", "docs/results")  # by Thrift's compiler; by benchmarks
BEGINS = r"(?:^|(?<=[.:;] ))"  # a line or a sentence
PHRASES = {
    "an error that says what something is not": r"\b(that|which) (is|are) none\b|\ba number is none\b",
    "'is no X' instead of 'is not an X'": r"(?<![Tt]here )\bis no (?!longer\b|more\b|less\b|such\b)",
    "'held for dead' instead of 'declared dead'": r"\b(held|hold|holds) (it )?for (dead|alive)\b",
    "'exclude one another' instead of 'cannot be combined'": r"\bexclude one another\b",
    "a headless clause that begins with 'Who'": BEGINS + r"Who(ever)?\b[^?.]*(?:[.;]|$)",
    "'so many' as a number": r"\bso many\b",
    "'nobody but' instead of 'only'": r"\b[Nn]obody (else )?but\b",
}


def sources() -> Iterator[Path]:
    for path in [*ROOT.glob("*"), *(path for name in FOLDERS for path in (ROOT / name).rglob("*"))]:
        name = str(path.relative_to(ROOT))
        if path.suffix in (".py", ".md", ".thrift") and not name.startswith(GENERATED) and path != Path(__file__):
            yield path


def prose_of_code(text: str) -> Iterator[tuple[int, str]]:
    """Yield comments and strings of Python source, with their line numbers."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING) or tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, line.strip(" #\"'")


def prose_of(path: Path) -> Iterator[tuple[int, str]]:
    text = path.read_text()
    if path.suffix == ".py":
        yield from prose_of_code(text)
    else:
        yield from ((number, line.strip(" */|")) for number, line in enumerate(text.splitlines(), 1))


@cache
def suspects() -> tuple[tuple[Path, int, str], ...]:
    """Return every line of prose, with its file and number, of the files in which a phrase occurs anywhere."""
    phrase = re.compile("|".join(PHRASES.values()).replace(BEGINS, ""))
    paths = (path for path in sources() if phrase.search(path.read_text()))
    return tuple((path, number, line) for path in paths for number, line in prose_of(path))


@pytest.mark.parametrize("why", PHRASES)
def test_phrases_that_readers_stumble_over_are_not_used(why: str) -> None:
    pattern = re.compile(PHRASES[why])
    found = [f"{path.relative_to(ROOT)}:{number}: {line}" for path, number, line in suspects() if pattern.search(line)]
    assert not found, f"{why}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("Who is being handed over to may have a later one.", True),
        ("Who has failed? Ask it again.", False),
        ("a digest that is none", True),
        ("the node is no longer a member", False),
        ("5 is no port", True),
    ],
)
def test_the_phrases_are_recognised(text: str, is_found: bool) -> None:
    assert any(re.search(pattern, text) for pattern in PHRASES.values()) == is_found
