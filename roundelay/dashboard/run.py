"""What `python -m roundelay.dashboard` does with its options: everything behind the page, until it is stopped."""

from __future__ import annotations

import importlib.util
import time
from contextlib import ExitStack

from roundelay.cli import exits, options
from roundelay.cli.ring_options import ring_address
from roundelay.client.connection import Connection, client_runtime
from roundelay.client.ring import Ring
from roundelay.dashboard import options as ours
from roundelay.dashboard.actions import Actions, LabActions
from roundelay.dashboard.site import Site
from roundelay.dashboard.watcher import Watcher
from roundelay.node.errors import LocalRingFailed
from roundelay.node.lab import Lab
from roundelay.node.parent import end_with_parent

STOP_TIMEOUT_S = 1.0


def run(chosen: options.Namespace) -> int:
    ours.check(chosen)
    if importlib.util.find_spec("nicegui") is None:
        raise exits.Exit(
            exits.UNAVAILABLE, "the dashboard is an extra: type  make dashboard , or  pip install 'nicegui>=3.3,<4'"
        )
    from roundelay.dashboard.serve import serve

    if chosen.end_with_parent:
        end_with_parent()
    with ExitStack() as stack:
        lab = start_lab(chosen, stack) if chosen.lab is not None else None
        serve(wire(chosen, lab, stack), chosen)
    return 0


def start_lab(chosen: options.Namespace, stack: ExitStack) -> Lab:
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


def wire(chosen: options.Namespace, lab: Lab | None, stack: ExitStack) -> Site:
    """Everything behind the page, running."""
    runtime = client_runtime()
    stack.callback(lambda: runtime.stop(STOP_TIMEOUT_S))
    address = ring_address(chosen)
    watcher = Watcher(address.entry_points()[0], lambda: address.entry_points()[1], time.monotonic, time.time)
    watcher.start(runtime)
    actions = Actions(Ring(Connection(runtime, address)), watcher, chosen.data, chosen.read_only)
    return Site(watcher, actions, LabActions(lab, watcher, chosen.read_only) if lab is not None else None)
