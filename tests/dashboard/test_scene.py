"""The difference of two drawings, applied as page.js applies it, turns the one into the other."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from roundelay.dashboard.diff import Boards
from roundelay.dashboard.scene import Change, Scene, difference
from tests.hypothesis_profiles import examples

NAMES = "abcdefgh"


@dataclass
class Element:
    """What a browser would have."""

    name: str
    tag: str = ""
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)


class Document:
    """page.js in Python: the same deeds on the same words."""

    def __init__(self) -> None:
        self.root = Element("")
        self.by_name = {"": self.root}
        self.homes: dict[str, Element] = {}

    def apply(self, changes: list[Change]) -> None:
        for deed, *words in changes:
            getattr(self, deed)(*words)

    def add(self, name: str, parent: str, before: str, tag: str, text: str, *pairs: str) -> None:
        assert name not in self.by_name
        made = Element(name, tag, text, dict(zip(pairs[::2], pairs[1::2], strict=True)))
        home = self.by_name[parent]
        place = [child.name for child in home.children].index(before) if before else len(home.children)
        home.children.insert(place, made)
        self.by_name[name], self.homes[name] = made, home

    def delete(self, name: str) -> None:
        gone = self.by_name.pop(name)
        for child in list(gone.children):
            self.delete(child.name)
        self.homes.pop(name).children.remove(gone)

    def set(self, name: str, key: str, value: str) -> None:
        self.by_name[name].attributes[key] = value

    def unset(self, name: str, key: str) -> None:
        del self.by_name[name].attributes[key]

    def text(self, name: str, text: str) -> None:
        self.by_name[name].text = text


setattr(Document, "del", Document.delete)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    scene = Scene()
    for name in draw(st.permutations(NAMES))[: draw(st.integers(0, len(NAMES)))]:
        parent = draw(st.sampled_from(["", *scene.pieces]))
        attributes = draw(st.dictionaries(st.sampled_from(["x", "y", "cls"]), st.integers(0, 2)))
        scene.add(
            name, draw(st.sampled_from(["g", "path"])), parent, draw(st.sampled_from(["", "one", "two"])), **attributes
        )
    return scene


def drawn(scene: Scene) -> Element:
    document = Document()
    document.apply(difference(Scene(), scene))
    return document.root


@examples(40)
@given(st.lists(scenes(), max_size=4))
def test_differences_one_after_the_other_end_at_the_last_scene(steps: list[Scene]) -> None:
    document, before = Document(), Scene()
    for after in steps:
        document.apply(difference(before, after))
        before = after

    assert document.root == drawn(before)


@examples(40)
@given(scenes())
def test_equal_scenes_differ_in_nothing(scene: Scene) -> None:
    assert difference(scene, scene) == []


def test_one_attribute_is_one_change() -> None:
    before, after = Scene(), Scene()
    for scene, x in ((before, 1), (after, 2)):
        for number in range(50):
            scene.add(f"dot-{number}", "circle", x=x if number == 7 else 0)

    assert difference(before, after) == [["set", "dot-7", "x", "2"]]


def test_one_more_piece_in_the_middle_moves_no_other() -> None:
    before, after = Scene(), Scene()
    for name in "ac":
        before.add(name, "li")
    for name in "abc":
        after.add(name, "li")

    assert difference(before, after) == [["add", "b", "", "c", "li", ""]]


def test_what_a_node_is_called_stays_a_text() -> None:
    scene = Scene()
    scene.add("label", "text", "", "<img src=x onerror=alert(1)>")

    call = Boards().update({"ring": scene})

    assert call.startswith("roundelay.apply(0, {")
    assert difference(Scene(), scene)[0][5] == "<img src=x onerror=alert(1)>"


def test_a_board_that_shows_the_same_sends_nothing() -> None:
    boards, scene = Boards(), Scene()
    scene.add("a", "p")

    assert boards.update({"ring": scene}) != ""
    assert boards.update({"ring": scene}) == ""
    boards.forget()
    assert boards.update({"ring": scene}).startswith("roundelay.apply(0, ")
