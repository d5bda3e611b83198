"""What takes long with a node's store is computed without the lock, while other threads use the store."""

from __future__ import annotations

import random
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from roundelay.chord.dispatch import dispatch
from roundelay.chord.effects import Request
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetStatus, Status
from roundelay.federation import job_lister, records
from roundelay.federation.effects import Clocks
from roundelay.federation.job_lister import JobLister
from roundelay.federation.node_core import Surroundings, assemble
from roundelay.federation.requests import ListJob
from roundelay.node.participant import ComputeNodeOptions, Participant
from roundelay.store import blobs, index
from roundelay.store import store as stores
from roundelay.store.blobs import digest_of
from roundelay.store.delta import delta_bytes
from roundelay.store.items import CollectGarbage, GetRangeDigest, ListRange, Read, WriteDelta
from roundelay.store.write_path import record
from tests.federation.test_snapshot import RING, SPEC

TIMEOUT_S = 5.0
BASE = bytes(4000)
DELTA = struct.pack("<q", 1).ljust(delta_bytes(len(BASE)), b"\0")  # adds 1.0 to the first weight
NEXT = struct.pack("<f", 1.0).ljust(len(BASE), b"\0")
WRITE = WriteDelta(digest_of(NEXT), len(BASE), digest_of(BASE), DELTA)


@pytest.fixture
def node() -> Participant:
    made = Participant(ComputeNodeOptions(Address("127.0.0.1", 0), "127.0.0.1", None), lambda line: None)
    content = SPEC.to_bytes()
    made.store.stage(digest_of(BASE), BASE)
    made.store.put(record(RING.key(SPEC.job), records.record_name(SPEC.job, records.SPEC), content, 1).item, content)
    return made


@pytest.mark.parametrize(
    ("request_", "module", "function"),
    [
        (WRITE, stores, "apply_delta"),
        (ListJob(SPEC.job), job_lister, "spec_of"),
        (GetRangeDigest(0, 0), index, "_item_digest"),
        (ListRange(0, 0), index, "_copied_first"),
        (CollectGarbage(), blobs, "verify_digest"),
    ],
)
def test_the_store_answers_while_another_request_computes(
    node: Participant, monkeypatch: pytest.MonkeyPatch, request_: Request[Any], module: Any, function: str
) -> None:
    computing, has_answered, overlapped = threading.Event(), threading.Event(), list[bool]()
    plain: Callable[..., Any] = getattr(module, function)

    def computed(*given: Any) -> Any:
        computing.set()
        overlapped.append(has_answered.wait(TIMEOUT_S))
        return plain(*given)

    monkeypatch.setattr(module, function, computed)
    handlers = {**node.store.handlers(), ListJob: JobLister(RING, node.store).answer}
    answers = list[Any]()
    thread = threading.Thread(target=lambda: answers.append(_answer(node, handlers, request_)))
    thread.start()
    assert computing.wait(TIMEOUT_S)
    piece = node._answer_from_store(handlers, Read(digest_of(BASE), 0, 8))
    has_answered.set()
    thread.join()

    assert (piece, overlapped) == (BASE[:8], [True])
    assert answers and not isinstance(answers[0], Exception)


def test_items_are_listed_while_another_request_holds_the_store(node: Participant) -> None:
    handlers, listed = node.store.handlers(), list[Any]()
    requests: list[Request[Any]] = [GetRangeDigest(0, 0), ListRange(0, 0)]

    with node.store.lock:
        listing = threading.Thread(target=lambda: listed.extend(_answer(node, handlers, each) for each in requests))
        listing.start()
        listing.join(TIMEOUT_S)
        is_answered = not listing.is_alive()
    listing.join()

    assert is_answered
    digest, [item] = listed
    assert digest.count == 1 and item.entry.name == records.record_name(SPEC.job, records.SPEC)


def _answer(node: Participant, handlers: Any, request: Request[Any]) -> Any:
    try:
        return node._answer_from_store(handlers, request)
    except Exception as error:
        return error


def test_a_node_says_how_it_is_while_its_store_writes_a_large_content(node: Participant) -> None:
    place = ChordNode(NodeRef(1, "127.0.0.1", 1), RING)
    clocks = Clocks(time.monotonic, time.time_ns)
    surroundings = Surroundings(clocks, random.Random, lambda line: None, lambda *_: None, None, lambda: ())
    handlers, told = assemble(place, node.store, node.orders, surroundings).handlers, list[Status]()

    with node.store.lock:
        asking = threading.Thread(target=lambda: told.append(dispatch(handlers, GetStatus())))
        asking.start()
        asking.join(TIMEOUT_S)
        is_answered = not asking.is_alive()
    asking.join()

    assert is_answered
    assert told[0].names == (records.record_name(SPEC.job, records.SPEC),)
