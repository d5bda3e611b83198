"""A ring, as its clients see it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from roundelay.chord.crawl import crawl_status, list_members
from roundelay.chord.lookup import find_successor
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Status
from roundelay.client import health
from roundelay.client.connection import Connection, client_runtime
from roundelay.client.error_translation import translated_errors
from roundelay.client.errors import ClientError, RingUnavailable
from roundelay.client.health import RingCheck
from roundelay.client.job import Job
from roundelay.client.job_runner import read_job
from roundelay.client.local import allow_model, begin_ring
from roundelay.client.lookup import LookupResult, timed
from roundelay.client.preparation import PreparedRequest, prepare
from roundelay.client.progress import SILENT, Progress
from roundelay.client.publication import publish
from roundelay.client.requests import RingAddress, TrainRequest
from roundelay.federation.listing import ListedJob, list_latest
from roundelay.ml.readers.saved_model import SavedModel, load
from roundelay.node.addresses import parse_address
from roundelay.node.options import DEFAULT_FILE, SUPERNODE_PORT

JOBS_MAX = 20  # that a listing shows
STOP_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class JobSummary:
    """One job of a listing."""

    job: str
    state: str  # waiting, running, done, failed, cancelled; diverged or unreadable
    round: int
    rounds: int
    validation_error: float | None  # of the round whose model is kept
    driver: str
    reason: str


class Ring:
    """A connection to a ring. Close it, or use it as a context manager."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._stack = ExitStack()

    def own(self, resource: AbstractContextManager[object]) -> None:
        """Release a resource when this ring is closed."""
        self._stack.push(resource)

    def submit(self, request: TrainRequest | PreparedRequest) -> Job:
        """Store the files and publish the job; unless the request detaches it, drive it from here.

        Raises ClientError.
        """
        prepared = request if isinstance(request, PreparedRequest) else prepare(request, self.connection.progress)
        self.own(prepared)
        with translated_errors():
            spec, data = prepared.find_job(self.connection)
            publish(self.connection, spec, data, prepared.initial)
            job = Job(self.connection, spec, self.size(), data.validation_samples, prepared.close)
        if not prepared.request.detach:
            job.drive()
        return job

    def job(self, job: str) -> Job:
        """Return a job of the ring by its id. Raises JobFailed."""
        with translated_errors():
            return Job(self.connection, read_job(self.connection, job).spec, self.size())

    def jobs(self) -> list[JobSummary]:
        """List the latest jobs, oldest first. Raises RingUnavailable."""
        with translated_errors(RingUnavailable, "the jobs could not be read: "):
            found = self.connection.ask_known(lambda known: list_latest(known.members, known.ring, JOBS_MAX))
        return [_summary_of(job) for job in found]

    def status(self) -> Sequence[Status]:
        """Return the status of every node, in the order of identifiers. Raises RingUnavailable."""
        with translated_errors(RingUnavailable, "the ring could not be crawled: "):
            return self.connection.ask_known(lambda known: crawl_status(known.members))

    def round_trip_s(self, node: NodeRef) -> float | None:
        """Return the measured round trip from here to a node; None if it has answered nothing yet."""
        return self.connection.runtime.peers.round_trip_s(node.address)

    def check(self) -> RingCheck:
        """Evaluate the predicates of a correct Chord ring on live nodes. Raises RingUnavailable."""
        supernode, _ = self.connection.address.entry_points()
        with translated_errors(RingUnavailable, "the ring could not be crawled: "):
            return self.connection.ask(lambda entry: health.check(entry, supernode), tries=1)

    def lookup(self, name: str) -> LookupResult:
        """Find the node that owns a name. Raises RingUnavailable."""
        times_ms: list[float] = []
        with translated_errors(RingUnavailable, f"{name} could not be looked up: "):
            entry = self.connection.entry()
            walk = timed(find_successor(entry.node, entry.ring.key(name)), time.perf_counter, times_ms)
            route = self.connection.runtime.run(walk)
        return LookupResult(name, entry.ring, route, tuple(times_ms))

    def size(self) -> int:
        """Return the number of nodes. Raises ChordError."""
        return len(self.connection.ask(lambda entry: list_members(entry.node)))

    def close(self) -> None:
        """Stop driving jobs, and end a local ring. The ring goes on with jobs that have not finished."""
        self.connection.runtime.stop(STOP_TIMEOUT_S)
        self._stack.close()

    def __enter__(self) -> Ring:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


def connect(
    address: str | Address | RingAddress | None = None,
    *,
    bootstrap: str | Address | None = None,
    nodes: Path = DEFAULT_FILE,
    progress: Progress = SILENT,
) -> Ring:
    """Enter a ring through its supernode at `address`, or through any node at `bootstrap`.

    With neither, the node list says where the supernode is, else it is 127.0.0.1:9091. Raises RingUnavailable.
    """
    if not isinstance(address, RingAddress):
        address = RingAddress(_address(address, SUPERNODE_PORT), _address(bootstrap), nodes)
    ring = Ring(Connection(client_runtime(), address, progress))
    try:
        ring.connection.enter()
    except ClientError:
        ring.close()
        raise
    return ring


def local_ring(nodes: int = 4, *, model: str = "", progress: Progress = SILENT) -> Ring:
    """Start a ring of processes on this machine; closing it ends them. `model`: a MODULE:NAME that it may train.

    Raises RingUnavailable.
    """
    with translated_errors(), ExitStack() as stack:
        ring = begin_ring(nodes, stack, model).wait()
        connected = connect(RingAddress(ring.supernode, nodes=ring.node_list), progress=progress)
        connected.own(stack.pop_all())
        return connected


def load_model(path: str | Path) -> SavedModel:
    """Load a saved model (.npz or .safetensors). Raises InputNotFound, BadInput."""
    with translated_errors():
        model = load(Path(path))
        allow_model(model.design.model)
        return model


def _address(given: str | Address | None, default_port: int | None = None) -> Address | None:
    return parse_address(given, default_port) if isinstance(given, str) else given


def _summary_of(listed: ListedJob) -> JobSummary:
    if listed.spec is None:
        return JobSummary(listed.job, "diverged" if listed.diverged else "unreadable", 0, 0, None, "", listed.error)
    result, kept = listed.result, listed.kept
    return JobSummary(
        listed.job,
        listed.end or ("waiting" if result is None else "running"),
        result.round if result is not None else 0,
        listed.spec.settings.rounds,
        round(kept.error, 6) if kept is not None and kept.round else None,
        listed.report.driver if listed.report else "",
        listed.reason,
    )
