"""A lookup as a table, hop by hop."""

from __future__ import annotations

from roundelay.client.lookup import LookupResult, hop_reason
from roundelay.dashboard.model import RingState
from roundelay.dashboard.scene import Scene
from roundelay.dashboard.tables import row, table


def route_scene(ring_state: RingState, found: LookupResult | None, hops: int) -> Scene:
    """List the hops that are shown so far and, at the end, the owner."""
    scene = Scene()
    ring = ring_state.ring
    if found is None or ring is None:
        scene.add(
            "hint",
            "p",
            "",
            "The lookup begins at the node selected on the circle, or at any. Each node "
            "that is asked names the next, which lies nearer to the key.",
            cls="hint",
        )
        return scene
    route = found.route
    scene.add("key", "p", "", f"{found.name} has key {ring.show(route.key)}", cls="key-line")
    body = table(scene, "hops", ("hop", "by", "node", "address", "ms"), "The hops of the lookup")
    for number, (step, took_ms) in enumerate(zip(route.steps, found.times_ms, strict=False)):
        if number <= hops:
            row(
                scene,
                f"hop-{number}",
                body,
                (
                    str(number),
                    hop_reason(step, number == 0),
                    ring.show(step.node.id),
                    str(step.node.address),
                    f"{took_ms:.1f}",
                ),
            )
    if hops >= len(route.steps):
        row(
            scene,
            "owner",
            body,
            ("", "its successor: the owner", ring.show(route.owner.id), str(route.owner.address), ""),
            cls="chosen",
        )
    return scene
