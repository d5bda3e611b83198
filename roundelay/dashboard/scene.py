"""A drawing as named pieces, and the difference of two drawings as a short list of changes.

The browser receives changes only and inserts text as text, so the name of a node can
never become markup. page.js applies them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Change = list[str]  # ["add", name, parent, before, tag, text, attribute, value, ...], ["set", ...], ["text", ...]


@dataclass(frozen=True)
class Piece:
    """One element of a document, in another of the scene ("" is the scene's own element on the page)."""

    tag: str
    parent: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


class Scene:
    """Pieces by name, a parent before its children, children in their order."""

    def __init__(self) -> None:
        self.pieces: dict[str, Piece] = {}

    def add(self, name: str, tag: str, parent: str = "", text: str = "", **attributes: str | int | float) -> str:
        """Add a piece at the end of its parent; return its name. In attributes a _ stands for a -; cls is class."""
        assert name not in self.pieces, name
        assert not parent or parent in self.pieces, parent
        shown = {_attribute(key): _value(value) for key, value in attributes.items()}
        self.pieces[name] = Piece(tag, parent, shown, text)
        return name


def difference(before: Scene, after: Scene) -> list[Change]:
    """Return the changes that turn one drawing into the other."""
    kept = _kept(before, after)
    gone = [name for name in before.pieces if name not in kept]
    roots = [name for name in gone if before.pieces[name].parent not in gone or not before.pieces[name].parent]
    changes = [["del", name] for name in roots]
    for name in kept:
        changes += _changes(name, before.pieces[name], after.pieces[name])
    following = _following(after, kept)
    for name, piece in after.pieces.items():
        if name not in kept:
            pairs = [word for pair in piece.attributes.items() for word in pair]
            changes.append(["add", name, piece.parent, following.get(name, ""), piece.tag, piece.text, *pairs])
    return changes


def _kept(before: Scene, after: Scene) -> dict[str, None]:
    """Return the pieces that need not move: same tag, same kept parent, same order among their siblings."""
    kept: dict[str, None] = {}
    places = {name: place for place, name in enumerate(before.pieces)}
    last: dict[str, int] = {}  # by parent: the place of the last child that is kept
    for name, piece in after.pieces.items():
        old = before.pieces.get(name)
        if old is None or (old.tag, old.parent) != (piece.tag, piece.parent):
            continue
        if (piece.parent and piece.parent not in kept) or places[name] < last.get(piece.parent, -1):
            continue
        kept[name] = None
        last[piece.parent] = places[name]
    return kept


def _changes(name: str, old: Piece, new: Piece) -> Iterator[Change]:
    if old is new:
        return
    if old.text != new.text:
        yield ["text", name, new.text]
    for key, value in new.attributes.items():
        if old.attributes.get(key) != value:
            yield ["set", name, key, value]
    for key in old.attributes.keys() - new.attributes.keys():
        yield ["unset", name, key]


def _following(after: Scene, kept: dict[str, None]) -> dict[str, str]:
    """Return for each new piece the kept sibling before which it is inserted."""
    next_kept: dict[str, str] = {}
    found: dict[str, str] = {}
    for name, piece in reversed(after.pieces.items()):
        if name in kept:
            next_kept[piece.parent] = name
        else:
            found[name] = next_kept.get(piece.parent, "")
    return found


def _attribute(key: str) -> str:
    return "class" if key == "cls" else key if key in ("viewBox", "refX", "refY") else key.replace("_", "-")


def _value(value: str | int | float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
