"""The ring as a drawing: arcs in their owners' colours, links, keys, the selected node's fingers, a lookup."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

from roundelay.chord.lookup import Route
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.dashboard import geometry
from roundelay.dashboard.geometry import turn
from roundelay.dashboard.model import NodeState, RingState, is_record, key_of
from roundelay.dashboard.scene import Scene

RADIUS, LINKS_RADIUS, KEYS_RADIUS, LABEL_RADIUS = 100.0, 91.0, 108.0, 118.0
LABELS_MAX = 24  # on a larger ring, every second, third ... node is labelled, and the selected one
KEYS_MAX = 256
VIEW_BOX = "-176 -136 352 276"


@dataclass(frozen=True)
class Chosen:
    """The user's selection."""

    node: str = ""  # see member.key_of
    route: Route | None = None
    hops: int = 0  # number of hops of the route that are shown
    name: str = ""  # the name looked up
    paused: Collection[NodeRef] = ()
    far_side: Collection[NodeRef] = ()  # of a partitioned network


def ring_scene(ring_state: RingState, chosen: Chosen) -> Scene:
    """Draw the whole ring; without one, the empty circle."""
    scene = Scene()
    scene.add("svg", "svg", viewBox=VIEW_BOX, role="group", cls="ring", aria_label=describe(ring_state))
    _add_arrowhead(scene)
    scene.add("track", "circle", "svg", r=RADIUS, cx=0, cy=0, cls="track")
    for layer in ("arcs", "keys", "links", "fingers", "route", "nodes"):
        scene.add(layer, "g", "svg", cls=layer)
    if ring_state.ring is None or not ring_state.nodes:
        scene.add("nobody", "text", "svg", "waiting for a node to answer", cls="middle", y=0)
        return scene
    ring = ring_state.ring
    step = -(-len(ring_state.nodes) // LABELS_MAX)
    for number, member in enumerate(ring_state.nodes):
        _add_arc(scene, ring, ring_state, member)
        _add_link(scene, ring, member)
        _add_node(scene, ring, ring_state, member, chosen, number % step == 0)
    _add_keys(scene, ring, ring_state)
    node = ring_state.node(chosen.node)
    if node is not None and chosen.route is None:
        _add_fingers(scene, ring, ring_state, node)
    if chosen.route is not None:
        _add_route(scene, ring, ring_state, chosen)
    return scene


def describe(ring_state: RingState) -> str:
    """Describe the ring for screen readers."""
    silent = sum(not member.answers for member in ring_state.nodes)
    but = f", {silent} of them silent" if silent else ""
    return f"Chord ring of {len(ring_state.nodes)} nodes{but}"


# --- parts


def _add_arrowhead(scene: Scene) -> None:
    scene.add("defs", "defs", "svg")
    scene.add(
        "head",
        "marker",
        "defs",
        id="arrow",
        viewBox="0 0 8 8",
        refX=7,
        refY=4,
        markerWidth="5",
        markerHeight="5",
        orient="auto-start-reverse",
    )
    scene.add("head-path", "path", "head", d="M0,0.8 L8,4 L0,7.2 z", cls="arrowhead")


def _add_arc(scene: Scene, ring: Ring, ring_state: RingState, member: NodeState) -> None:
    """Draw the arc that a node owns, from its predecessor to itself."""
    start, end = turn(ring, member.status.predecessor.id), turn(ring, member.ref.id)
    quiet = "" if member.answers else " silent"
    scene.add(
        f"arc-{key_of(member.ref)}",
        "path",
        "arcs",
        d=geometry.arc(start, end, RADIUS),
        cls=f"arc owner-{ring_state.colours[member.ref]}{quiet}",
    )


def _add_link(scene: Scene, ring: Ring, member: NodeState) -> None:
    """Draw the link to its first successor."""
    successor = member.successors[0] if member.successors else member.ref
    if not member.answers or successor == member.ref:
        return
    path = geometry.chord(turn(ring, member.ref.id), turn(ring, successor.id), LINKS_RADIUS, 0.0)
    scene.add(f"link-{key_of(member.ref)}", "path", "links", d=path, cls="link", marker_end="url(#arrow)")


def _add_node(
    scene: Scene, ring: Ring, ring_state: RingState, member: NodeState, chosen: Chosen, is_labelled: bool
) -> None:
    key, part = key_of(member.ref), turn(ring, member.ref.id)
    x, y = geometry.point(part, RADIUS)
    many = len(ring_state.nodes) > LABELS_MAX
    is_chosen = key == chosen.node
    classes = ["node", f"owner-{ring_state.colours[member.ref]}"]
    flags = {
        "silent": not member.answers,
        "training": member.answers and bool(member.status.training),
        "chosen": is_chosen,
        "paused": member.ref in chosen.paused,
        "far": member.ref in chosen.far_side,
    }
    classes += [name for name, holds in flags.items() if holds]
    group = scene.add(
        f"node-{key}",
        "g",
        "nodes",
        cls=" ".join(classes),
        tabindex=0,
        role="button",
        data_act="node",
        data_value=key,
        aria_pressed="true" if is_chosen else "false",
        aria_label=_spoken(member, chosen),
    )
    scene.add(f"halo-{key}", "circle", group, cx=x, cy=y, r=6.5 if many else 11.0, cls="halo")
    scene.add(f"dot-{key}", "circle", group, cx=x, cy=y, r=3.6 if many else 6.5, cls="dot")
    scene.add(f"tip-{key}", "title", group, f"{member.name}, {member.ref.address}")
    if is_labelled or is_chosen:
        _add_label(scene, group, key, part, member, ring_state.nodes)


def _add_label(
    scene: Scene, group: str, key: str, part: float, member: NodeState, nodes: tuple[NodeState, ...]
) -> None:
    """Draw its identifier outside the circle, and its address below where there is room."""
    x, y = geometry.point(part, LABEL_RADIUS)
    anchor = "middle" if abs(x) < LABEL_RADIUS / 4 else "start" if x > 0 else "end"
    roomy = len(nodes) <= LABELS_MAX // 2
    lift = 3.0 if not roomy else (6.0 if y > LABEL_RADIUS * 0.8 else -1.0 if y > -LABEL_RADIUS * 0.8 else -5.0)
    scene.add(f"label-{key}", "text", group, member.name, x=x, y=y + lift, text_anchor=anchor, cls="label")
    if roomy:
        scene.add(
            f"place-{key}",
            "text",
            group,
            str(member.ref.address),
            x=x,
            y=y + lift + 8.0,
            text_anchor=anchor,
            cls="place",
        )


def _spoken(member: NodeState, chosen: Chosen) -> str:
    state = (
        "paused"
        if member.ref in chosen.paused
        else "silent"
        if not member.answers
        else ("training" if member.status.training else "idle")
    )
    return f"node {member.name} at {member.ref.address}, {state}, owns {100 * member.share:.0f} percent of the ring"


def _add_keys(scene: Scene, ring: Ring, ring_state: RingState) -> None:
    """Draw every file at its key."""
    names = sorted({name for member in ring_state.nodes for name in member.status.names if not is_record(name)})
    for name in names[:KEYS_MAX]:
        x, y = geometry.point(turn(ring, ring.key(name)), KEYS_RADIUS)
        scene.add(f"key-{name}", "circle", "keys", cx=x, cy=y, r=1.3, cls="key")


def _add_fingers(scene: Scene, ring: Ring, ring_state: RingState, member: NodeState) -> None:
    """Draw the selected node's fingers, each node once."""
    start = turn(ring, member.ref.id)
    for finger in dict.fromkeys(member.status.fingers):
        if finger != member.ref and not finger.is_vacant:
            path = geometry.chord(start, turn(ring, finger.id), RADIUS - 7)
            colour = ring_state.colours.get(finger, 0)
            scene.add(
                f"finger-{key_of(finger)}",
                "path",
                "fingers",
                d=path,
                cls=f"finger owner-{colour}",
                marker_end="url(#arrow)",
            )


def _add_route(scene: Scene, ring: Ring, ring_state: RingState, chosen: Chosen) -> None:
    """Draw the key and the hops that are shown so far; the last leads to the owner."""
    assert chosen.route is not None
    route = chosen.route
    x, y = geometry.point(turn(ring, route.key), RADIUS)
    scene.add("wanted", "path", "route", d=f"M{x:.2f},{y - 6:.2f} l6,6 l-6,6 l-6,-6 z", cls="wanted")
    scene.add("wanted-tip", "title", "wanted", f"key {ring.show(route.key)} of {chosen.name}")
    stops = [step.node for step in route.steps] + [route.owner]
    for number, (one, other) in enumerate(pairwise(stops), 1):
        if number <= chosen.hops:
            path = geometry.chord(turn(ring, one.id), turn(ring, other.id), RADIUS - 7, 0.2)
            scene.add(f"hop-{number}", "path", "route", d=path, cls="hop", marker_end="url(#arrow)")
