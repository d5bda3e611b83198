"""The programs: each parses its command line and runs what it names."""

from __future__ import annotations

from importlib import import_module

from roundelay.cli import exits
from roundelay.cli.environment import importing
from roundelay.client.errors import ClientError

SUBCOMMANDS = {
    "train": "train a model on the files of a folder (also without this word)",
    "jobs": "list the jobs of the ring",
    "attach": "watch a job until it ends",
    "cancel": "end a job",
    "export": "save the model of a job to a file",
    "audit": "verify a job's chain of results, and repeat some of its rounds",
    "status": "show every node of the ring",
    "ring": "run a whole ring on this machine, until Ctrl-C",
    "ping": "check whether a process of the ring serves (for health checks)",
    "lookup": "show the route to a name's key, hop by hop",
    "predict": "apply a saved model to a file",
    "prepare": "turn a data set into training files",
    "partition": "split training files anew, as alike or as unlike as wanted",
}


def client(arguments: list[str]) -> int:
    """Run a subcommand of the client; a first word that is no subcommand means train."""
    if not arguments:
        raise exits.Exit(exits.USAGE, usage())
    if arguments[0] in ("-h", "--help"):
        print(usage())
        return 0
    word, *rest = arguments
    if word not in SUBCOMMANDS:
        from roundelay.cli import legacy_arguments

        word, rest = "train", legacy_arguments.translate(arguments)
    from roundelay.cli import commands, options

    chosen = options.parse(commands.LINES[word](rest), rest)
    try:
        code: int = import_module(f"roundelay.cli.{word}").run(chosen)
    except ClientError as error:
        raise exits.from_client(error) from error
    return code


def compute_node(arguments: list[str]) -> int:
    """Join the ring as a compute node, until stopped."""
    from roundelay.cli import compute_node as command_line
    from roundelay.cli import legacy_arguments, options

    chosen = options.parse(command_line.parser(arguments), legacy_arguments.translate_node(arguments))
    with importing():
        from roundelay.cli import run_compute_node  # not imported for --help

    return run_compute_node.run(chosen)


def supernode(arguments: list[str]) -> int:
    """Admit compute nodes to the ring, until stopped."""
    from roundelay.cli import options
    from roundelay.cli import supernode as command_line

    chosen = options.parse(command_line.parser(arguments), arguments)
    with importing():
        from roundelay.cli import run_supernode  # not imported for --help

    run_supernode.run(chosen)


def roundelay(arguments: list[str]) -> int:
    """Run the console script: every subcommand of the client, and `supernode` and `node`."""
    servers = {"supernode": supernode, "node": compute_node}
    if arguments and arguments[0] in servers:
        return servers[arguments[0]](arguments[1:])
    return client(arguments)


def usage() -> str:
    """Return the client's help."""
    lines = ["usage: client.py DIR FILE [options]", "       client.py SUBCOMMAND ...", ""]
    lines += [f"  {word:<9}{about}" for word, about in SUBCOMMANDS.items()]
    lines += [
        "",
        "client.py SUBCOMMAND --help shows its options, --help-all all of them",
        "",
        "example: python3 client.py ./letters validate_letters.txt --local 4",
    ]
    return "\n".join(lines)
