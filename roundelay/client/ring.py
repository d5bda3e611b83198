"""A ring, as its clients see it."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any

from roundelay.chord.crawl import crawl_status, list_members
from roundelay.chord.lookup import find_successor
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Status
from roundelay.chord.ring import Ring as RingParameters
from roundelay.client import health, private_data
from roundelay.client.callbacks import Callback, Metric, hooks_of
from roundelay.client.connection import Connection, client_runtime
from roundelay.client.error_translation import translated_errors
from roundelay.client.errors import ClientError, InputNotFound, InvalidRequest, RequestRefused, RingUnavailable
from roundelay.client.health import RingCheck
from roundelay.client.job import Job
from roundelay.client.job_runner import read_latest
from roundelay.client.job_summary import JobSummary
from roundelay.client.local import allow_names, begin_ring
from roundelay.client.local_objects import LocalObjects
from roundelay.client.lookup import LookupResult, timed
from roundelay.client.notebook import progress_here
from roundelay.client.preparation import PreparedRequest, prepare
from roundelay.client.progress import Progress
from roundelay.client.publication import publish
from roundelay.client.reader_options import reading_of
from roundelay.client.requests import DataOptions, RingAddress, TrainRequest
from roundelay.client.sites import Site, find_sites
from roundelay.client.train_arguments import PLUGIN_SETTINGS, make_request
from roundelay.federation.job_name import JOB_NAME
from roundelay.federation.jobs import LISTED_MAX, list_jobs
from roundelay.federation.listing import list_latest
from roundelay.federation.site_drain import set_drained
from roundelay.ml.choices import HIDE_BELOW_DEFAULT
from roundelay.ml.description import Description
from roundelay.ml.loaded_blas import limit_loaded_blas
from roundelay.ml.partitioners import Partitioner
from roundelay.ml.readers.saved_model import SavedModel, load
from roundelay.node.addresses import parse_address
from roundelay.node.options import DEFAULT_FILE, SUPERNODE_PORT

JOBS_MAX = 20  # that a listing shows
DRAIN_TRIES = 3
STOP_TIMEOUT_S = 1.0
VERIFYING_NODES_MIN = 3
LAST = "last"  # the job that was published last
ID_DIGITS = 64


class Ring:
    """A connection to a ring. Close it, or use it as a context manager; at the latest it is closed with the process."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._stack = ExitStack()
        self._close = weakref.finalize(self, _close, connection, self._stack)
        self._objects: LocalObjects | None = None  # of a local ring: the classes and functions of this program

    def __repr__(self) -> str:
        address = self.connection.address.supernode or self.connection.address.bootstrap
        return f"<Ring at {address or 'the address in the node list'}>"

    def __deepcopy__(self, _: object) -> Ring:
        """Return this ring: a connection has no copy, and scikit-learn copies what it is given."""
        return self

    def own(self, resource: AbstractContextManager[object]) -> None:
        """Release a resource when this ring is closed."""
        self._stack.push(resource)

    def train(
        self,
        data: Any = None,
        labels: Any = None,
        *,
        validation: Any = None,
        clients: int | None = None,
        partition: Partitioner | Sequence[Any] | str | None = None,
        init: str | PathLike[str] | SavedModel | None = None,
        callbacks: Sequence[Callback] = (),
        metrics: Mapping[str, Metric] | None = None,
        private: str = "",
        evaluate: str = "",
        detach: bool = False,
        **options: Any,
    ) -> Job:
        """Train a model on this ring, and return the job at once; `Job.rounds` and `Job.result` wait.

        `data` is an array or a DataFrame with `labels` (or the name of their column), a list of arrays with a list of
        labels, one for each client, or the path of a file or folder. `validation` is a pair (x, y) or a path; without
        it, a share `holdout` of the rows is held out. The rows are divided among `clients` by `partition`: a
        partitioner, the name of one, or the row numbers of each client. `options` are the settings of the job and of
        reading its data: rounds, epochs, hidden, eta, rule, seed, ... On a local ring, model, optimizer, loss,
        rule, placement and topology may be classes and functions of this program. Raises ClientError.
        """
        hooks = hooks_of(callbacks, metrics)
        for setting in PLUGIN_SETTINGS:
            made = options.get(setting, "")
            if isinstance(made, str):
                continue
            if self._objects is None:
                raise InvalidRequest(
                    f"{setting} is a Python object, which only a local ring can import: name MODULE:NAME"
                )
            options[setting] = self._objects.add(setting, made)
        request = make_request(data, labels, validation, clients, partition, init, detach, private, options, evaluate)
        if self._objects is not None and isinstance(request.settings, Mapping):
            self._objects.require(request.settings)
        return self.submit(request, hooks)

    def submit(self, request: TrainRequest | PreparedRequest, callbacks: Sequence[Callback] = ()) -> Job:
        """Store the files and publish the job; unless the request detaches it, drive it from here.

        Raises ClientError.
        """
        prepared = request if isinstance(request, PreparedRequest) else prepare(request, self.connection.progress)
        self.own(prepared)
        with translated_errors():
            spec, data = prepared.find_job(self.connection)
            if spec.settings.verify and (size := self.size()) < VERIFYING_NODES_MIN:
                raise RequestRefused(
                    f"--verify needs {VERIFYING_NODES_MIN} nodes, two to compare and one to settle a difference: "
                    f"this ring has {size}"
                )
            members = publish(self.connection, spec, data, prepared.initial)
            read = data.validation_samples if data.validation is not None else None
            job = Job(self.connection, spec, len(members), read, prepared.close, callbacks)
        job.keeps = self
        if not prepared.request.detach:
            job.drive(members, data.contents[data.validation.digest][:] if data.validation is not None else b"")
        return job

    def describe(
        self, private: str, options: DataOptions | None = None, hide_below: int = HIDE_BELOW_DEFAULT
    ) -> Description:
        """Return rows, means and deviations of the columns of private data. Raises ClientError."""
        options = options or DataOptions()
        options.require_own_limit()
        with translated_errors():
            reading = reading_of(options, 0)
            return private_data.describe(self.connection, private, reading, hide_below)

    def forget(self, job: Job, files: Sequence[str], *, detach: bool = False) -> Job:
        """Train the job that never had these files, from the same seed; its spec names `job`, whose records name it.

        Raises InvalidRequest, RequestRefused, JobFailed.
        """
        from roundelay.client.forgetting import publish_without

        with translated_errors():
            spec, data, members = publish_without(self.connection, job.snapshot(), files, detach)
        made = Job(self.connection, spec, len(members), data.validation_samples)
        made.keeps = self
        if not detach:
            made.drive(members)
        return made

    def job(self, job: str = LAST) -> Job:
        """Return a job of the ring by its name, its id, the first digits of it, or `last`.

        If another replaces it, that one is returned. Raises InputNotFound, InvalidRequest if several are meant,
        JobFailed.
        """
        with translated_errors():
            snapshot = read_latest(self.connection, self._full_id(job))
            found = Job(self.connection, snapshot.spec, self.size())
        found.keeps = self
        return found

    def jobs(self) -> list[JobSummary]:
        """List the latest jobs, oldest first. Raises RingUnavailable."""
        with translated_errors(RingUnavailable, "the jobs could not be read: "):
            found = self.connection.ask_known(lambda known: list_latest(known.members, known.ring, JOBS_MAX))
        return [JobSummary.of(job) for job in found]

    def sites(self, name: str = "") -> list[Site]:
        """List the sites with private data of a name, or of any. Raises InputNotFound, RingUnavailable."""
        statuses = self.status()
        with translated_errors(RingUnavailable, "the sites could not be read: "):
            jobs = self.connection.ask_known(lambda known: list_latest(known.members, known.ring, JOBS_MAX))
            return find_sites(self.connection, statuses, jobs, name)

    def drain(self, site: str, drained: bool = True, name: str = "") -> None:
        """Give a site no new orders, or, with drained=False, give it orders again.

        name: of its private data, if it has published under several. Raises InputNotFound, RequestRefused.
        """
        statuses = self.status()
        with translated_errors(RingUnavailable, "the sites could not be read: "):
            found = find_sites(self.connection, statuses, (), name, site)
        names = sorted({each.name for each in found if each.address == site})
        if len(names) != 1:
            known = f"publishes {', '.join(names)}: name one" if names else "publishes no private data here"
            raise InputNotFound(f"{site} {known}; python3 client.py sites  lists the sites")
        version = time.time_ns()
        with translated_errors(RequestRefused):
            self.connection.ask(
                lambda entry: set_drained(entry.node, entry.ring, names[0], site, drained, version), DRAIN_TRIES
            )

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
        return self._lookup(name, lambda ring: ring.key(name))

    def lookup_key(self, key: int | str) -> LookupResult:
        """Find the node that owns a key: a number, or digits as `status` shows them, of which the last may be missing.

        Raises InvalidRequest, RingUnavailable.
        """
        try:
            return self._lookup("", lambda ring: ring.parse(str(key)) if isinstance(key, str) else key % ring.size)
        except ValueError as error:
            raise InvalidRequest(str(error)) from error

    def size(self) -> int:
        """Return the number of nodes. Raises RingUnavailable."""
        with translated_errors(RingUnavailable, "the ring could not be crawled: "):
            return len(self.connection.ask(lambda entry: list_members(entry.node)))

    def _lookup(self, name: str, key_on: Callable[[RingParameters], int]) -> LookupResult:
        times_ms: list[float] = []
        with translated_errors(RingUnavailable, f"{name or 'the key'} could not be looked up: "):
            entry = self.connection.entry()
            walk = timed(find_successor(entry.node, key_on(entry.ring)), time.perf_counter, times_ms)
            route = self.connection.runtime.run(walk)
        return LookupResult(name, entry.ring, route, tuple(times_ms))

    def _full_id(self, given: str) -> str:
        """Return the id of the job that is meant. Raises InputNotFound, InvalidRequest, ChordError."""
        is_name = JOB_NAME.fullmatch(given) is not None
        if len(given) == ID_DIGITS and not is_name:
            return given
        ids = self.connection.ask(lambda entry: list_jobs(entry.node, entry.ring))
        found = ids[-1:] if given == LAST else [job for job in ids if job.startswith(given)]
        if not found:  # those that replace others are not among them
            latest = map(JobSummary.of, self.connection.ask_known(lambda k: list_latest(k.members, k.ring, LISTED_MAX)))
            if is_name:
                found = [each.job for each in latest if each.name == given and each.job in ids]
            else:
                found = [each.job for each in latest if each.job.startswith(given)]
        what = f"the name {given}" if is_name else f"an id that begins with {given}"
        if not found:
            missing = "has no jobs" if given == LAST else f"has no job with {what}"
            raise InputNotFound(f"this ring {missing}; python3 client.py jobs  lists the latest")
        if len(found) > 1:
            several = ", ".join(job[:12] for job in found[:4])
            raise InvalidRequest(f"{len(found)} jobs have {what}: {several}{', ...' * (len(found) > 4)}")
        return found[0]

    def close(self) -> None:
        """Stop driving jobs, and end a local ring. The ring goes on with jobs that have not finished."""
        self._close()

    def __enter__(self) -> Ring:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


def _close(connection: Connection, stack: ExitStack) -> None:
    """Stop what a ring started, once. It holds no reference to the ring, so that an unused ring is closed."""
    connection.runtime.stop(STOP_TIMEOUT_S)
    stack.close()


def connect(
    address: str | Address | RingAddress | None = None,
    *,
    bootstrap: str | Address | None = None,
    nodes: Path = DEFAULT_FILE,
    kit: Path | None = None,
    progress: Progress | None = None,
) -> Ring:
    """Enter a ring through its supernode at `address`, or through any node at `bootstrap`.

    With neither, the node list says where the supernode is, else it is 127.0.0.1:9091. kit: this client's certificate
    and key, where the ring is secured. Raises RingUnavailable, RequestRefused, BadInput.
    """
    if not isinstance(address, RingAddress):
        address = RingAddress(_address(address, SUPERNODE_PORT), _address(bootstrap), nodes, kit)
    limit_loaded_blas()
    ring = Ring(Connection(client_runtime(address.kit), address, progress or progress_here()))
    try:
        ring.connection.enter()
    except ClientError:
        ring.close()
        raise
    return ring


def local_ring(nodes: int = 4, *, plugins: Sequence[str] = (), progress: Progress | None = None) -> Ring:
    """Start a ring of processes on this machine; closing it ends them.

    plugins: what its jobs may name as MODULE:NAME, beside classes and functions of this program. Raises
    RingUnavailable.
    """
    with translated_errors(), ExitStack() as stack:
        objects = LocalObjects(plugins)
        ring = begin_ring(nodes, stack, plugins, objects.folder).wait()
        connected = connect(RingAddress(ring.supernode, nodes=ring.node_list), progress=progress)
        connected._objects = objects
        connected.own(stack.pop_all())
        return connected


def load_model(path: str | Path) -> SavedModel:
    """Load a saved model (.npz or .safetensors). Raises InputNotFound, BadInput."""
    with translated_errors():
        model = load(Path(path))
        allow_names([model.design.model])
        return model


def _address(given: str | Address | None, default_port: int | None = None) -> Address | None:
    return parse_address(given, default_port) if isinstance(given, str) else given
