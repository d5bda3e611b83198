"""The table of budgets in docs/operations.md is that of the code: python3 -m tests.test_budgets writes it."""

from __future__ import annotations

import re
from pathlib import Path

from roundelay.node.budgets import BUDGETS, table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operations.md"
TABLE = re.compile(r"\| what \| at most \| when it is used up \|\n(?:\|.*\n)*")


def written() -> str:
    """Return the page with the table of the code."""
    return TABLE.sub(lambda _: table() + "\n", PAGE.read_text())


def test_the_page_shows_the_budgets_of_the_code() -> None:
    assert PAGE.read_text() == written(), "run python3 -m tests.test_budgets"
    assert table() in PAGE.read_text()


def test_every_budget_has_a_limit_and_says_what_happens_then() -> None:
    assert len({budget.what for budget in BUDGETS}) == len(BUDGETS)
    assert all(budget.most > 0 and budget.when_full for budget in BUDGETS)


if __name__ == "__main__":
    PAGE.write_text(written())
