"""The client: train on the ring, look at it, use what was trained.

python3 client.py ./letters validate_letters.txt
python3 client.py jobs | attach JOB | status | lookup NAME | predict MODEL FILE | ...
"""

from roundelay.cli.environment import require

require()

from roundelay.ml.threads import one_blas_thread  # noqa: E402 - only where everything is installed

one_blas_thread()  # before numpy is imported: one bit pattern, and the cores are the trainers'

from importlib import import_module  # noqa: E402

from roundelay.cli import exits  # noqa: E402

SUBCOMMANDS = {
    "train": "train a model on the files of a folder (also without this word)",
    "jobs": "the jobs of the ring",
    "attach": "watch a job until it ends",
    "cancel": "end a job",
    "export": "the model of a job, into a file",
    "audit": "verify a job's chain of results, and train some of it again",
    "status": "every node of the ring",
    "ring": "a whole ring on this machine, until Ctrl-C",
    "ping": "does a process of the ring serve? For health checks",
    "lookup": "the way to a name's key, hop by hop",
    "predict": "a saved model on a file",
}


def main(arguments: list[str]) -> int:
    if not arguments:
        raise exits.Exit(exits.USAGE, usage())
    if arguments[0] in ("-h", "--help"):
        print(usage())
        return 0
    word, *rest = arguments
    if word not in SUBCOMMANDS:  # a first word that is no subcommand means train
        from roundelay.cli import legacy_arguments

        word, rest = "train", legacy_arguments.translate(arguments)
    from roundelay.cli import commands, options

    chosen = options.parse(commands.LINES[word](rest), rest)
    code: int = import_module(f"roundelay.cli.{word}").run(chosen)
    return code


def usage() -> str:
    lines = ["usage: client.py DIR FILE [options]", "       client.py SUBCOMMAND ...", ""]
    lines += [f"  {word:<9}{about}" for word, about in SUBCOMMANDS.items()]
    lines += [
        "",
        "client.py SUBCOMMAND --help shows its options, --help-all all of them",
        "",
        "example: python3 client.py ./letters validate_letters.txt --local 4",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    exits.run(main)
