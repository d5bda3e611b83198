"""Private data: a folder whose files never leave this node, and are read only by its own trainer.

They are not in the store, so that no request from outside can reach them. The folder may hold data in any format that
`client.py train` reads; the trainer process finds and reads them, so that the node itself never parses a file.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from roundelay.chord.errors import NotFound
from roundelay.federation.errors import BadPolicy
from roundelay.federation.private_data import PrivateFile
from roundelay.federation.site_gate import SiteGate
from roundelay.federation.site_policy import SitePolicy, SitePolicyInForce, policy_from_toml
from roundelay.ml.answers import SurveyedPart
from roundelay.ml.errors import EndOfFrames, FrameError
from roundelay.ml.frames import Header
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.node.errors import PrivateFolderError
from roundelay.node.options import PRIVATE_NAME
from roundelay.node.trainer_process import Survey, Surveyed, TrainerProcess
from roundelay.store.items import Item
from roundelay.trust.identity import Identity

if TYPE_CHECKING:
    from roundelay.federation.masker import Masker  # needs the extra `secure`

Stamp = tuple[int, int, int]  # of a file: inode, size, and when it was last written
UNSEEN: Stamp = (-1, -1, -1)  # of a file that was not there yet
SURVEY_AGAIN_S = 60.0  # after a survey has found nothing that can be read
ADVICE = "start the node anew to publish the data as they are now"


class Private(Protocol):
    """Data of a node's own to train on, published under a name."""

    name: str
    kind: str  # of the data, or private_data.CLIENT
    files: tuple[PrivateFile, ...]
    limits: Limits  # of what is read

    def scan(self) -> None:
        """Read what is there. Called first."""

    def find(self, digest: str, survey: Survey) -> Header | None:
        """Return the request that adds one of these files to a trainer; None for any other digest.

        survey: finds what is in a folder now. Raises NotFound if the file is not what was published any more.
        """
        ...


@dataclass(frozen=True)
class _Compared:
    """A file as it was when its content was last compared with what was published."""

    stamps: tuple[Stamp | None, ...]  # of its paths
    is_unchanged: bool = True


class PrivateFolder:
    """A folder's data as they were at the start; a file that has changed since is not trained on."""

    def __init__(
        self,
        directory: Path,
        name: str = PRIVATE_NAME,
        log: Callable[[str], None] = lambda line: None,
        limits: Limits = DEFAULT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.limits = limits
        self._log = log
        self._clock = clock
        self.kind = ""
        self.files: tuple[PrivateFile, ...] = ()
        self._directory = directory.absolute()
        self._parts: dict[str, SurveyedPart] = {}  # by digest
        self._compared: dict[str, _Compared] = {}  # by digest
        self._failure: PrivateFolderError | None = None  # of the latest survey
        self._survey_at = 0.0  # not before, after a failure

    def scan(self) -> None:
        """Find the data in the folder. Raises PrivateFolderError."""
        before = {str(path): _stamp(path) for path in (self._directory, *self._directory.rglob("*"))}
        self.kind, parts, problem = _survey(self._directory, self.limits)
        if not parts:
            raise PrivateFolderError(f"{self._directory} holds no training file")
        if problem:
            self._log(f"private data: a job has to say how to read them: {problem}")
        self._parts = {part.digest: part for part in parts}
        for part in parts:  # a file that was written meanwhile is compared when it is asked for
            self._compared[part.digest] = _Compared(tuple([before.get(path, UNSEEN) for path in part.paths]))
        self.files = tuple(PrivateFile(part.name, part.digest, part.size_bytes, part.rows) for part in parts)

    def find(self, digest: str, survey: Survey) -> Header | None:
        """Return the request that adds one of its files to a trainer; None for any other digest.

        The content of a file that was written since is compared once. Raises NotFound if the file has changed; what
        `survey` raises when its process has ended.
        """
        part = self._parts.get(digest)
        if part is None:
            return None
        if self._compared[digest].stamps != _stamps(part):
            self._compare(part, survey)
        if not self._compared[digest].is_unchanged:
            raise NotFound(f"{part.name} has changed since it was published; {ADVICE}")
        return {"do": "add", "digest": digest, "path": str(self._directory), "name": part.name}

    def _compare(self, asked: SurveyedPart, survey: Survey) -> None:
        """Compare the contents of all files with what was published. Raises NotFound.

        A survey that fails is repeated after SURVEY_AGAIN_S; the reason, which may quote data, is for the site only.
        """
        if self._failure is None or self._clock() >= self._survey_at:
            before = {part.digest: _stamps(part) for part in self._parts.values()}  # a file may be written meanwhile
            try:
                found, self._failure = {part.digest for part in survey(self._directory)[1]}, None
                self._compared = {digest: _Compared(stamps, digest in found) for digest, stamps in before.items()}
            except PrivateFolderError as error:
                self._failure, self._survey_at = error, self._clock() + SURVEY_AGAIN_S
        if self._failure is not None:
            raise NotFound(f"{asked.name} cannot be compared with what was published; {ADVICE}") from self._failure


def _survey(directory: Path, limits: Limits = DEFAULT) -> Surveyed:
    """Have a process that then ends find the data in a folder. Raises PrivateFolderError."""
    process = TrainerProcess(limits)
    try:
        process.start()
        return process.survey(directory)
    except (EndOfFrames, FrameError, OSError) as error:
        code = process.end()
        raise PrivateFolderError(f"the process that reads {directory} has died (exit code {code})") from error
    finally:
        process.kill()
        process.end()


def _stamps(part: SurveyedPart) -> tuple[Stamp | None, ...]:
    return tuple([_stamp(path) for path in part.paths])


def _stamp(path: str | Path) -> Stamp | None:
    """Return what changes when a file is written; None if it is gone."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def open_masker() -> Masker | None:
    """Return what masks a site's updates in secure aggregation; None without the extra `secure`."""
    try:
        from roundelay.federation.masker import Masker
    except ImportError:
        return None
    return Masker(secrets.token_bytes(32), time.time_ns)


def open_gate(path: Path | None, private: Private, signer_of: Callable[[Item], Identity] | None) -> SiteGate:
    """Return the gate before private data, with the policy in a file or the default one. Raises OSError, BadPolicy."""
    policy = policy_from_toml(path.read_text()) if path is not None else SitePolicy()
    if policy.submitters and signer_of is None:
        raise BadPolicy("submitters: without --kit nobody is known by name")
    digests = frozenset(file.digest for file in private.files)
    return SiteGate(SitePolicyInForce(policy, time.monotonic), digests, signer_of, lambda: secrets.randbits(128))
