"""client.py train: the command line. What it starts is in roundelay.cli.training, which --help does not wait for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from roundelay.cli import data_options, exits, options
from roundelay.cli.environment import importing

OF_DATA = ("dataset", "holdout", "parts", "classes", "label", "missing", "side", "colour")  # how a data set is read


def run(chosen: options.Namespace) -> int:
    if chosen.bootstrap is not None and chosen.local is not None:
        raise exits.Exit(exits.USAGE, "--bootstrap and --local exclude one another: a local ring is its own")
    if chosen.detach and chosen.local is not None:
        raise exits.Exit(exits.USAGE, "--detach and --local exclude one another: a local ring ends with the client")
    check_sources(chosen)
    with ExitStack() as stack:
        ring = None
        if chosen.local is not None:
            from roundelay.cli.local import begin_ring

            ring = begin_ring(chosen, stack)
        with importing():
            from roundelay.cli import training  # after it: this takes as long as the ring

        return training.train(chosen, ring)


def check_sources(chosen: options.Namespace) -> None:
    """Data of the user's own, or pinned files and a validation file. Raises Exit."""
    if chosen.pinned is not None:
        check_pinned(chosen)
    elif chosen.data is None:
        raise exits.Exit(
            exits.USAGE, "client.py train: which data? For example: client.py ./letters validate_letters.txt"
        )
    elif chosen.validation is not None and chosen.held_out is not None:
        raise exits.Exit(exits.USAGE, f"{chosen.validation} and --validation {chosen.held_out}: one validation file")
    elif chosen.held_out is not None:
        chosen.validation = str(chosen.held_out)


def check_pinned(chosen: options.Namespace) -> None:
    """What of all that may be said of files makes sense where these stay at home. Raises Exit."""
    if chosen.data is not None or chosen.held_out is None:
        raise exits.Exit(exits.USAGE, "--pinned NAME takes --validation FILE, and no folder: the files stay at home")
    given = next((name for name in OF_DATA if chosen.origins[name] == "command line"), None)
    is_for_images = chosen.model in ("cnn", "torchzoo:cnn") and not is_set(chosen.held_out)
    reasons = {
        f"--placement {chosen.placement}": "files stay at home" if chosen.placement != "hash" else "",
        f"--weighting {chosen.weighting}": "nobody is told which classes the files hold"
        if chosen.weighting != "none"
        else "",
        "--local": "a local ring has no private files" if chosen.local is not None else "",
        f"--{given}": "files are trained on as they are" if given else "",
        f"--model {chosen.model}": "it learns from images, pinned files are rows" if is_for_images else "",
    }
    for what, why in reasons.items():
        if why:
            raise exits.Exit(exits.USAGE, f"--pinned and {what} exclude one another: {why}")


def is_set(path: Path) -> bool:
    """Is it a data set that a reader knows, rather than one file of letters?"""
    return path.is_dir() or path.suffix == ".npz"


def parser(arguments: Sequence[str]) -> options.Parser:
    from roundelay.cli import settings  # which the other subcommands have no use for

    made = options.parser(
        "client.py train",
        "Train a model on the files of a folder, on the ring.",
        "python3 client.py ./letters validate_letters.txt --rounds 50",
        arguments,
    )
    made.add_argument(
        "data", nargs="?", type=Path, metavar="DATA", help="folder of training files, or a data set: see --dataset"
    )
    made.add_argument(
        "validation",
        nargs="?",
        metavar="VALIDATION",
        help="as given, or inside DATA (default: the set's own test part, or a part that is held out)",
    )
    data_options.add_to(made)
    made.more("--validation", dest="held_out", type=Path, metavar="FILE", help="validation file, as an option")
    made.more("--pinned", metavar="NAME", help="train on what nodes have published under NAME; no file is moved")
    settings.add_to(made)
    options.add_ring_options(made)
    made.add_argument("--local", type=int, metavar="N", help="start a ring of N nodes here, and stop it at the end")
    made.add_argument("--dashboard", action="store_true", help="show it in a browser; the page stays until Ctrl-C")
    made.add_argument("--json", action="store_true", help="print one line, one JSON object")
    made.add_argument(
        "--out", type=options.output, metavar="FILE", help="save the model (.npz, .safetensors), and a card"
    )
    made.add_argument("--init", type=Path, metavar="FILE", help="continue from a saved model")
    made.add_argument("--detach", action="store_true", help="print the job's id and return: the ring drives it")
    made.more("--history", type=options.output, metavar="FILE", help="write one line a round (CSV)")
    made.more("--curve", type=options.output, metavar="FILE", help="draw the learning curve (PNG; extra plots)")
    made.more("--timing", type=options.output, metavar="FILE", help="write the seconds that the job took")
    made.more("--end-with-parent", action="store_true", help="end when standard input is closed")
    return made
