"""The public API: what `roundelay` exports, on a local ring of real processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import roundelay
from roundelay.chord.errors import StoreFull
from roundelay.chord.refs import Address
from roundelay.chord.ring import Ring
from roundelay.client import connection
from roundelay.client.errors import InputNotFound, InvalidRequest, JobFailed, RequestRefused, RingUnavailable
from roundelay.federation import records
from roundelay.node.supernode import Supernode
from roundelay.store.blobs import MemoryBuffer
from tests.end_to_end.small_job import write_tiny
from tests.processes import ROOT

SETTINGS = {"rounds": 3, "epochs": 1, "hidden": (4,)}
HEAVY = ("numpy", "thrift", "rich", "argparse")


@pytest.fixture(scope="module")
def ring() -> Iterator[roundelay.Ring]:
    with roundelay.local_ring(2) as made:
        yield made


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_tiny(tmp_path)


def request(data: Path, **more: object) -> roundelay.TrainRequest:
    return roundelay.TrainRequest(data, "validate_letters.txt", SETTINGS, **more)  # type: ignore[arg-type]


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = f"import roundelay, sys; print([name for name in {HEAVY} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


OF_SKLEARN = ("FederatedClassifier", "FederatedRegressor")


def test_every_export_resolves() -> None:
    for name in sorted(roundelay.__all__, key=lambda name: name in OF_SKLEARN):
        if name in OF_SKLEARN:
            pytest.importorskip("sklearn", reason="scikit-learn is the extra sklearn")
        assert getattr(roundelay, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        roundelay.nonsense  # noqa: B018 - the access is the test


def test_a_job_yields_its_rounds_and_then_its_result(ring: roundelay.Ring, data: Path) -> None:
    job = ring.submit(request(data))

    rounds = list(job.rounds())
    report = job.result()

    assert [each.number for each in rounds] == [1, 2, 3]
    assert report.rounds == tuple(rounds)
    assert report.validation_error == rounds[-1].validation_error
    assert report.metrics is not None and report.metrics.rows > 0
    assert list(job.rounds()) == rounds, "a second reader sees them all again"


def test_the_model_can_be_saved_and_loaded(ring: roundelay.Ring, data: Path) -> None:
    model = ring.submit(request(data)).result().model
    roundelay.save_model(data / "model.npz", model)

    assert roundelay.load_model(data / "model.npz").sha256 == model.sha256


def test_a_detached_job_is_driven_by_the_ring_and_can_be_followed_by_its_id(ring: roundelay.Ring, data: Path) -> None:
    ours = ring.submit(request(data)).result()
    job = ring.submit(request(data, detach=True))

    found = ring.job(job.id)

    assert [each.number for each in found.rounds()] == [1, 2, 3]
    assert found.result().model.sha256 == ours.model.sha256
    assert found.model().sha256 == ours.model.sha256
    assert next(each.state for each in ring.jobs() if each.job == job.id) == records.DONE
    assert all(finding.holds for finding in found.audit(repeat=1))


def test_a_job_whose_steps_are_halved_is_trained_by_the_nodes_that_began_it(ring: roundelay.Ring, data: Path) -> None:
    wild = {**SETTINGS, "eta": 100.0, "halvings": 20}
    report = ring.submit(roundelay.TrainRequest(data, "validate_letters.txt", wild)).result()

    assert report.spec.repro == "bits"
    assert report.rounds[-1].result.halvings > 0


def test_a_client_without_room_for_a_sum_follows_the_job_that_the_ring_goes_on_with(
    ring: roundelay.Ring, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(MemoryBuffer):
        def place(self, offset: int, piece: bytes, /) -> None:
            raise StoreFull("no room for a content: no space left on device")

    opened: list[int] = []

    def buffer_for(size_bytes: int) -> MemoryBuffer:
        opened.append(size_bytes)
        return MemoryBuffer() if len(opened) <= 2 else Full()  # of two nodes, in the first round

    monkeypatch.setattr(connection, "buffer_for", buffer_for)
    wide = {**SETTINGS, "hidden": (800, 800)}
    job = ring.submit(roundelay.TrainRequest(data, "validate_letters.txt", wide))

    assert [each.number for each in job.rounds()] == [1, 2, 3]
    assert job.result().model.sha256
    assert len(opened) > 2


def test_a_cancelled_job_raises_where_it_is_watched(ring: roundelay.Ring, data: Path) -> None:
    long = roundelay.TrainRequest(data, "validate_letters.txt", {**SETTINGS, "rounds": 1500, "patience": 0})
    job = ring.submit(long)

    seen = next(iter(job.rounds()))
    job.cancel()

    assert seen.number == 1
    with pytest.raises(JobFailed, match="is cancelled"):
        job.result()
    with pytest.raises(RequestRefused, match="already cancelled"):
        job.cancel()


def test_a_ring_shows_its_nodes_and_looks_names_up(ring: roundelay.Ring) -> None:
    nodes = {status.node for status in ring.status()}
    found = ring.lookup("validate.txt")

    assert len(nodes) == ring.size() == 2
    assert found.route.owner in nodes
    assert ring.check().holds


def test_a_second_connection_enters_the_same_ring(ring: roundelay.Ring) -> None:
    address = ring.connection.address.supernode
    node = ring.status()[0].node.address

    for other in (roundelay.connect(str(address)), roundelay.connect(bootstrap=node)):
        with other:
            assert other.size() == 2


def test_a_connection_that_was_closed_says_so(ring: roundelay.Ring, data: Path) -> None:
    with roundelay.connect(str(ring.connection.address.supernode)) as other:
        pass

    for use in (other.status, other.jobs, other.size, lambda: other.lookup("a"), lambda: other.submit(request(data))):
        with pytest.raises(RingUnavailable, match="this connection to the ring is closed"):
            use()


def test_a_supernode_without_nodes_is_not_said_to_be_silent(tmp_path: Path) -> None:
    nodes = tmp_path / "nodes"
    alone = Supernode(Ring(), Address("127.0.0.1", 0), tmp_path / "journal", nodes, "balanced", (), lambda line: None)
    alone.start()
    try:
        with pytest.raises(RingUnavailable, match="no node has joined the ring of the supernode"):
            roundelay.connect(str(alone.address), nodes=nodes)
    finally:
        alone.stop()


def test_where_no_ring_is_connecting_fails(tmp_path: Path) -> None:
    with pytest.raises(RingUnavailable, match=r"the supernode at 127\.0\.0\.1:1 does not answer"):
        roundelay.connect("127.0.0.1:1", nodes=tmp_path / "none")


def test_what_is_wrong_with_a_request_is_said_before_the_ring_is_asked(ring: roundelay.Ring, data: Path) -> None:
    with pytest.raises(InvalidRequest, match="--rounds is 0"):
        ring.submit(roundelay.TrainRequest(data, settings={"rounds": 0}))
    with pytest.raises(InputNotFound, match="nowhere"):
        ring.submit(roundelay.TrainRequest(data / "nowhere"))
    with pytest.raises(InvalidRequest, match="no training data"):
        roundelay.TrainRequest()
    with pytest.raises(InvalidRequest, match="cannot be combined"):
        roundelay.RingAddress(ring.connection.address.supernode, ring.connection.address.supernode)
    assert issubclass(InvalidRequest, roundelay.ClientError)
