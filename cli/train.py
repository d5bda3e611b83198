"""client.py train: the command line. What it starts is in cli.training, which --help does not wait for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cli import exits, options


def main(arguments: Sequence[str]) -> int:
    chosen = options.parse(parser(arguments), arguments)
    settings = options.settings(chosen)
    if chosen.bootstrap is not None and chosen.supernode is not None:
        raise exits.Exit(exits.USAGE, "--bootstrap and --supernode exclude one another: one way in will do")
    if chosen.bootstrap is not None and chosen.local is not None:
        raise exits.Exit(exits.USAGE, "--bootstrap and --local exclude one another: a local ring is its own")
    if chosen.detach and chosen.local is not None:
        raise exits.Exit(exits.USAGE, "--detach and --local exclude one another: a local ring ends with the client")
    check_sources(chosen)
    from cli import training

    return training.train(chosen, settings)


def check_sources(chosen: options.Namespace) -> None:
    """A folder and a validation file, or pinned files and a validation file. Raises Exit."""
    if chosen.pinned is None:
        if chosen.data is None or (chosen.validation is None) == (chosen.held_out is None):
            raise exits.Exit(exits.USAGE, "client.py train: which folder, and which validation file? "
                                          "For example: client.py ./letters validate_letters.txt")
        chosen.validation = chosen.validation or str(chosen.held_out)
        return
    if chosen.data is not None or chosen.held_out is None:
        raise exits.Exit(exits.USAGE, "--pinned NAME takes --validation FILE, and no folder: the files stay at home")
    if chosen.placement != "hash":
        raise exits.Exit(exits.USAGE, f"--pinned and --placement {chosen.placement} exclude one another: "
                                      "files stay at home")
    if chosen.local is not None:
        raise exits.Exit(exits.USAGE, "--pinned and --local exclude one another: a local ring has no private files")


def parser(arguments: Sequence[str]) -> options.Parser:
    made = options.parser("client.py train", "Train a model on the files of a folder, on the ring.",
                          "python3 client.py ./letters validate_letters.txt --rounds 50", arguments)
    made.add_argument("data", nargs="?", type=Path, metavar="DIR", help="folder of training files")
    made.add_argument("validation", nargs="?", metavar="FILE", help="validation file: as given, or inside DIR")
    made.more("--validation", dest="held_out", type=Path, metavar="FILE", help="validation file, as an option")
    made.more("--pinned", metavar="NAME", help="train on what nodes have published under NAME; no file is moved")
    options.add_settings(made)
    options.add_ring_options(made)
    made.add_argument("--local", type=int, metavar="N", help="start a ring of N nodes here, and stop it at the end")
    made.add_argument("--dashboard", action="store_true", help="show it in a browser; the page stays until Ctrl-C")
    made.add_argument("--json", action="store_true", help="print one line, one JSON object")
    made.add_argument("--out", type=options.output, metavar="FILE", help="save the model (.npz)")
    made.add_argument("--init", type=Path, metavar="FILE", help="continue from a saved model")
    made.add_argument("--detach", action="store_true", help="print the job's id and return: the ring drives it")
    made.more("--history", type=options.output, metavar="FILE", help="write one line a round (CSV)")
    made.more("--timing", type=options.output, metavar="FILE", help="write the seconds that the job took")
    return made


