"""A file of the ring, whichever form it has: packed, or rows as text. What a node trains on comes through here."""

from __future__ import annotations

from roundelay.ml.data import Samples
from roundelay.ml.readers import letters, packed
from roundelay.ml.task import CLASSES_DEFAULT


def parse(name: str, content: bytes, features: int | None = None, classes: int = CLASSES_DEFAULT) -> Samples:
    """The samples in content. Raises DataError."""
    read = packed.parse if packed.is_packed(content) else letters.parse
    return read(name, content, features, classes)
