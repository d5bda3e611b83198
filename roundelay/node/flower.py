"""A Flower client of this node's own (--trainer MODULE:NAME), published as a private folder with one file is.

What stands for the file says which client it is, and stays here: others learn its digest, and how many examples the
client trains on. It is imported and run in the training process alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from roundelay.federation.private_data import PrivateFile
from roundelay.ml.frames import Header
from roundelay.node.trainer import Trainer
from roundelay.store.blobs import digest_of

FILE_NAME = "client"

Scalar = bool | int | float | str


class FlowerClient:
    """Its data are its own affair: no features are known, and no rows can be read."""

    features = 0

    def __init__(self, trainer: str, config: Mapping[str, Scalar], rows: int | None, name: str) -> None:
        self.name = name
        self.files: tuple[PrivateFile, ...] = ()
        self._about: Header = {"trainer": trainer, "config": dict(config), "rows": rows}
        self._content = b""

    def scan(self) -> None:
        """Have it made once, in a process that ends then, and hear how many examples it has. Raises WorkFailed."""
        trainer = Trainer(lambda ticket, line: None)
        try:
            self._about["rows"] = rows = trainer.introduce({"do": "add", "digest": "-", **self._about})
        finally:
            trainer.stop()
        self._content = json.dumps(self._about, sort_keys=True).encode()
        self.files = (PrivateFile(FILE_NAME, digest_of(self._content), len(self._content), rows),)

    def content(self, digest: str) -> bytes | None:
        """What stands for its file; nothing for any other digest."""
        return self._content if digest == digest_of(self._content) else None

    @property
    def headers(self) -> dict[str, Header]:
        """By digest: how the training process hears of it."""
        return {file.digest: {"do": "add", "digest": file.digest, **self._about} for file in self.files}
