"""client.py prepare DATA OUT: write a data set as packed training files and a validation file."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from roundelay.cli import data_options, exits, parser_base
from roundelay.client.requests import DataOptions
from roundelay.ml.errors import CannotWrite, InputMissing, MLError


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line."""
    made = parser_base.Parser(
        "client.py prepare",
        "Turn a data set into training files and a validation file.",
        "python3 client.py prepare mnist prepared --parts 16",
        arguments,
    )
    made.add_argument("data", type=parser_base.path, metavar="DATA", help="a file or a folder: see --dataset")
    made.add_argument("out", type=parser_base.path, metavar="OUT", help="the folder to write to")
    data_options.add_to(made)
    made.more(
        "--seed", type=parser_base.at_least(0), default=0, metavar="S", help="seed of the split (default: %(default)s)"
    )
    return made


def run(chosen: parser_base.Namespace) -> int:
    """Write the files and print one line. Raises Exit."""
    from roundelay.client.reader_options import read_options
    from roundelay.ml import prepare  # brings numpy, which --help does not wait for

    options = DataOptions(**data_options.chosen_in(chosen))
    plan = prepare.SplitPlan(chosen.parts, chosen.holdout, chosen.seed, chosen.classes)
    request = prepare.PrepareRequest(chosen.data, chosen.out, read_options(options, chosen.dataset), plan)
    try:
        made = prepare.prepare_folder(request, _show_progress if sys.stderr.isatty() else None)
    except InputMissing as error:
        raise exits.Exit(exits.NO_INPUT, str(error)) from error
    except CannotWrite as error:
        raise exits.Exit(exits.CANNOT_CREATE, str(error)) from error
    except MLError as error:
        raise exits.Exit(exits.DATA, str(error)) from error
    rows = sum(file.rows for file in made.files)
    size_bytes = sum(file.size_bytes for file in (*made.files, made.validation))
    exits.say(
        f"{chosen.out}: {len(made.files)} training files of {rows} rows, {made.validation.rows} validation rows, "
        f"{size_bytes} bytes"
    )
    return 0


def _show_progress(done: int, total: int) -> None:
    print(f"\r{done} of {total} rows", end="" if done < total else "\n", file=sys.stderr, flush=True)
