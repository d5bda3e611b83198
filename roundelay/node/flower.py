"""A Flower client of this node's own (--trainer MODULE:NAME), published like a private folder with one file.

The file's content describes the client and stays here: other nodes learn its digest and its number of examples. The
client is imported and run only in the training process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from roundelay.federation.errors import WorkFailed
from roundelay.federation.private_data import CLIENT, PrivateFile
from roundelay.ml import answers
from roundelay.ml.errors import EndOfFrames, FrameError, MLError
from roundelay.ml.frames import Header
from roundelay.ml.readers.limits import DEFAULT
from roundelay.node.trainer_process import Survey, TrainerProcess
from roundelay.store.blobs import digest_of

FILE_NAME = "client"

Scalar = bool | int | float | str


class FlowerClient:
    """Private data that only the client reads: the node knows neither its features nor its rows."""

    kind = CLIENT
    limits = DEFAULT  # the client reads its own data

    def __init__(self, trainer: str, config: Mapping[str, Scalar], rows: int | None, name: str) -> None:
        self.name = name
        self.files: tuple[PrivateFile, ...] = ()
        self._about: Header = {"trainer": trainer, "config": dict(config), "rows": rows}

    def scan(self) -> None:
        """Make the client once, in a process that then ends, to learn its number of examples. Raises WorkFailed."""
        self._about["rows"] = rows = _rows_of({"do": "add", "digest": "-", **self._about})
        content = json.dumps(self._about, sort_keys=True).encode()
        self.files = (PrivateFile(FILE_NAME, digest_of(content), len(content), rows),)

    def find(self, digest: str, survey: Survey) -> Header | None:
        """Return the request that adds the client to a trainer; None for any other digest. No folder is surveyed."""
        is_ours = any(file.digest == digest for file in self.files)
        return {"do": "add", "digest": digest, **self._about} if is_ours else None


def _rows_of(client: Header) -> int:
    """Make a client in a process of its own, and return how many examples it says it has. Raises WorkFailed."""
    process = TrainerProcess()
    try:
        process.start()
        return answers.rows(process.ask(client, (), lambda progress: None).header)
    except (EndOfFrames, FrameError, OSError) as error:
        raise WorkFailed(f"the trainer died (exit code {process.end()}) while it made {client['trainer']}") from error
    except MLError as error:
        raise WorkFailed(str(error)) from error
    finally:
        process.kill()
        process.end()
