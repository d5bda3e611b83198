"""client.py describe DATA|--private NAME: print counts, means, quantiles and histograms of the columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from roundelay.cli import data_options, exits, parser_base
from roundelay.client.error_translation import translated_errors
from roundelay.client.requests import DataOptions
from roundelay.ml.choices import HIDE_BELOW_DEFAULT
from roundelay.node import shown

if TYPE_CHECKING:
    from roundelay.ml.description import Description

FOR_PRIVATE = ("classes", "missing")


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line."""
    made = parser_base.Parser(
        "client.py describe",
        "Show counts, means, deviations, quantiles and histograms of the training rows.",
        "python3 client.py describe letters",
        arguments,
    )
    made.add_argument("data", type=Path, nargs="?", metavar="DATA", help="a file or a folder: see --dataset")
    made.add_argument(
        "--private",
        metavar="NAME",
        help="instead of DATA: what nodes have published under this name; quantiles as ranges",
    )
    made.add_argument(
        "--hide-below",
        type=parser_base.checked(_count),
        default=HIDE_BELOW_DEFAULT,
        metavar="K",
        help="hide counts below K, and quantiles beyond which fewer rows lie; 1: show all (default: %(default)s)",
    )
    made.add_argument("--json", action="store_true", help="print one JSON object on one line")
    data_options.add_to(made, without=data_options.SPLIT)
    parser_base.add_ring_options(made)
    return made


def run(chosen: parser_base.Namespace) -> int:
    """Print tables, or one line of JSON. Raises Exit, ClientError."""
    from roundelay.cli import tables  # brings numpy, which --help does not wait for
    from roundelay.cli.ring_entry import open_ring
    from roundelay.cli.screen import Screen

    if (chosen.data is None) == (chosen.private is None):
        raise exits.Exit(exits.USAGE, "client.py describe: give either DATA or --private NAME")
    options = DataOptions(**data_options.chosen_in(chosen))
    if chosen.private is not None:
        options.require_own_limit()
        with open_ring(chosen, Screen(json_only=chosen.json)) as ring:
            found = ring.describe(chosen.private, options, chosen.hide_below)
    else:
        found = _describe_own(chosen, options, tables.ROWS_SHOWN)
    if chosen.json:
        print(shown.as_json(found.to_json()))
    else:
        tables.print_description(found)
    return 0


def _describe_own(chosen: parser_base.Namespace, options: DataOptions, columns: int) -> Description:
    """Describe the user's own data. Raises Exit, ClientError."""
    from roundelay.client.reader_options import read_options
    from roundelay.ml.description import COLUMNS_MAX, describe
    from roundelay.ml.readers import dataset

    if given := [name for name in FOR_PRIVATE if name in options.differing()]:
        why = "all classes are described, and missing values are counted"
        raise exits.Exit(exits.USAGE, f"client.py describe: --{given[0]} is for --private NAME: of DATA, {why}")
    with translated_errors():
        kind = chosen.dataset or dataset.guess(chosen.data, read_options(options, None).table)
        if kind == "csv":
            options = replace(options, missing="mean")  # which are counted here, not filled in
        data = dataset.read(chosen.data, read_options(options, kind))
        return describe(data, chosen.hide_below, COLUMNS_MAX if chosen.json else columns)


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise ValueError(f"{text[:80]}: expected a number from 1 on")
    return number
