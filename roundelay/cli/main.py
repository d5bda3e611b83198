"""The programs: each parses its command line and runs what it names.

What a program runs is imported by name, after its command line was understood: --help waits for nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from roundelay import __version__
from roundelay.cli import exits
from roundelay.cli.loading import importing
from roundelay.client.errors import ClientError

if TYPE_CHECKING:
    from roundelay.cli.parser_base import Namespace, Parser

SUBCOMMANDS = {
    "train": "train a model on the files of a folder (also without this word)",
    "jobs": "list the jobs of the ring",
    "attach": "watch a job until it ends",
    "cancel": "end a job",
    "pause": "have a job wait after the round that it trains",
    "resume": "let a paused job go on",
    "sites": "list the sites with private data; drain one, or resume it",
    "export": "save the model of a job to a file, or a proof of the job",
    "audit": "verify a job's chain of results, and repeat some of its rounds",
    "verify": "check a proof of a job without a ring, and replay it",
    "forget": "train the job that never had some files of another",
    "predict": "apply a saved model to a file",
    "status": "show every node of the ring, or check the ring",
    "lookup": "show the route to a name's key, hop by hop",
    "ping": "check whether a process of the ring is serving (health check)",
    "ring": "run a whole ring on this machine, until Ctrl-C",
    "dashboard": "show the ring in a browser; launch and watch jobs there",
    "prepare": "turn a data set into training files",
    "inspect": "show how a data set is understood",
    "describe": "show counts, means, quantiles and histograms of a data set",
    "partition": "repartition training files, IID or skewed",
    "plugins": "list the models, rules, placements, ... of installed packages",
    "pki": "make a ring's authority, issue kits to its members, and revoke them",
    "completion": "print a script by which bash, zsh or fish completes command lines",
    "simulate": "run rings in one thread, from one seed: scenarios and the Chord paper's experiments",
}
SERVERS = {
    "supernode": "admit compute nodes to the ring, until stopped",
    "node": "join the ring as a compute node, until stopped",
}  # of the console script


def client(arguments: list[str]) -> int:
    """Run a subcommand of the client; a first word that is not a subcommand means train."""
    if not arguments:
        raise exits.Exit(exits.USAGE, usage())
    if arguments[0] in ("-h", "--help"):
        print(usage())
        return 0
    if arguments[0] == "--version":
        print(f"roundelay {__version__}")
        return 0
    from roundelay.cli import commands, legacy_arguments

    word, *rest = arguments
    if word not in SUBCOMMANDS:
        _refuse_misspelled(word)
        word, rest = "train", legacy_arguments.translate(arguments)
    chosen = parse(commands.parser_of(word)(rest), rest)
    return _run(f"roundelay.cli.{word}", chosen)


def compute_node(arguments: list[str]) -> int:
    """Join the ring as a compute node, until stopped."""
    from roundelay.cli import legacy_arguments

    if arguments[:1] == ["check"]:
        from roundelay.cli import node_check

        return _run("roundelay.cli.node_check", parse(node_check.parser(arguments[1:]), arguments[1:]))
    return _serve("compute_node", legacy_arguments.translate_node(arguments))


def supernode(arguments: list[str]) -> int:
    """Admit compute nodes to the ring, until stopped."""
    return _serve("supernode", arguments)


def roundelay(arguments: list[str]) -> int:
    """Run the console script: every subcommand of the client, and `supernode` and `node`."""
    servers = {"supernode": supernode, "node": compute_node}
    if arguments and arguments[0] in servers:
        return servers[arguments[0]](arguments[1:])
    if arguments[:1] in (["-h"], ["--help"]):
        print(exits.as_console_script(usage(SUBCOMMANDS | SERVERS)))
        return 0
    return client(arguments)


def _refuse_misspelled(word: str) -> None:
    """Raise Exit for a first word that is like a subcommand and names no file or folder."""
    if word.isidentifier() and not os.path.lexists(word) and (near := exits.nearest(word, SUBCOMMANDS | SERVERS)):
        raise exits.Exit(exits.USAGE, f"client.py: there is no subcommand {word}, nor a folder or file{near}")


def parse(made: Parser, arguments: Sequence[str]) -> Namespace:
    """Return the options, wherever they are given; --help, --help-all and --show-config print and exit.

    Raises Exit.
    """
    if not {"-h", "--help", "--help-all"}.isdisjoint(arguments):
        made.print_help()
        sys.exit(0)
    if not made.is_configurable:
        return made.parse_args(arguments)
    from roundelay.cli import configuration
    from roundelay.cli.parser_base import make_optional

    if "--show-config" in arguments:
        make_optional(made)
    chosen, origins = configuration.resolve(made, arguments, _known_keys)
    if "--show-config" in arguments:
        if made.complete is not None:
            with client_errors():
                made.complete(chosen, origins)
        print(configuration.show(made, chosen, origins))
        sys.exit(0)
    chosen.origins = origins
    return chosen


def usage(subcommands: Mapping[str, str] = SUBCOMMANDS) -> str:
    """Return the client's help."""
    lines = ["usage: client.py DIR FILE [options]", "       client.py SUBCOMMAND ...", ""]
    lines += [f"  {word:<11}{about}" for word, about in subcommands.items()]
    lines += [
        "",
        "client.py SUBCOMMAND --help shows its options, --help-all all of them",
        "",
        "example: python3 client.py ./letters validate_letters.txt --local 4",
    ]
    return exits.as_typed_here("\n".join(lines))


def _serve(program: str, arguments: list[str]) -> int:
    if arguments[:1] == ["--version"]:
        print(f"roundelay {__version__}")
        return 0
    chosen = parse(import_module(f"roundelay.cli.{program}").parser(arguments), arguments)
    return _run(f"roundelay.cli.run_{program}", chosen)


def _run(module: str, chosen: Namespace) -> int:
    """Run what a command line names. Raises Exit."""
    with importing():
        run = import_module(module).run
    with client_errors():
        code: int = run(chosen)
    return code


@contextmanager
def client_errors() -> Iterator[None]:
    """Raise the client's errors as Exit."""
    try:
        yield
    except ClientError as error:
        raise exits.from_client(error) from error


def _known_keys(program: str | None) -> frozenset[str]:
    """Return the keys of a program's options, or of all programs' (see `registry`)."""
    keys: frozenset[str] = import_module("roundelay.cli.registry").keys_of(program)
    return keys
