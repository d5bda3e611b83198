"""The cases of the benchmark of defaults: generated and shipped tables, models, rules, topologies and partitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from bench.generated_tables import Doubles, GeneratedTable, Ints
from bench.shipped_tables import SHIPPED_LETTERS, SKLEARN_TABLES, on_this_machine
from roundelay.ml.partitioners import Dirichlet, Partitioner
from roundelay.ml.plugins import allow

FILES = 8
USER_MODULE = "bench.user_module"


class Table(Protocol):
    """A table: its name and size, and its rows."""

    @property
    def name(self) -> str: ...

    @property
    def rows(self) -> int: ...

    @property
    def features(self) -> int: ...

    def make(self) -> tuple[Doubles, Ints]:
        """Return the features (n, d) and the class (n,) of each row."""
        ...


TABLES = (
    *(GeneratedTable("normal", *size) for size in ((300, 4, 2), (1_000, 10, 3), (2_000, 54, 7), (5_000, 20, 2))),
    *(GeneratedTable("normal", *size) for size in ((8_000, 30, 26), (1_000, 500, 2), (10_000, 200, 10))),
    *(GeneratedTable("normal", *size) for size in ((20_000, 54, 7), (40_000, 20, 4), (150_000, 54, 7))),
    GeneratedTable("normal", 1_000_000, 10, 3),
    *(GeneratedTable("binary", *size) for size in ((1_000, 20, 2), (4_000, 60, 5), (8_000, 100, 4), (40_000, 60, 5))),
    *(GeneratedTable("sparse", *size) for size in ((1_000, 300, 4), (4_000, 500, 6), (3_000, 2_000, 10))),
    *(GeneratedTable("heavy-tailed", *size) for size in ((1_000, 10, 2), (4_000, 20, 4), (8_000, 40, 3))),
    *(GeneratedTable("heavy-tailed", *size) for size in ((30_000, 20, 4), (2_000, 100, 5))),
    *(GeneratedTable("correlated", *size) for size in ((1_000, 30, 3), (4_000, 60, 4), (10_000, 100, 10))),
    *(GeneratedTable("correlated", *size) for size in ((2_000, 300, 2), (400, 5_000, 2), (400, 20_000, 2))),
    *(GeneratedTable("imbalanced", *size) for size in ((2_000, 8, 2), (10_000, 8, 2), (10_000, 20, 4))),
    *(GeneratedTable("imbalanced", *size) for size in ((100_000, 8, 2), (5_000, 54, 7))),
    *(GeneratedTable("noisy", *size) for size in ((1_000, 10, 2), (4_000, 20, 3), (5_000, 8, 2), (10_000, 54, 7))),
    *(GeneratedTable("labels of noise", *size) for size in ((500, 5, 2), (4_000, 20, 3), (20_000, 10, 2))),
)
QUICK_ROWS = 2_000


@dataclass(frozen=True)
class Case:
    """A table, and the options that differ from the defaults."""

    table: Table
    what: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    parts: int = FILES
    partition: Partitioner | None = None


VARIANTS = (GeneratedTable("normal", 2_000, 54, 7), GeneratedTable("heavy-tailed", 4_000, 20, 4))
OPTIONS: tuple[tuple[str, Mapping[str, Any], int, Partitioner | None], ...] = (
    ("softmax", {"model": "softmax"}, FILES, None),
    ("hidden 512,512", {"hidden": (512, 512)}, FILES, None),
    ("adam", {"optimizer": "adam"}, FILES, None),
    ("fedprox", {"rule": "fedprox"}, FILES, None),
    ("fedavgm", {"rule": "fedavgm"}, FILES, None),
    ("fedadam", {"rule": "fedadam"}, FILES, None),
    ("Dirichlet 0.1", {}, FILES, Dirichlet(0.1)),
    ("1 file", {}, 1, None),
    ("100 files", {}, 100, None),
)
MODELS = OPTIONS[:2]
DIGITS = SKLEARN_TABLES[-1]
TOPOLOGIES = ("star", "tree", "gossip")


def all_cases(quick: bool, data: Path | None) -> list[Case]:
    """Return the cases: tables that exist, then generated ones, the smallest first.

    `data` is a folder with tables that ship nowhere: `mnist`, and the UCI `letters` with `validate_letters.txt`.
    """
    tables: list[Table] = [*TABLES, *SKLEARN_TABLES, SHIPPED_LETTERS, *on_this_machine(data)]
    cases = [Case(table) for table in tables]
    cases += [Case(table, *options) for table in VARIANTS for options in OPTIONS]
    cases += [Case(DIGITS, *options) for options in MODELS]
    cases += [Case(VARIANTS[0], f"{topology} on a ring", {"topology": topology}) for topology in TOPOLOGIES]
    if find_spec("torch") is not None:
        allow([USER_MODULE])
        cases += [Case(table, "a torch module", {"model": f"{USER_MODULE}:network"}) for table in (DIGITS, VARIANTS[0])]
    chosen = [case for case in cases if not quick or case.table.rows <= QUICK_ROWS]
    return sorted(
        chosen, key=lambda case: (isinstance(case.table, GeneratedTable), case.table.rows * case.table.features)
    )
