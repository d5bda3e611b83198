"""Tables and lists beside the ring: its nodes, the selected node in detail, the log of events."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from roundelay.chord.refs import NodeRef
from roundelay.dashboard.model import NodeState, RingState, key_of
from roundelay.dashboard.scene import Scene
from roundelay.dashboard.watcher import Logged
from roundelay.ml.errors import first_of
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
    "healed": "!",
    "notice": "!",
    "takeover": "⇄",
    "ended": "■",
    "supernode": "◆",
}  # a sign for each kind: colour is never the only difference


def table(scene: Scene, name: str, headings: Sequence[str], caption: str, parent: str = "", cls: str = "") -> str:
    """Add an empty table with its headings; return the name of its body."""
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
    """Add a button in a cell for keyboard users; pointer users can click the whole row."""
    scene.add(f"{cell}-button", "button", cell, text, cls="name", type="button", data_act=act, data_value=value)


def matches(wanted: str, *texts: str) -> bool:
    """Return whether each of the wanted words is in one of the texts, in upper or lower case."""
    whole = "\n".join(texts).casefold()
    return all(word in whole for word in wanted.casefold().split())


def add_count(scene: Scene, wanted: str, found: int, every: int, what: str) -> None:
    """Say how many of a list's rows a filter has left, if there is a filter."""
    if wanted.strip():
        more = "" if found else ": clear the filter to see them"
        scene.add("count", "p", "", f"{found} of {every} {what} match{more}", cls="hint", role="status")


def nodes_scene(ring_state: RingState, chosen: str, wanted: str = "") -> Scene:
    """List the nodes that match, by identifier: by name, address, state, or the files that they own."""
    scene = Scene()
    if not ring_state.nodes:
        scene.add("none", "p", "", _without_nodes(ring_state), cls="hint")
        return scene
    found = [member for member in ring_state.nodes if _is_wanted(member, wanted)]
    add_count(scene, wanted, len(found), len(ring_state.nodes), "nodes")
    if not found:
        return scene
    headings = ("", "node", "address", "owns", "files", "copies", "stored", "now")
    body = table(scene, "nodes", headings, "The nodes of the ring")
    for member in found:
        key = key_of(member.ref)
        state = "" if member.answers else " silent"
        row(
            scene,
            key,
            body,
            (
                "",
                "",
                str(member.ref.address),
                f"{100 * member.share:.1f} %",
                str(len(member.files)),
                str(len(member.copies)),
                show_bytes(member.status.stored_bytes),
                _doing(member),
            ),
            cls=f"pick{' chosen' if key == chosen else ''}{state}",
            data_act="node",
            data_value=key,
        )
        pick(scene, f"{key}-1", "node", key, member.name)
        scene.add(f"{key}-swatch", "span", f"{key}-0", cls=f"swatch owner-{ring_state.colours[member.ref]}")
    return scene


def _doing(member: NodeState) -> str:
    if not member.answers:
        return "does not answer"
    doing = member.status.training
    return f"{doing.file}, epoch {doing.epoch}" if doing is not None and doing.file else str(doing or "idle")


def _is_wanted(member: NodeState, wanted: str) -> bool:
    return matches(wanted, member.name, str(member.ref.address), _doing(member), *member.files)


def _without_nodes(ring_state: RingState) -> str:
    """Say what to do where no node answers."""
    if ring_state.supernode is None:
        return "No node answers. Start the node that this page was pointed at, or restart the page with another."
    if not ring_state.supernode_answers:
        return f"The supernode {ring_state.supernode} does not answer. Start it: python3 supernode.py"
    return "The ring has no nodes yet. Start some: python3 compute_node.py PORT"


def node_scene(ring_state: RingState, chosen: str) -> Scene:
    """Show the selected node in detail."""
    scene = Scene()
    member = ring_state.node(chosen)
    if member is None:
        scene.add(
            "hint", "p", "", "Select a node, on the circle or in a table, to see its fingers and files.", cls="hint"
        )
        return scene
    ring = member.status.ring
    scene.add("title", "h3", "", f"Node {member.name}")
    scene.add("facts", "dl", cls="facts")
    facts = (
        ("identifier", ring.digits(member.ref.id)),
        ("address", f"{member.ref.address}, incarnation {member.ref.incarnation}"),
        ("predecessor", _named(ring.show, [member.status.predecessor])),
        ("successor list", _named(ring.show, [n for n in member.successors if n != member.ref]) or "alone on the ring"),
        ("trains now", str(member.status.training or "nothing")),
        ("files", _names(member.files)),
        ("copies for others", _names(member.copies)),
        ("records of jobs", str(member.records)),
    )
    for name, value in facts:
        scene.add(f"dt-{name}", "dt", "facts", name)
        scene.add(f"dd-{name}", "dd", "facts", value)
    body = table(scene, "fingers", ("finger", "start", "node", "address"), "Finger table")
    for number, each in enumerate(finger_rows(member.ref, ring, member.status.fingers)):
        row(scene, f"finger-{number}", body, (each.fingers, each.start, each.node, each.address))
    return scene


def log_scene(log: Iterable[Logged]) -> Scene:
    """List the events, the latest first."""
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


def summary_scene(ring_state: RingState) -> Scene:
    """Show on one line the size of the ring, and its phase by the names that earlier systems used."""
    scene = Scene()
    scene.add("line", "div", cls="summary")
    ring = ring_state.ring
    count = sum(member.answers for member in ring_state.nodes)
    about = (
        f"waiting for a ring{f' at {ring_state.supernode}' if ring_state.supernode is not None else ''}"
        if ring is None
        else (f"{count} node{'s' * (count != 1)} · {ring.bits}-bit ring · {ring.replicas} copies")
    )
    scene.add("about", "span", "line", about)
    phase = ring_state.phase
    scene.add("phase", "span", "line", phase, cls=f"phase {phase.lower()}", role="status")
    if ring is not None and ring_state.supernode is not None and not ring_state.supernode_answers:
        scene.add("alone", "span", "line", "supernode away", cls="phase away")
    return scene


def _named(show: object, nodes: Iterable[NodeRef]) -> str:
    assert callable(show)
    return ", ".join(f"{show(node.id)} ({node.address})" for node in nodes)


def _names(names: Sequence[str]) -> str:
    return f"{len(names)}: {first_of(names, NAMES_MAX)}" if names else "none"


def show_bytes(count: float) -> str:
    size = count
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.{int(size < 10 and unit != 'B')}f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
