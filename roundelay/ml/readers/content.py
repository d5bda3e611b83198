"""Parser of the training files that the ring stores, in either format: packed, or text."""

from __future__ import annotations

from roundelay.ml.data import Samples
from roundelay.ml.design import CLASSES_DEFAULT
from roundelay.ml.readers import letters, packed


def parse(name: str, content: bytes, features: int | None = None, classes: int = CLASSES_DEFAULT) -> Samples:
    """Parse a training file; its first bytes tell the format. Raises DataError."""
    read = packed.parse if packed.is_packed(content) else letters.parse
    return read(name, content, features, classes)
