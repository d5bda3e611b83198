"""Tables and lists beside the ring: its nodes, the chosen node in full, what has happened."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from roundelay.chord.refs import NodeRef
from roundelay.dashboard.model import RingState, key_of
from roundelay.dashboard.scene import Scene
from roundelay.dashboard.watcher import Logged
from roundelay.node.console import finger_rows

SHOWN_MAX = 60  # lines of the log
NAMES_MAX = 40  # file names of one list
KINDS = {
    "joined": "+",
    "back": "+",
    "left": "-",
    "silent": "?",
    "gone": "x",
    "job": "▸",
    "healed": "✚",
    "takeover": "⇄",
    "ended": "■",
    "supernode": "◆",
}  # a sign for each kind: colour is never the only difference


def table(scene: Scene, name: str, headings: Sequence[str], caption: str, parent: str = "", cls: str = "") -> str:
    """An empty table with its headings; returns the name of its body."""
    scene.add(name, "table", parent, **({"cls": cls} if cls else {}))
    scene.add(f"{name}-caption", "caption", name, caption, cls="unseen")
    scene.add(f"{name}-head", "thead", name)
    scene.add(f"{name}-headings", "tr", f"{name}-head")
    for number, heading in enumerate(headings):
        scene.add(f"{name}-heading-{number}", "th", f"{name}-headings", heading, scope="col")
    return scene.add(f"{name}-body", "tbody", name)


def row(scene: Scene, name: str, body: str, cells: Sequence[str], **attributes: str) -> None:
    scene.add(name, "tr", body, **attributes)
    for number, cell in enumerate(cells):
        scene.add(f"{name}-{number}", "td", name, cell)


def pick(scene: Scene, cell: str, act: str, value: str, text: str) -> None:
    """A button in a cell, for those who use no pointer; the whole row is there for those who do."""
    scene.add(f"{cell}-button", "button", cell, text, cls="name", type="button", data_act=act, data_value=value)


def nodes_scene(picture: RingState, chosen: str) -> Scene:
    """Every node, by identifier."""
    scene = Scene()
    headings = ("", "node", "address", "owns", "files", "copies", "bytes", "now")
    body = table(scene, "nodes", headings, "The nodes of the ring")
    for sight in picture.nodes:
        key = key_of(sight.ref)
        state = "" if sight.answers else " silent"
        doing = str(sight.status.training or "") if sight.answers else "does not answer"
        row(
            scene,
            key,
            body,
            (
                "",
                "",
                str(sight.ref.address),
                f"{100 * sight.share:.1f} %",
                str(len(sight.files)),
                str(len(sight.copies)),
                _bytes(sight.status.stored_bytes),
                doing or "idle",
            ),
            cls=f"pick{' chosen' if key == chosen else ''}{state}",
            data_act="node",
            data_value=key,
        )
        pick(scene, f"{key}-1", "node", key, sight.name)
        scene.add(f"{key}-swatch", "span", f"{key}-0", cls=f"swatch owner-{picture.colours[sight.ref]}")
    return scene


def node_scene(picture: RingState, chosen: str) -> Scene:
    """The chosen node in full."""
    scene = Scene()
    sight = picture.node(chosen)
    if sight is None:
        scene.add(
            "hint", "p", "", "Choose a node, on the circle or in a table, to see its fingers and files.", cls="hint"
        )
        return scene
    ring = sight.status.ring
    scene.add("title", "h3", "", f"Node {sight.name}")
    scene.add("facts", "dl", cls="facts")
    facts = (
        ("identifier", ring.digits(sight.ref.id)),
        ("address", f"{sight.ref.address}, incarnation {sight.ref.incarnation}"),
        ("predecessor", _named(ring.show, [sight.status.predecessor])),
        ("successor list", _named(ring.show, [n for n in sight.successors if n != sight.ref]) or "alone on the ring"),
        ("trains now", str(sight.status.training or "nothing")),
        ("files", _names(sight.files)),
        ("copies for others", _names(sight.copies)),
        ("records of jobs", str(sight.records)),
    )
    for name, value in facts:
        scene.add(f"dt-{name}", "dt", "facts", name)
        scene.add(f"dd-{name}", "dd", "facts", value)
    body = table(scene, "fingers", ("finger", "start", "node", "address"), "Finger table")
    for number, each in enumerate(finger_rows(sight.ref, ring, sight.status.fingers)):
        row(scene, f"finger-{number}", body, (each.fingers, each.start, each.node, each.address))
    return scene


def log_scene(log: Iterable[Logged]) -> Scene:
    """What has happened, the latest first."""
    scene = Scene()
    scene.add("log", "ol", cls="log")
    lines = list(log)[-SHOWN_MAX:]
    if not lines:
        scene.add("quiet", "li", "log", "nothing has happened yet", cls="hint")
    for line in reversed(lines):
        name = scene.add(f"event-{line.number}", "li", "log", cls=f"event {line.event.kind}")
        scene.add(f"{name}-at", "time", name, time.strftime("%H:%M:%S", time.localtime(line.at)))
        scene.add(f"{name}-sign", "span", name, KINDS.get(line.event.kind, "·"), cls="sign", aria_hidden="true")
        scene.add(f"{name}-text", "span", name, line.event.text, cls="what")
    return scene


def summary_scene(picture: RingState) -> Scene:
    """One line: how large the ring is, and what it is doing, as the older systems called it."""
    scene = Scene()
    scene.add("line", "div", cls="summary")
    ring = picture.ring
    count = sum(sight.answers for sight in picture.nodes)
    about = (
        "looking for a ring"
        if ring is None
        else (f"{count} node{'s' * (count != 1)} · {ring.bits}-bit ring · {ring.replicas} copies")
    )
    scene.add("about", "span", "line", about)
    phase = picture.phase
    scene.add("phase", "span", "line", phase, cls=f"phase {phase.lower()}", role="status")
    if ring is not None and picture.supernode is not None and not picture.supernode_answers:
        scene.add("alone", "span", "line", "supernode away", cls="phase away")
    return scene


def _named(show: object, nodes: Iterable[NodeRef]) -> str:
    assert callable(show)
    return ", ".join(f"{show(node.id)} ({node.address})" for node in nodes)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return f"{len(names)}: {', '.join(names[:NAMES_MAX])}{more}" if names else "none"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
