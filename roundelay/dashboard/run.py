"""Everything behind the page, from its start until it is stopped."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from contextlib import ExitStack

from roundelay.client.connection import Connection, client_runtime
from roundelay.client.error_translation import translated_errors
from roundelay.client.errors import MissingExtra
from roundelay.client.requests import RingAddress
from roundelay.client.ring import Ring
from roundelay.dashboard.actions import Actions, LabActions
from roundelay.dashboard.meter import Meter
from roundelay.dashboard.options import DashboardOptions
from roundelay.dashboard.site import Site
from roundelay.dashboard.watcher import Watcher
from roundelay.ml.plugins import allow
from roundelay.node.lab import Lab
from roundelay.node.parent import end_with_parent


def run(options: DashboardOptions, say: Callable[[str], None]) -> None:
    """Serve the page until a signal; `say` prints where it is. Raises ClientError."""
    if importlib.util.find_spec("nicegui") is None:
        raise MissingExtra("the dashboard needs NiceGUI: python3 -m pip install 'roundelay[dashboard]'")
    from roundelay.dashboard.serve import serve

    allow(options.plugins)
    if options.end_with_parent:
        end_with_parent()
    with ExitStack() as stack:
        lab = start_lab(options.lab, stack, say) if options.lab is not None else None
        address = options.ring if lab is None else RingAddress(lab.supernode, nodes=lab.node_list)
        serve(wire(address, options, lab, stack), options, say)


def start_lab(nodes: int, stack: ExitStack, say: Callable[[str], None]) -> Lab:
    """Start a ring of our own, which the stack ends. Raises RingUnavailable."""
    lab = Lab()
    stack.callback(lab.stop)
    say(f"starting a ring of {nodes} nodes on this machine")
    with translated_errors():
        lab.start(nodes)
    return lab


def wire(address: RingAddress, options: DashboardOptions, lab: Lab | None, stack: ExitStack) -> Site:
    """Start everything behind the page."""
    runtime = client_runtime(address.kit)
    ring = stack.enter_context(Ring(Connection(runtime, address)))
    watcher = Watcher(address.entry_points()[0], lambda: address.entry_points()[1], time.monotonic, time.time)
    watcher.start(runtime)
    actions = Actions(ring, watcher, options.data, options.read_only)
    meter = Meter(options.metrics, time.monotonic)
    stack.callback(meter.stop)
    meter.start()
    return Site(watcher, actions, LabActions(lab, watcher, options.read_only) if lab is not None else None, meter)
