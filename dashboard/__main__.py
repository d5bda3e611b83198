"""The dashboard: flags -> wiring -> run.

    python3 -m dashboard [--supernode HOST:PORT] [--port 8080] [--lab] [--read-only]
"""

from cli.environment import require

require()

from ml.threads import one_blas_thread  # noqa: E402 - only where everything is installed

one_blas_thread()  # before numpy is imported, as everywhere

import importlib.util  # noqa: E402
import time  # noqa: E402
from contextlib import ExitStack  # noqa: E402

from cli import dashboard as command_line  # noqa: E402
from cli import exits, options  # noqa: E402
from cli.entry import client_runtime, ways_in  # noqa: E402
from dashboard import options as ours  # noqa: E402
from dashboard.actions import Actions, LabActions  # noqa: E402
from dashboard.site import Site  # noqa: E402
from dashboard.watcher import Watcher  # noqa: E402
from node.lab import Lab  # noqa: E402
from node.local import LocalRingFailed  # noqa: E402
from node.parent import end_with_parent  # noqa: E402

STOP_TIMEOUT_S = 1.0


def main(arguments: list[str]) -> int:
    chosen = options.parse(command_line.parser(arguments), arguments)
    ours.check(chosen)
    if importlib.util.find_spec("nicegui") is None:
        raise exits.Exit(exits.UNAVAILABLE, "the dashboard is an extra: type  make dashboard , or  "
                                            "pip install 'nicegui>=3.3,<4'")
    from dashboard.serve import serve

    if chosen.end_with_parent:
        end_with_parent()
    with ExitStack() as stack:
        lab = start_lab(chosen, stack) if chosen.lab is not None else None
        serve(wire(chosen, lab, stack), chosen)
    return 0


def start_lab(chosen: "options.Namespace", stack: ExitStack) -> Lab:
    """A ring of our own, which the stack ends. Raises Exit."""
    lab = Lab()
    stack.callback(lab.stop)
    exits.say(f"starting a ring of {chosen.lab} nodes on this machine")
    try:
        lab.start(chosen.lab)
    except LocalRingFailed as error:
        raise exits.Exit(exits.UNAVAILABLE, str(error)) from error
    chosen.supernode, chosen.nodes = lab.supernode, lab.node_list
    return lab


def wire(chosen: "options.Namespace", lab: Lab | None, stack: ExitStack) -> Site:
    """Everything behind the page, running."""
    runtime = client_runtime()
    stack.callback(lambda: runtime.stop(STOP_TIMEOUT_S))
    watcher = Watcher(ways_in(chosen)[0], lambda: ways_in(chosen)[1], time.monotonic, time.time)
    watcher.start(runtime)
    actions = Actions(runtime, watcher, chosen.nodes, chosen.data, chosen.read_only, chosen.bootstrap)
    return Site(watcher, actions, LabActions(lab, watcher, chosen.read_only) if lab is not None else None)


if __name__ == "__main__":
    exits.run(main)
