"""client.py describe DATA: print counts, means, quantiles and histograms of the columns, without a ring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from roundelay.cli import data_options, parser_base
from roundelay.client.error_translation import translated_errors
from roundelay.client.requests import DataOptions
from roundelay.node import shown

HIDE_BELOW = 5


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line."""
    made = parser_base.Parser(
        "client.py describe",
        "Show counts, means, deviations, quantiles and histograms of the training rows.",
        "python3 client.py describe letters",
        arguments,
    )
    made.add_argument("data", type=Path, metavar="DATA", help="a file or a folder: see --dataset")
    made.add_argument(
        "--hide-below",
        type=parser_base.checked(_count),
        default=HIDE_BELOW,
        metavar="K",
        help="hide counts below K, and quantiles beyond which fewer rows lie; 1: show all (default: %(default)s)",
    )
    made.add_argument("--json", action="store_true", help="print one JSON object on one line")
    data_options.add_to(made)
    return made


def run(chosen: parser_base.Namespace) -> int:
    """Print tables, or one line of JSON. Raises ClientError."""
    from roundelay.cli import tables
    from roundelay.client.job_input import read_options  # brings numpy, which --help does not wait for
    from roundelay.ml.description import COLUMNS_MAX, describe
    from roundelay.ml.readers import dataset

    options = DataOptions(**data_options.chosen_in(chosen))
    with translated_errors():
        kind = chosen.dataset or dataset.guess(chosen.data, read_options(options, None).table)
        if kind == "csv":
            options = replace(options, missing="mean")  # which are counted here, not filled in
        data = dataset.read(chosen.data, read_options(options, kind))
        found = describe(data, chosen.hide_below, COLUMNS_MAX if chosen.json else tables.ROWS_SHOWN)
    if chosen.json:
        print(shown.as_json(found.to_json()))
    else:
        tables.print_description(found)
    return 0


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise ValueError(f"{text[:80]}: expected a number from 1 on")
    return number
