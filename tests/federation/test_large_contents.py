"""Jobs on models too large for memory: weights and sums lie in files, and the model is the same."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roundelay.chord.effects import Effect, Offload, Request, ask
from roundelay.chord.errors import Corrupt, NotFound, StoreFull
from roundelay.chord.refs import NodeRef
from roundelay.federation import (
    large_contents,
    partial_result,
    result_check,
    result_sums,
    round_coordinator,
    round_tasks,
    trained_round,
)
from roundelay.federation.errors import CannotDrive
from roundelay.federation.large_contents import fetch_content, own_content
from roundelay.federation.orders import Orders
from roundelay.federation.requests import Order, Progress, TrainingFile
from roundelay.federation.tasks import TrainTask
from roundelay.federation.topologies import tree_reduce
from roundelay.ml.sliced import Sliced
from roundelay.node.files import Spool
from roundelay.store import write_path
from roundelay.store.blobs import MemoryBuffer, digest_of
from roundelay.store.items import CONTENT_BYTES_MAX, Read
from roundelay.store.own_contents import Stage
from roundelay.store.packing import SUM_BYTES, WEIGHT_BYTES
from roundelay.store.staging import LARGE_BYTES_MIN
from roundelay.store.transfer import fetch_from, write
from tests.federation.inline_ring import InlineRing
from tests.federation.test_driver import IDS, RING, SETTINGS, Job, make_spec, reference

WIDE = replace(SETTINGS, hidden=(800, 800), rounds=2, epochs=1)  # its sum has more than LARGE_BYTES_MIN
CONTENT = bytes(range(256)) * (LARGE_BYTES_MIN // 256) + b"end"
DIGEST = digest_of(CONTENT)


class FullBuffer(MemoryBuffer):
    def place(self, offset: int, piece: bytes, /) -> None:
        raise StoreFull("no room for a content: No space left on device")


def test_the_sums_of_a_large_model_come_in_files_and_it_is_the_model_of_one_process() -> None:
    spec = make_spec(WIDE)
    job = Job(IDS[:3], spec)

    assert job.drive() == reference(spec)

    assert job.net.buffers  # of each node that has files, in each round
    assert min(job.net.buffers) > LARGE_BYTES_MIN


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"topology": "tree"},
        {"topology": "gossip"},
        {"rule": "fedadam"},
        {"rule": "fednova"},
        {"rule": "scaffold"},
        {"rule": "median"},
        {"compress": "int8"},
        {"keep": "best"},
    ],
    ids=lambda changes: " ".join(map(str, changes.values())) or "fedavg",
)
def test_weights_that_a_driver_keeps_in_files_are_those_that_it_keeps_in_memory(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec(replace(SETTINGS, **changes))
    expected = Job(IDS[:4], spec).drive()
    monkeypatch.setattr(large_contents, "LARGE_BYTES_MIN", 1)
    job = Job(IDS[:4], spec)
    job.net.open_buffer = lambda: Spool(tmp_path)

    assert job.drive() == expected
    assert job.net.buffers


def test_a_sum_is_in_the_buffer_that_it_is_given(tmp_path: Path) -> None:
    buffer, sums = Spool(tmp_path), [np.arange(9, dtype="<i8").tobytes(), np.ones(9, "<i8").tobytes()]

    added = result_sums.added(round_tasks.training_task(make_spec(), b""), sums, buffer)

    assert added is buffer
    assert added[:] == np.arange(1, 10, dtype="<i8").tobytes()


def test_a_large_content_is_fetched_piece_by_piece() -> None:
    net = InlineRing(IDS[:2], RING)
    net.run(write(net.entry, DIGEST, CONTENT))

    found = net.run(fetch_content(net.entry, DIGEST, len(CONTENT)))

    assert found[: len(CONTENT)] == CONTENT
    assert net.buffers == [len(CONTENT)]


def test_a_content_that_is_read_into_memory_is_there_once() -> None:
    net = InlineRing(IDS[:2], RING)
    net.run(write(net.entry, DIGEST, CONTENT))
    tracemalloc.start()

    found = net.run(fetch_from(net.entry, DIGEST, len(CONTENT)))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == CONTENT
    assert peak < 1.5 * len(CONTENT)


def test_a_large_content_that_is_not_what_its_digest_says_is_refused() -> None:
    net = InlineRing(IDS[:2], RING)
    net.run(ask(net.entry, Stage("0" * 64, CONTENT)))  # the sender's word is taken

    with pytest.raises(NotFound, match="do not have digest 00000000"):
        net.run(fetch_content(net.entry, "0" * 64, len(CONTENT)))
    with pytest.raises(Corrupt, match="announced as 00000000"):
        net.run(own_content(net.entry, "0" * 64, len(CONTENT)))


def test_a_nodes_own_large_content_is_neither_copied_nor_sent() -> None:
    net, reads = InlineRing(IDS[:2], RING), list[Request[Any]]()
    net.run(ask(net.entry, Stage(DIGEST, CONTENT)))

    def note(node: NodeRef, request: Request[Any]) -> None:
        reads.extend([request] if isinstance(request, Read) else [])

    net.before_answer = note

    assert net.run(own_content(net.entry, DIGEST, len(CONTENT))) is CONTENT
    assert not reads


def test_a_tree_adds_large_sums_in_files_and_it_is_the_model_of_a_star() -> None:
    spec = make_spec(replace(WIDE, topology="tree"))
    job = Job(IDS[:4], spec)

    assert job.drive() == reference(spec)

    assert any(report.passed_on for _, report in job.rounds)
    assert min(job.net.buffers) > LARGE_BYTES_MIN


def test_a_node_of_a_tree_copies_the_sums_of_its_children_and_not_its_own() -> None:
    job = Job(IDS[:4], make_spec(replace(WIDE, rounds=1, topology="tree")))
    job.drive()

    orders = [order for member in job.net.members.values() for order in member.orders._orders.values()]
    adders = [order for order in orders if order.shares and isinstance(order.task, TrainTask)]
    [(_, report)] = job.rounds
    collected = report.passed_on + 1  # by the node above, or by the driver
    assert len(job.net.buffers) == collected + len(adders)


def test_a_driver_without_room_for_a_sum_blames_no_node() -> None:
    job = Job(IDS[:3], make_spec(WIDE))
    job.net.open_buffer = FullBuffer

    with pytest.raises(CannotDrive, match=r"No space left on device: \d+ MB .* that TMPDIR names"):
        job.drive()

    job.net.open_buffer = MemoryBuffer
    assert job.drive() == reference(job.spec)  # another driver, which has room
    assert not [line for _, report in job.rounds for line in report.disturbances]


def test_a_content_of_another_size_than_an_order_says_is_not_used() -> None:
    net = InlineRing(IDS[:2], RING)
    net.run(ask(net.entry, Stage(DIGEST, CONTENT)))

    with pytest.raises(NotFound, match=f"has {len(CONTENT)} bytes here, not {LARGE_BYTES_MIN}"):
        net.run(own_content(net.entry, DIGEST, LARGE_BYTES_MIN))


def test_a_node_that_answers_a_read_as_if_it_were_full_stops_no_driver() -> None:
    net = InlineRing(IDS[:2], RING)
    net.run(write(net.entry, DIGEST, CONTENT))

    def refuse(_: NodeRef, request: Request[Any]) -> None:
        if isinstance(request, Read):
            raise StoreFull("no room")

    net.before_answer = refuse

    with pytest.raises(NotFound, match="answers a read with: no room"):
        net.run(fetch_content(net.entry, DIGEST, len(CONTENT)))


def test_a_node_of_a_tree_without_room_for_a_sum_blames_no_node() -> None:
    spec = make_spec(replace(WIDE, topology="tree"))
    job, left = Job(IDS[:4], spec), [FullBuffer]
    job.net.open_buffer = lambda: left.pop()() if left else MemoryBuffer()

    assert job.drive() == reference(spec)

    assert not left
    assert not [line for _, report in job.rounds for line in report.disturbances]


def test_a_tree_has_room_for_the_sum_of_the_gradients_and_for_no_more() -> None:
    job = Job(IDS[:4], make_spec(replace(WIDE, topology="tree", rule="scaffold")))

    sum_bytes = 2 * SUM_BYTES * (len(job.drive()) // WEIGHT_BYTES)

    assert job.net.buffers.count(sum_bytes) > 1  # of a node that adds, in each round
    assert max(job.net.buffers) < sum_bytes + LARGE_BYTES_MIN


@pytest.mark.parametrize("topology", ["star", "tree"])
def test_a_sum_is_checked_while_others_use_the_node(topology: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(IDS[:4], make_spec(replace(SETTINGS, topology=topology)))
    performed = note_effects(job, monkeypatch)

    def check(order: Order, files: Sequence[TrainingFile], result: Sliced) -> None:
        assert isinstance(performed[-1], Offload)
        result_check.check_result(order, files, result)

    for module in (partial_result, tree_reduce):
        monkeypatch.setattr(module, "check_result", check)

    assert job.drive() == reference(job.spec)


@pytest.mark.parametrize("settings", [{}, {"rule": "scaffold"}], ids=str)
def test_weights_are_made_and_hashed_while_others_use_the_node(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(IDS[:4], make_spec(replace(SETTINGS, rounds=2, epochs=1, hidden=(1000,), **settings)))
    performed = note_effects(job, monkeypatch)
    weights_bytes = len(trained_round.first_weights(job.spec))  # more than of any other record

    def offloaded(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(given: Any) -> Any:
            if not isinstance(given, bytes) or len(given) >= weights_bytes:
                assert performed and isinstance(performed[-1], Offload)
            return function(given)

        return call

    for module in (trained_round, round_coordinator, write_path):
        monkeypatch.setattr(module, "digest_of", offloaded(digest_of))
    monkeypatch.setattr(trained_round, "first_weights", offloaded(trained_round.first_weights))

    job.drive()

    assert len(job.rounds) == job.spec.settings.rounds


def note_effects(job: Job, monkeypatch: pytest.MonkeyPatch) -> list[Effect]:
    """Return the effects that are being performed, the innermost last."""
    performed, perform = list[Effect](), job.net._perform

    def note(effect: Effect) -> Any:
        performed.append(effect)
        try:
            return perform(effect)
        finally:
            performed.pop()

    monkeypatch.setattr(job.net, "_perform", note)
    return performed


@pytest.mark.parametrize(("topology", "told"), [("star", "{} is excluded: "), ("tree", "lost {}: ")])
def test_a_result_that_is_said_to_be_larger_than_its_order_allows_is_not_read(topology: str, told: str) -> None:
    job = Job(IDS[:3], make_spec(replace(SETTINGS, rounds=1, topology=topology)))

    def exaggerate(orders: Orders) -> None:
        honest = orders.progress

        def progress(ticket: str) -> Progress:
            found, order = honest(ticket), orders._orders[ticket]
            is_sum = found.state == "done" and isinstance(order.task, TrainTask) and not order.shares
            return replace(found, content=b"", size_bytes=CONTENT_BYTES_MAX) if is_sum else found

        orders.progress = progress  # type: ignore[method-assign]

    owner = RING.key(job.spec.files[0].name)
    liar = min(job.net.members, key=lambda node: RING.distance(owner, node.id))
    exaggerate(job.net.members[liar].orders)

    assert job.drive() == reference(job.spec)

    assert not job.net.buffers
    line = f"{told.format(liar.address)}not the result of an honest trainer: {CONTENT_BYTES_MAX} bytes"
    assert [each for each in job.rounds[0][1].disturbances if each.startswith(line)], job.rounds[0][1].disturbances
