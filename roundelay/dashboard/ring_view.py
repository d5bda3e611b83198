"""The ring as a drawing: arcs in their owners' colours, successor links, keys, the chosen node's fingers, a lookup."""

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
LABELS_MAX = 24  # nodes; beyond, only the chosen one is named
KEYS_MAX = 256
VIEW_BOX = "-176 -136 352 276"


@dataclass(frozen=True)
class Chosen:
    """What the reader has picked out."""

    node: str = ""  # see sight.key_of
    route: Route | None = None
    hops: int = 0  # of the route, how many are shown
    name: str = ""  # that was looked up
    paused: Collection[NodeRef] = ()
    far_side: Collection[NodeRef] = ()  # of a network that is cut in two


def ring_scene(picture: RingState, chosen: Chosen) -> Scene:
    """The whole drawing. Without a ring: the empty circle."""
    scene = Scene()
    scene.add("svg", "svg", viewBox=VIEW_BOX, role="group", cls="ring", aria_label=describe(picture))
    _add_arrowhead(scene)
    scene.add("track", "circle", "svg", r=RADIUS, cx=0, cy=0, cls="track")
    for layer in ("arcs", "keys", "links", "fingers", "route", "nodes"):
        scene.add(layer, "g", "svg", cls=layer)
    if picture.ring is None or not picture.nodes:
        scene.add("nobody", "text", "svg", "no node answers yet", cls="middle", y=0)
        return scene
    ring = picture.ring
    for sight in picture.nodes:
        _add_arc(scene, ring, picture, sight)
        _add_link(scene, ring, sight)
        _add_node(scene, ring, picture, sight, chosen)
    _add_keys(scene, ring, picture)
    node = picture.node(chosen.node)
    if node is not None and chosen.route is None:
        _add_fingers(scene, ring, picture, node)
    if chosen.route is not None:
        _add_route(scene, ring, picture, chosen)
    return scene


def describe(picture: RingState) -> str:
    """For those who hear the page."""
    silent = sum(not sight.answers for sight in picture.nodes)
    but = f", {silent} of them silent" if silent else ""
    return f"Chord ring of {len(picture.nodes)} nodes{but}"


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


def _add_arc(scene: Scene, ring: Ring, picture: RingState, sight: NodeState) -> None:
    """What it owns: from its predecessor to itself."""
    start, end = turn(ring, sight.status.predecessor.id), turn(ring, sight.ref.id)
    quiet = "" if sight.answers else " silent"
    scene.add(
        f"arc-{key_of(sight.ref)}",
        "path",
        "arcs",
        d=geometry.arc(start, end, RADIUS),
        cls=f"arc owner-{picture.colours[sight.ref]}{quiet}",
    )


def _add_link(scene: Scene, ring: Ring, sight: NodeState) -> None:
    """To its first successor."""
    successor = sight.successors[0] if sight.successors else sight.ref
    if not sight.answers or successor == sight.ref:
        return
    path = geometry.chord(turn(ring, sight.ref.id), turn(ring, successor.id), LINKS_RADIUS, 0.0)
    scene.add(f"link-{key_of(sight.ref)}", "path", "links", d=path, cls="link", marker_end="url(#arrow)")


def _add_node(scene: Scene, ring: Ring, picture: RingState, sight: NodeState, chosen: Chosen) -> None:
    key, part = key_of(sight.ref), turn(ring, sight.ref.id)
    x, y = geometry.point(part, RADIUS)
    many = len(picture.nodes) > LABELS_MAX
    is_chosen = key == chosen.node
    classes = ["node", f"owner-{picture.colours[sight.ref]}"]
    flags = {
        "silent": not sight.answers,
        "training": sight.answers and bool(sight.status.training),
        "chosen": is_chosen,
        "paused": sight.ref in chosen.paused,
        "far": sight.ref in chosen.far_side,
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
        aria_label=_spoken(sight, chosen),
    )
    scene.add(f"halo-{key}", "circle", group, cx=x, cy=y, r=6.5 if many else 11.0, cls="halo")
    scene.add(f"dot-{key}", "circle", group, cx=x, cy=y, r=3.6 if many else 6.5, cls="dot")
    scene.add(f"tip-{key}", "title", group, f"{sight.name}, {sight.ref.address}")
    if not many or is_chosen:
        _add_label(scene, group, key, part, sight, picture.nodes)


def _add_label(scene: Scene, group: str, key: str, part: float, sight: NodeState, nodes: tuple[NodeState, ...]) -> None:
    """Its identifier, outside the circle, towards the nearer side; its address below, where there is room."""
    x, y = geometry.point(part, LABEL_RADIUS)
    anchor = "middle" if abs(x) < LABEL_RADIUS / 4 else "start" if x > 0 else "end"
    roomy = len(nodes) <= LABELS_MAX // 2
    lift = 3.0 if not roomy else (6.0 if y > LABEL_RADIUS * 0.8 else -1.0 if y > -LABEL_RADIUS * 0.8 else -5.0)
    scene.add(f"label-{key}", "text", group, sight.name, x=x, y=y + lift, text_anchor=anchor, cls="label")
    if roomy:
        scene.add(
            f"place-{key}",
            "text",
            group,
            str(sight.ref.address),
            x=x,
            y=y + lift + 8.0,
            text_anchor=anchor,
            cls="place",
        )


def _spoken(sight: NodeState, chosen: Chosen) -> str:
    state = (
        "paused"
        if sight.ref in chosen.paused
        else "silent"
        if not sight.answers
        else ("training" if sight.status.training else "idle")
    )
    return f"node {sight.name} at {sight.ref.address}, {state}, owns {100 * sight.share:.0f} percent of the ring"


def _add_keys(scene: Scene, ring: Ring, picture: RingState) -> None:
    """Every file, at its key."""
    names = sorted({name for sight in picture.nodes for name in sight.status.names if not is_record(name)})
    for name in names[:KEYS_MAX]:
        x, y = geometry.point(turn(ring, ring.key(name)), KEYS_RADIUS)
        scene.add(f"key-{name}", "circle", "keys", cx=x, cy=y, r=1.3, cls="key")


def _add_fingers(scene: Scene, ring: Ring, picture: RingState, sight: NodeState) -> None:
    """The chosen node's fingers, each node once."""
    start = turn(ring, sight.ref.id)
    for finger in dict.fromkeys(sight.status.fingers):
        if finger != sight.ref and not finger.is_vacant:
            path = geometry.chord(start, turn(ring, finger.id), RADIUS - 7)
            colour = picture.colours.get(finger, 0)
            scene.add(
                f"finger-{key_of(finger)}",
                "path",
                "fingers",
                d=path,
                cls=f"finger owner-{colour}",
                marker_end="url(#arrow)",
            )


def _add_route(scene: Scene, ring: Ring, picture: RingState, chosen: Chosen) -> None:
    """The key, and the hops that are shown so far; the last leads to the owner."""
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
