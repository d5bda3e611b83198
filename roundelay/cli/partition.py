"""client.py partition DATA OUT: repartition training files or a table, IID or skewed."""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.cli import exits, parser_base
from roundelay.ml.choices import (
    ALPHA_DEFAULT,
    ALPHA_MAX,
    ALPHA_MIN,
    EACH_DEFAULT,
    EACH_MAX,
    PARTITION_FILES_DEFAULT,
    PARTITION_METHODS,
    POWER_MAX,
    OpenChoices,
)
from roundelay.ml.design import CLASSES_DEFAULT
from roundelay.ml.errors import BadOption, CannotWrite, InputMissing, MLError
from roundelay.ml.plugins import allow, full_name, modules_of
from roundelay.ml.readers.limits import limits_of


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line."""
    made = parser_base.Parser(
        "client.py partition",
        "Repartition training files or a table, IID or skewed.",
        "python3 client.py partition letters skewed --how dirichlet --alpha 0.1 --summary",
        arguments,
    )
    made.add_argument("directory", type=parser_base.path, metavar="DATA", help="folder of training files, or a table")
    made.add_argument("out", type=parser_base.path, nargs="?", metavar="OUT", help="folder for the new files")
    made.add_argument(
        "--files",
        type=int,
        metavar="N",
        help=f"number of new files (default: {PARTITION_FILES_DEFAULT}; natural-id: one for each value)",
    )
    made.add_argument(
        "--how",
        type=_method,
        choices=OpenChoices(PARTITION_METHODS),
        metavar="HOW",
        default="iid",
        help=f"how to split: {', '.join(PARTITION_METHODS)}, or MODULE:NAME (default: %(default)s)",
    )
    made.add_argument(
        "--alpha",
        type=parser_base.checked(_alpha),
        metavar="A",
        help=f"concentration of Dirichlet: smaller is more skewed (default: {ALPHA_DEFAULT})",
    )
    made.add_argument(
        "--each",
        type=parser_base.checked(_each),
        metavar="K",
        help=f"shards or classes per file (default: {EACH_DEFAULT})",
    )
    made.more(
        "--power",
        type=parser_base.checked(_power),
        metavar="P",
        help="file i gets i^P shares of the rows: 0 equal, 1 linear, 2 square (default: 1)",
    )
    made.add_argument(
        "--by",
        metavar="COLUMN",
        default="",
        help="skew this column, by its name or its number from 0, or keep its values together (default: the class)",
    )
    made.more(
        "--sizes",
        type=parser_base.checked(_sizes),
        metavar="N,N",
        help="rows of each file, for --how sizes; other rows are left out",
    )
    made.add_argument("--summary", action="store_true", help="draw the classes of each file")
    made.more(
        "--seed", type=parser_base.at_least(0), default=0, metavar="S", help="seed of the split (default: %(default)s)"
    )
    made.more("--class-count", type=int, default=CLASSES_DEFAULT, metavar="N", help="classes (default: %(default)s)")
    made.more(
        "--skip",
        default="validate_letters.txt",
        metavar="NAME",
        help="a file of DATA that is not training data (default: %(default)s)",
    )
    parser_base.add_max_file_bytes(made)
    return made


def run(chosen: parser_base.Namespace) -> int:
    """Split the files and print a line or a drawing. Raises Exit."""
    from roundelay.ml import partition  # brings numpy, which --help does not wait for

    try:
        request = partition.PartitionRequest(
            source=chosen.directory,
            out=chosen.out,
            files=chosen.files,
            method=chosen.how,
            seed=chosen.seed,
            classes=chosen.class_count,
            validation=chosen.skip,
            by=chosen.by,
            alpha=chosen.alpha,
            each=chosen.each,
            power=chosen.power,
            sizes=chosen.sizes,
            limits=limits_of(chosen.max_file_bytes),
        )
        made = partition.partition_folder(request)
    except BadOption as error:
        raise exits.Exit(exits.USAGE, str(error)) from error
    except InputMissing as error:
        raise exits.Exit(exits.NO_INPUT, str(error)) from error
    except CannotWrite as error:
        raise exits.Exit(exits.CANNOT_CREATE, str(error)) from error
    except MLError as error:
        raise exits.Exit(exits.DATA, str(error)) from error
    if chosen.summary:
        for line in str(made).splitlines():
            exits.say(line)
    elif chosen.out is not None:
        left_out = f"; {made.left_out}" * bool(made.left_out)
        exits.say(f"{chosen.out}: {len(made.parts)} files of {made.rows} rows, {chosen.how}{left_out}")
    return 0


def _method(text: str) -> str:
    """Return a method's name; allow the module of a plugin that the command line names."""
    name = full_name("partitioners", text, PARTITION_METHODS)
    allow(modules_of([name]))
    return name


def _alpha(text: str) -> float:
    number = float(text)
    if not ALPHA_MIN <= number <= ALPHA_MAX:
        raise ValueError(f"{text[:80]}: expected a number from {ALPHA_MIN:g} to {ALPHA_MAX:g}")
    return number


def _power(text: str) -> float:
    number = float(text)
    if not 0 <= number <= POWER_MAX:
        raise ValueError(f"{text[:80]}: expected a number from 0 to {POWER_MAX:g}")
    return number


def _each(text: str) -> int:
    number = int(text)
    if not 1 <= number <= EACH_MAX:
        raise ValueError(f"{text[:80]}: expected a number from 1 to {EACH_MAX}")
    return number


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(map(int, text.split(",")))
    if min(sizes) < 1:
        raise ValueError(f"{text[:80]}: expected a number of rows for each file, such as 100,200")
    return sizes
