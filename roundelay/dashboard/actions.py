"""What the page may set in motion. Every refusal is an ActionRefused with a line for people."""

from __future__ import annotations

import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from roundelay.chord.errors import ChordError
from roundelay.chord.lookup import Route, find_successor
from roundelay.chord.refs import Address
from roundelay.cli import exits, train
from roundelay.cli.connection import Connection
from roundelay.cli.job_input import make_spec, read_data
from roundelay.cli.lookup import timed
from roundelay.cli.report import JobReport, measured, model_of
from roundelay.cli.screen import Screen
from roundelay.cli.training import publish
from roundelay.dashboard.form import data_words, settings_of
from roundelay.dashboard.model import NodeState, RingState
from roundelay.dashboard.watcher import Watcher
from roundelay.federation import jobs, records
from roundelay.federation.errors import FederationError
from roundelay.federation.snapshot import JobSnapshot
from roundelay.ml.errors import MLError
from roundelay.ml.metrics import Metrics
from roundelay.ml.readers import content as contents
from roundelay.ml.readers.saved_model import load, save
from roundelay.node.errors import LocalRingFailed
from roundelay.node.lab import Lab
from roundelay.node.runtime import Runtime, Stopped
from roundelay.store.names import check_name
from roundelay.store.read_path import get

R = TypeVar("R")

CANCEL_TRIES = 3
FAULTS = (ChordError, FederationError, MLError, LocalRingFailed, exits.Exit, OSError, Stopped, ValueError)


class ActionRefused(Exception):
    """It was not done, for the reason given."""


@dataclass(frozen=True)
class Wanted:
    """A filled training form. Paths are taken from the page's data folder, and stay inside."""

    data: str
    validation: str
    init: str
    typed: Mapping[str, str | bool]
    reading: Mapping[str, str | bool] = field(default_factory=dict)  # how the data are read


@dataclass(frozen=True)
class Found:
    """A lookup that was made, and the milliseconds that each of its questions took."""

    name: str
    route: Route
    times_ms: tuple[float, ...]


class Actions:
    """All of them wait for the ring: they are for a thread of their own."""

    def __init__(
        self,
        runtime: Runtime,
        watcher: Watcher,
        node_list: Path,
        data: Path,
        read_only: bool,
        bootstrap: Address | None = None,
    ) -> None:
        self.data = data.resolve()
        self.read_only = read_only
        self._runtime = runtime
        self._watcher = watcher
        self._chosen = Namespace(supernode=watcher.picture.supernode, nodes=node_list, bootstrap=bootstrap)
        self._launching = threading.Lock()

    # --- jobs

    def launch(self, wanted: Wanted) -> str:
        """Store the files and the job, which the ring then drives; returns its id."""
        self._require_writable()
        if not self._launching.acquire(blocking=False):
            raise ActionRefused("another launch is going on: one at a time")
        try:
            return self._do(lambda: self._launch(wanted))
        finally:
            self._launching.release()

    def cancel(self, job: str) -> str:
        """End a job, and return its id; what it has made so far stays."""
        self._require_writable()
        version = time.time_ns()
        self._do(
            lambda: self._access().ask(
                lambda entry: jobs.put_record(
                    entry.node, entry.ring, job, records.CANCELLED, b"by the dashboard", version
                ),
                CANCEL_TRIES,
            )
        )
        return job

    def model(self, job: str) -> bytes:
        """The model that a job has made so far, as a file (.npz)."""
        sighting = self._watcher.picture.job(job)
        if sighting is None or not sighting.rounds_done:
            raise ActionRefused("this job has made no model yet")
        return self._do(lambda: _file_of(self._made(sighting)))

    def metrics(self, job: str) -> Metrics:
        """How the model that a job has made so far does on the job's validation file, class by class."""
        sighting = self._watcher.picture.job(job)
        if sighting is None or not sighting.rounds_done:
            raise ActionRefused("this job has made no model yet")
        return self._do(lambda: self._measure(sighting))

    # --- looking

    def look_up(self, name: str, start: NodeState | None) -> Found:
        """The way to a name's key, from this node or any."""
        times_ms: list[float] = []

        def look() -> Found:
            check_name(name)
            entry = self._access().entry()
            node, ring = (start.ref, start.status.ring) if start is not None else (entry.node, entry.ring)
            walk = timed(find_successor(node, ring.key(name)), time.perf_counter, times_ms)
            return Found(name, self._runtime.run(walk), tuple(times_ms))

        return self._do(look)

    # --- helpers

    def _launch(self, wanted: Wanted) -> str:
        settings = settings_of(wanted.typed)
        chosen = train.parser([]).parse_args([*data_words(wanted.reading), *self._paths(wanted)])
        initial = load(self._inside(wanted.init)) if wanted.init.strip() else None
        with ExitStack() as stack:
            given = read_data(chosen, settings.seed, stack, lambda done, total: None)
            spec = make_spec(settings, given, initial, detached=True)
            publish(self._access(), spec, given, initial)
        return spec.job

    def _paths(self, wanted: Wanted) -> list[str]:
        """The data and, if they are named, those to validate on."""
        data, validation = self._inside(wanted.data), wanted.validation.strip()
        if Path(validation).is_absolute() or ".." in Path(validation).parts:
            raise ActionRefused("the validation data are named as they are called inside the folder")
        folder = data.parent if data.is_file() else data
        return [str(data), *([str(self._inside(str(folder / validation)))] if validation else [])]

    def _made(self, sighting: JobSnapshot) -> JobReport:
        """What a job has come to, with its latest weights."""
        last, moments = sighting.results[-1], bytes.fromhex(sighting.results[0].moments)
        weights = self._access().ask(lambda entry: jobs.read_weights(entry.node, entry.ring, last), CANCEL_TRIES)
        return JobReport(sighting.spec, 0, weights=weights, moments=moments)

    def _measure(self, sighting: JobSnapshot) -> Metrics:
        spec, file = sighting.spec, sighting.spec.validation
        content = self._access().ask(
            lambda entry: get(entry.node, entry.ring, entry.ring.key(file.name), file.name, file.digest), CANCEL_TRIES
        )
        return measured(self._made(sighting), contents.parse(file.name, content, spec.features, spec.classes))

    def _inside(self, typed: str) -> Path:
        """A path below the data folder, wherever links may lead."""
        path = (self.data / typed.strip()).resolve()
        if not path.is_relative_to(self.data):
            raise ActionRefused(f"{typed[:80]} is outside of {self.data}, the folder of this page (--data)")
        return path

    def _access(self) -> Connection:
        return Connection(self._runtime, self._chosen, Screen(json_only=True))

    def _require_writable(self) -> None:
        if self.read_only:
            raise ActionRefused("this page is read-only")

    def _do(self, what: Callable[[], R]) -> R:
        try:
            return what()
        except FAULTS as error:
            raise ActionRefused(str(error)) from error


class LabActions:
    """What may be done to the page's own ring."""

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
        """In two, every other node to one side: each side then has a copy of most files."""
        one, other = sides(self._watcher.picture)
        if not one or not other:
            raise ActionRefused("one node cannot be cut in two")
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


def sides(picture: RingState) -> tuple[list[Address], list[Address]]:
    """The ring in two: its nodes by turns."""
    addresses = [sight.ref.address for sight in picture.nodes]
    return addresses[::2], addresses[1::2]


def _file_of(report: JobReport) -> bytes:
    with tempfile.TemporaryDirectory(prefix="roundelay-") as folder:
        path = Path(folder) / "model.npz"
        save(path, model_of(report))
        return path.read_bytes()
