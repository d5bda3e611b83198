"""Scenes over time as one picture: well formed, and in every frame what the scene has."""

from __future__ import annotations

import xml.etree.ElementTree as Tree

from roundelay.dashboard.animation import animate
from roundelay.dashboard.ring_view import Chosen, ring_scene
from roundelay.dashboard.scene import Scene
from tests.dashboard.sights import picture

SVG = "{http://www.w3.org/2000/svg}"


def scene(**places: int) -> Scene:
    made = Scene()
    for name, x in places.items():
        made.add(name, "circle", "", cx=x)
    return made


def animated(*frames: Scene) -> Tree.Element:
    return Tree.fromstring(animate(frames, 0.5, 100, 100, ""))


def steps(root: Tree.Element) -> list[tuple[str | None, ...]]:
    keys = ("attributeName", "values", "keyTimes")
    return [tuple(each.get(key) for key in keys) for each in root.iter(f"{SVG}animate")]


def test_what_does_not_change_is_not_animated() -> None:
    assert steps(animated(scene(a=1, b=2), scene(a=1, b=2))) == []


def test_an_attribute_changes_at_its_frame() -> None:
    assert steps(animated(scene(a=1), scene(a=1), scene(a=5), scene(a=5))) == [("cx", "1;5", "0;0.5")]


def test_a_piece_is_hidden_while_its_scene_has_it_not() -> None:
    root = animated(scene(a=1), scene(a=1, b=2), scene(a=1), scene(a=1))

    assert steps(root) == [("visibility", "hidden;visible;hidden", "0;0.25;0.5")]
    assert [each.get("visibility") for each in root.iter(f"{SVG}circle")] == [None, "hidden"]


def test_a_text_is_exchanged_and_never_markup() -> None:
    frames = []
    for words in ("one", "<script>"):
        made = Scene()
        made.add("word", "text", "", words)
        frames.append(made)

    root = animated(*frames)

    assert [each.text or each[0].tail for each in root.iter(f"{SVG}text")] == ["one", "<script>"]
    assert not list(root.iter(f"{SVG}script"))


def test_a_ring_that_loses_a_node_is_a_picture() -> None:
    frames = []
    for nodes in ((0, 64, 128), (0, 128)):
        made = Scene()
        made.add("ring", "g")
        for name, piece in ring_scene(picture(*nodes), Chosen()).pieces.items():
            if name != "svg":
                made.pieces[name] = type(piece)(
                    piece.tag, "ring" if piece.parent == "svg" else piece.parent, piece.attributes, piece.text
                )
        frames.append(made)

    root = animated(*frames)

    assert len([each for each in root.iter(f"{SVG}g") if "node" in (each.get("class") or "")]) >= 3
    assert any(name == "visibility" for name, *_ in steps(root))
