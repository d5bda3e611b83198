"""Small tables with random faults: for each, the fast way of reading must agree with the slow one (bench reading)."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from roundelay.ml.errors import MLError
from roundelay.ml.readers import table
from roundelay.ml.readers.schema import TableOptions

PIECES = (
    *(
        "",
        "?",
        "NA",
        "nan",
        "-nan",
        "inf",
        "-1",
        "+2",
        "1e5",
        "1e400",
        "1_0",
        "0x1",
        " 3 ",
        "4.",
        ".5",
        ".",
        "-",
        "1.2.3",
    ),
    *("word", "Word", "a b", '"q"', '"q,r"', '"q\nr"', '"', "'", "#", "\r", "\r\n", "\n", "\n\n", ",", ",,", ";", "\t"),
    *("0.12345678901234567", "123456789012345678", "98765432109876543210", "1,5", "é", "\0", "\ufeff", "2020-01-02"),
)
MISSING = ("refuse", "mean", "zero")


def tables(seed: int) -> Iterator[tuple[str, TableOptions]]:
    """Yield texts of tables, whole ones and ones with faults, and the options to read them with, without end."""
    rng = random.Random(seed)
    while True:
        text = _whole(rng)
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(PIECES) + text[at + rng.choice((0, 0, 1, 3)) :]
        yield text, TableOptions(missing=rng.choice(MISSING), header=rng.choice(("auto", "auto", "yes", "no")))


def verdict(text: str, options: TableOptions, fast: bool) -> tuple[object, ...]:
    """Return what reading a table gives: its rows, classes and encoding, or the error."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(text.encode())
        try:
            found = table.read(path, options, fast=fast)
        except MLError as error:
            return "refused", str(error).removeprefix(folder)
        (part,) = found.training
        rows = b"".join(block.tobytes() for block in part.blocks())
        return "read", rows, part.y.tolist(), found.labels, found.encoding


def disagreements(count: int, seed: int = 0) -> list[str]:
    """Return the texts, among this many tables, that the two ways do not read alike."""
    made = tables(seed)
    chosen = (next(made) for _ in range(count))
    return [text for text, options in chosen if verdict(text, options, True) != verdict(text, options, False)]


def _whole(rng: random.Random) -> str:
    columns, rows, mark = rng.randint(1, 4), rng.randint(1, 12), rng.choice(",,,;\t ")
    kinds = [rng.choice("iidfw") for _ in range(columns)]
    lines = [[_field(rng, kind) for kind in kinds] + [rng.choice("xyz01")] for _ in range(rows)]
    if rng.random() < 0.5:
        lines.insert(0, [f"c{n}" for n in range(columns)] + ["label"])
    return rng.choice(("\n", "\n", "\r\n")).join(mark.join(line) for line in lines) + rng.choice(("", "\n"))


def _field(rng: random.Random, kind: str) -> str:
    if rng.random() < 0.05:
        return rng.choice(("", "?", "NA"))
    if kind == "i":
        return str(rng.randint(-99, 10 ** rng.randint(1, 10)))
    if kind == "w":
        return rng.choice(("red", "green", "blue", '"red"'))
    return f"{rng.gauss(0, 10):.3f}" if kind == "d" else repr(rng.gauss(0, 10))
