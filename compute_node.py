"""A compute node: a member of the ring that keeps training files and trains on them.

    python3 compute_node.py 8001 [SUPERNODE_HOST [SUPERNODE_PORT]]
"""

from cli.environment import importing, require

require()

from ml.threads import one_blas_thread  # noqa: E402 - only where everything is installed

one_blas_thread()  # should this node drive a job: before numpy is imported

from cli import compute_node as command_line  # noqa: E402
from cli import exits, options, seeds  # noqa: E402


def main(arguments: list[str]) -> int:
    chosen = options.parse(command_line.parser(arguments), seeds.translate_node(arguments))
    with importing():
        from cli import membership  # what --help need not wait for

    return membership.run(chosen)


if __name__ == "__main__":
    exits.run(main)
