"""The actions of the page. Every refusal is an ActionRefused with a message of one line."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from roundelay.chord.errors import ChordError
from roundelay.chord.lookup import find_successor
from roundelay.chord.refs import Address
from roundelay.client.errors import ClientError
from roundelay.client.job import Job
from roundelay.client.lookup import LookupResult, timed
from roundelay.client.preparation import prepare
from roundelay.client.report import save_model
from roundelay.client.requests import TrainRequest
from roundelay.client.ring import Ring
from roundelay.dashboard.form import data_options_of, settings_of
from roundelay.dashboard.model import NodeState, RingState
from roundelay.dashboard.watcher import Watcher
from roundelay.federation.errors import FederationError
from roundelay.federation.snapshot import JobSnapshot
from roundelay.ml.errors import printable
from roundelay.ml.metrics import FitMetrics, Metrics
from roundelay.ml.plugins import KINDS, importable, installed, modules_of
from roundelay.node.errors import LocalRingFailed
from roundelay.node.lab import Lab
from roundelay.node.runtime import Stopped
from roundelay.store.names import check_name

R = TypeVar("R")

FAULTS = (ChordError, FederationError, ClientError, LocalRingFailed, OSError, Stopped, ValueError)


LINE_CHARACTERS_MAX = 1000  # of a refusal


class ActionRefused(Exception):
    """An action was refused; the message says why."""


@dataclass(frozen=True)
class Wanted:
    """A filled training form. Paths are taken from the page's data folder, and stay inside."""

    data: str
    validation: str
    init: str
    typed: Mapping[str, str | bool]
    reading: Mapping[str, str | bool] = field(default_factory=dict)  # how the data are read


class Actions:
    """All of them wait for the ring: call them from a thread of their own."""

    def __init__(self, ring: Ring, watcher: Watcher, data: Path, read_only: bool) -> None:
        self.data = data.resolve()
        self.read_only = read_only
        self._ring = ring
        self._watcher = watcher
        self._launching = threading.Lock()

    # --- jobs

    def launch(self, wanted: Wanted) -> str:
        """Store the files and the job, which the ring then drives; returns its id."""
        self._require_writable()
        if not self._launching.acquire(blocking=False):
            raise ActionRefused("another launch is in progress; try again when it has ended")
        try:
            return self._do(lambda: self._launch(wanted))
        finally:
            self._launching.release()

    def cancel(self, job: str) -> str:
        """End a job, and return its id; its rounds so far are kept."""
        self._require_writable()
        self._do(lambda: self._job(self._snapshot(job)).cancel(b"by the dashboard"))
        return job

    def model(self, job: str) -> bytes:
        """Return the model of a job's latest round, as a file (.npz)."""
        snapshot = self._with_model(job)
        return self._do(lambda: _file_of(self._job(snapshot), snapshot))

    def metrics(self, job: str) -> Metrics | FitMetrics:
        """Return the metrics of a job's latest model on its validation file."""
        snapshot = self._with_model(job)
        return self._do(lambda: self._job(snapshot).metrics(snapshot))

    # --- looking

    def look_up(self, name: str, start: NodeState | None) -> LookupResult:
        """Return the route to a name's key, from this node or any."""

        def look_up() -> LookupResult:
            check_name(name)
            if start is None:
                return self._ring.lookup(name)
            times_ms: list[float] = []
            ring = start.status.ring
            walk = timed(find_successor(start.ref, ring.key(name)), time.perf_counter, times_ms)
            return LookupResult(name, ring, self._ring.connection.runtime.run(walk), tuple(times_ms))

        return self._do(look_up)

    # --- helpers

    def _launch(self, wanted: Wanted) -> str:
        data, validation = self._paths(wanted)
        request = TrainRequest(
            data,
            validation,
            settings_of(wanted.typed),
            data_options_of(wanted.reading),
            self._inside(wanted.init) if wanted.init.strip() else None,
            detach=True,
        )
        _require_allowed(request.names)
        with prepare(request) as prepared:
            return self._ring.submit(prepared).id

    def _paths(self, wanted: Wanted) -> tuple[Path, Path | None]:
        """Return the paths of the data and, if given, of the validation data."""
        data, validation = self._inside(wanted.data), wanted.validation.strip()
        if Path(validation).is_absolute() or ".." in Path(validation).parts:
            raise ActionRefused("name the validation data by its path inside the data folder")
        folder = data.parent if data.is_file() else data
        return data, self._inside(str(folder / validation)) if validation else None

    def _snapshot(self, job: str) -> JobSnapshot:
        snapshot = self._watcher.ring_state.job(job)
        if snapshot is None:
            raise ActionRefused(f"this page knows no job {job[:8]}")
        return snapshot

    def _with_model(self, job: str) -> JobSnapshot:
        snapshot = self._snapshot(job)
        if not snapshot.rounds_done:
            raise ActionRefused("this job has no model yet")
        return snapshot

    def _job(self, snapshot: JobSnapshot) -> Job:
        return Job(self._ring.connection, snapshot.spec, len(self._watcher.ring_state.nodes))

    def _inside(self, typed: str) -> Path:
        """Return a path below the data folder, with links resolved. Raises ActionRefused."""
        try:
            path = (self.data / typed.strip()).resolve()
        except RuntimeError as error:  # before Python 3.13
            raise ActionRefused(f"{typed[:80]} is a symbolic link to itself") from error
        if not path.is_relative_to(self.data):
            raise ActionRefused(f"{typed[:80]} is outside {self.data}, the folder of this page (--data)")
        return path

    def _require_writable(self) -> None:
        if self.read_only:
            raise ActionRefused("this page is read-only")

    def _do(self, what: Callable[[], R]) -> R:
        try:
            return what()
        except FAULTS as error:
            raise ActionRefused(printable(str(error), LINE_CHARACTERS_MAX)) from error


def _require_allowed(names: Iterable[str]) -> None:
    """Raise ActionRefused for code that the page may not run: a command line names its own, a browser does not."""
    known = {*importable(), *modules_of(name for kind in KINDS for name in installed(kind).values())}
    for module in modules_of(names):
        if module not in known:
            raise ActionRefused(f"module {module} is not allowed on this page: start it with --plugins {module}")


class LabActions:
    """The actions on the lab's ring."""

    def __init__(self, lab: Lab, watcher: Watcher, read_only: bool) -> None:
        self.lab = lab
        self.far_side: tuple[Address, ...] = ()  # while the network is cut
        self._watcher = watcher
        self._read_only = read_only

    def add(self) -> None:
        self._do(self.lab.add)

    def kill(self, address: Address) -> None:
        self._do(lambda: self.lab.kill(address))

    def pause(self, address: Address) -> None:
        self._do(lambda: self.lab.pause(address))

    def resume(self, address: Address) -> None:
        self._do(lambda: self.lab.resume(address))

    def kill_supernode(self) -> None:
        self._do(self.lab.kill_supernode)

    def start_supernode(self) -> None:
        self._do(self.lab.start_supernode)

    def cut(self) -> None:
        """Partition the ring, nodes alternating between the sides: each side then has a copy of most files."""
        one, other = sides(self._watcher.ring_state)
        if not one or not other:
            raise ActionRefused("a partition needs at least two nodes")
        self._do(lambda: self.lab.cut(one, other))
        self.far_side = tuple(other)

    def heal(self) -> None:
        self._do(self.lab.heal)
        self.far_side = ()

    def _do(self, what: Callable[[], object]) -> None:
        if self._read_only:
            raise ActionRefused("this page is read-only")
        try:
            what()
        except FAULTS as error:
            raise ActionRefused(str(error)) from error


def sides(ring_state: RingState) -> tuple[list[Address], list[Address]]:
    """Return the two sides of a partition, to which nodes belong alternately."""
    addresses = [member.ref.address for member in ring_state.nodes]
    return addresses[::2], addresses[1::2]


def _file_of(job: Job, snapshot: JobSnapshot) -> bytes:
    with tempfile.TemporaryDirectory(prefix="roundelay-") as folder:
        path = Path(folder) / "model.npz"
        save_model(path, job.model(snapshot))
        return path.read_bytes()
