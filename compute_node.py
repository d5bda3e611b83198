"""A compute node: a member of the ring that keeps training files and trains on them.

python3 compute_node.py 8001 [SUPERNODE_HOST [SUPERNODE_PORT]]
"""

from roundelay.cli.environment import importing, require

require()

from roundelay.ml.threads import one_blas_thread  # noqa: E402 - only where everything is installed

one_blas_thread()  # should this node drive a job: before numpy is imported

from roundelay.cli import compute_node as command_line  # noqa: E402
from roundelay.cli import exits, legacy_arguments, options  # noqa: E402


def main(arguments: list[str]) -> int:
    chosen = options.parse(command_line.parser(arguments), legacy_arguments.translate_node(arguments))
    with importing():
        from roundelay.cli import run_compute_node  # what --help need not wait for

    return run_compute_node.run(chosen)


if __name__ == "__main__":
    exits.run(main)
