"""The dashboard: flags -> wiring -> run.

python3 -m roundelay.dashboard [--supernode HOST:PORT] [--port 8080] [--lab] [--read-only]
"""

from roundelay.cli.environment import require

require()

from roundelay.ml.threads import one_blas_thread  # noqa: E402 - only where everything is installed

one_blas_thread()  # before numpy is imported, as everywhere

from roundelay.cli import dashboard as command_line  # noqa: E402
from roundelay.cli import exits, options  # noqa: E402


def main(arguments: list[str]) -> int:
    chosen = options.parse(command_line.parser(arguments), arguments)
    from roundelay.dashboard.run import run  # what --help need not wait for

    return run(chosen)


if __name__ == "__main__":
    exits.run(main)
