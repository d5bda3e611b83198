"""How a node's own procedures use its contents without copying them: requests that it sends only to itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from roundelay.chord.effects import Request
from roundelay.store.blobs import Content


@dataclass(frozen=True)
class Open(Request[Content]):
    """Ask for a content that is read piece by piece while it is used. Raises NotFound."""

    digest: str


@dataclass(frozen=True)
class Stage(Request[None]):
    """Add a content to the staging area. That it has this digest is the sender's word. Raises StoreFull."""

    digest: str
    content: Content = field(repr=False)
