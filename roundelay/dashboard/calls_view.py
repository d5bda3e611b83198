"""The calls and bytes a second of each process, in an order that stays as rates change."""

from __future__ import annotations

from collections.abc import Mapping

from roundelay.chord.refs import Address
from roundelay.dashboard.call_counts import CallRates
from roundelay.dashboard.scene import Scene
from roundelay.dashboard.tables import row, show_bytes, table

TITLE = "Calls and bytes a second"


def calls_scene(rates: Mapping[Address, CallRates | None]) -> Scene:
    """List the processes whose metrics are read, and those that give none."""
    scene = Scene()
    if not rates:
        return scene
    scene.add("title", "h3", "", TITLE)
    headings = ("process", "served", "sent", "failed", "time to serve one", "bytes in", "bytes out")
    body = table(scene, "calls", headings, TITLE)
    known = sorted((each for each in rates.values() if each), key=lambda each: each.node)
    for place, each in enumerate(known):
        numbers = [f"{rate:.1f}" for rate in (each.served, each.sent, each.failed)]
        traffic = (show_bytes(each.bytes_in), show_bytes(each.bytes_out))
        row(scene, f"call-{place}", body, (each.node, *numbers, f"{each.mean_ms:.2f} ms", *traffic))
    silent = sorted(str(source) for source, each in rates.items() if each is None)
    if silent:
        scene.add("silent", "p", "", f"No metrics yet from {', '.join(silent)}: see --metrics-port.", cls="hint")
    return scene
