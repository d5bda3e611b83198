"""client.py inspect DATA: print what training would understand of a data set, without a ring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from roundelay.cli import data_options, parser_base
from roundelay.client.error_translation import translated_errors
from roundelay.client.requests import DataOptions
from roundelay.node import shown


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line."""
    made = parser_base.Parser(
        "client.py inspect",
        "Show how a data set is understood: columns, classes, files, and what is left out.",
        "python3 client.py inspect letters",
        arguments,
    )
    made.add_argument("data", type=Path, metavar="DATA", help="a file or a folder: see --dataset")
    made.add_argument("--json", action="store_true", help="print one JSON object on one line")
    data_options.add_to(made, without=(*data_options.SPLIT, "classes"))
    return made


def run(chosen: parser_base.Namespace) -> int:
    """Print tables, or one line of JSON. Raises ClientError."""
    from roundelay.client.reader_options import read_options  # brings numpy, which --help does not wait for
    from roundelay.ml.readers import dataset
    from roundelay.ml.readers.understood import understand

    options = DataOptions(**data_options.chosen_in(chosen))
    with translated_errors():
        found = understand(dataset.read(chosen.data, read_options(options, chosen.dataset)))
    if chosen.json:
        print(shown.as_json(found.to_json()))
        return 0
    from roundelay.cli.tables import print_understood

    print_understood(found)
    return 0
