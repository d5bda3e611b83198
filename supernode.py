"""The supernode: admits nodes to the ring, and gives each its identifier and a member to join through.

python3 supernode.py [--port 9091]
"""

from roundelay.cli.environment import importing, require

require()

from roundelay.cli import exits, options  # noqa: E402 - only where everything is installed
from roundelay.cli import supernode as command_line  # noqa: E402


def main(arguments: list[str]) -> int:
    chosen = options.parse(command_line.parser(arguments), arguments)
    with importing():
        from roundelay.cli import run_supernode  # what --help need not wait for

    run_supernode.run(chosen)


if __name__ == "__main__":
    exits.run(main)
