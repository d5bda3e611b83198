"""Tests of the contract: every request and answer arrives unchanged, and only declared errors come back."""

from __future__ import annotations

import gc
import inspect
import random
import re
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport import TSocket, TTransport

from roundelay.chord import errors, requests
from roundelay.chord.dispatch import Handlers, dispatch, ring_handlers
from roundelay.chord.effects import Ask, Request
from roundelay.chord.errors import ChordError, Malformed, PeerFault, WrongIncarnation
from roundelay.chord.node import ChordNode
from roundelay.chord.protocol import create
from roundelay.chord.refs import NodeRef
from roundelay.chord.registry import Registry
from roundelay.chord.requests import SayHello
from roundelay.chord.ring import Ring
from roundelay.federation.node_core import content_handlers
from roundelay.federation.orders import QUEUED_MAX, Orders
from roundelay.federation.requests import Order
from roundelay.federation.tasks import MixTask
from roundelay.rpc import fields, generate, ring_codec
from roundelay.rpc.calls import COMPUTE_NODE, SAY_HELLO, SUPERNODE
from roundelay.rpc.gen import ComputeNode, Supernode
from roundelay.rpc.gen import ttypes as wire_types
from roundelay.rpc.gen.ttypes import Target
from roundelay.rpc.handlers import Processor, compute_node_processor, supernode_processor
from roundelay.rpc.peers import Peers
from roundelay.rpc.server import Server
from roundelay.store.blobs import MemoryBlobs, digest_of
from roundelay.store.items import CollectGarbage, Release, Write
from roundelay.store.store import Store
from tests.rpc.wire_values import EFFORT, answer_of, values

CONTRACT = (Path(generate.ROOT) / "service.thrift").read_text()
TARGETED = sorted(COMPUTE_NODE, key=lambda kind: kind.__name__)
UNTARGETED: list[type[Request[Any]]] = [SayHello, *sorted(SUPERNODE, key=lambda kind: kind.__name__)]
CALLS = {**COMPUTE_NODE, **SUPERNODE, SayHello: SAY_HELLO}


class Process:
    """A process that answers every request with `reply`, or raises it, and remembers the request."""

    def __init__(self) -> None:
        self.heard: Request[Any] | None = None
        self.reply: Any = None

    def answer(self, request: Request[Any]) -> Any:
        self.heard = request
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


class Wire:
    """A compute node and a supernode that listen, and a client."""

    def __init__(self) -> None:
        self.process = Process()
        self.peers = Peers()
        self.node = NodeRef(1 << 150, "127.0.0.1", 0, 3)
        self.compute_node = Server(compute_node_processor(lambda: self.node, self.process.answer), "127.0.0.1")
        self.supernode = Server(supernode_processor(self.process.answer), "127.0.0.1")

    def start(self) -> None:
        self.compute_node.start()
        self.supernode.start()
        self.node = NodeRef(self.node.id, *self.compute_node.address, self.node.incarnation)

    def stop(self) -> None:
        self.peers.close()
        self.compute_node.stop()
        self.supernode.stop()

    def ask(self, request: Request[Any]) -> Any:
        address = NodeRef(0, *self.supernode.address).address
        return self.peers.ask(Ask(address if type(request) in SUPERNODE else self.node, request, timeout_s=20.0))


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    made = Wire()
    made.start()
    yield made
    made.stop()


# --- requests, answers and errors


@pytest.mark.parametrize("kind", [*TARGETED, *UNTARGETED])
@EFFORT
@given(data=st.data())
def test_a_request_arrives_equal_and_so_does_its_answer(
    kind: type[Request[Any]], wire: Wire, data: st.DataObject
) -> None:
    request = data.draw(values(kind))
    hint = answer_of(kind)
    wire.process.reply = data.draw(values(type(None) if hint is None else hint, "ticket"))

    assert wire.ask(request) == wire.process.reply
    heard = wire.process.heard
    assert (type(heard), vars(heard)) == (kind, vars(request))


def declared(kind: type[Request[Any]]) -> set[type[ChordError]]:
    """Return the errors that the compiled contract declares for a call."""
    module = Supernode if kind in SUPERNODE else ComputeNode
    spec = getattr(module, f"{CALLS[kind].method}_result").thrift_spec
    raised = [field[3][0] for field in spec[1:] if field is not None]
    known = {
        **ring_codec._DOMAIN_ERRORS,
        wire_types.WrongIncarnation: WrongIncarnation,
        wire_types.NotOwner: errors.NotOwner,
    }
    return {known[each] for each in raised}


@pytest.mark.parametrize("kind", [*TARGETED, *UNTARGETED])
def test_every_declared_error_arrives_with_its_own_type(kind: type[Request[Any]], wire: Wire) -> None:
    for error in declared(kind):
        names_node = error in (WrongIncarnation, errors.NotOwner)
        wire.process.reply = error(wire.node) if names_node else error("the words")

        with pytest.raises(error) as raised:
            wire.ask(example(kind))

        assert type(raised.value) is error
        if isinstance(raised.value, WrongIncarnation):
            assert raised.value.actual == wire.node
        elif isinstance(raised.value, errors.NotOwner):
            assert raised.value.nearer == wire.node
        else:
            assert "the words" in str(raised.value)


def example(kind: type[Request[Any]]) -> Request[Any]:
    """Return some request of this type."""
    found: list[Request[Any]] = []

    @settings(EFFORT, max_examples=1)
    @given(values(kind))
    def draw(request: Request[Any]) -> None:
        found.append(request)

    draw()
    return found[0]


@pytest.mark.parametrize("kind", TARGETED)
def test_a_request_to_an_earlier_incarnation_is_refused_before_it_is_handled(
    kind: type[Request[Any]], wire: Wire
) -> None:
    wire.process.heard = None
    earlier = NodeRef(wire.node.id, wire.node.host, wire.node.port, wire.node.incarnation - 1)

    with pytest.raises(WrongIncarnation) as raised:
        wire.peers.ask(Ask(earlier, example(kind), timeout_s=20.0))

    assert raised.value.actual == wire.node
    assert wire.process.heard is None


@pytest.mark.parametrize("kind", TARGETED)
@pytest.mark.parametrize("target", [None, Target(), Target(b"\1" * 3, 3), Target(bytes(20), 3)])
def test_a_malformed_target_is_answered_with_wrong_incarnation(
    kind: type[Request[Any]], target: Target | None, wire: Wire
) -> None:
    call = COMPUTE_NODE[kind]

    with pytest.raises(wire_types.WrongIncarnation):
        node_processor(wire).serve(call, (target, *call.arguments(example(kind))), True)


def node_processor(wire: Wire) -> Processor:
    return compute_node_processor(lambda: wire.node, wire.process.answer)


@pytest.mark.parametrize("kind", [k for k in (*TARGETED, *UNTARGETED) if Malformed in declared(k)])
def test_a_call_without_one_of_its_arguments_is_malformed(kind: type[Request[Any]], wire: Wire) -> None:
    call = CALLS[kind]
    processor = supernode_processor(wire.process.answer) if kind in SUPERNODE else node_processor(wire)
    me = [] if kind in SUPERNODE else [Target(fields.id_to_wire(wire.node.id), wire.node.incarnation)]
    arguments = call.arguments(example(kind))

    for missing in range(len(arguments)):
        with pytest.raises(wire_types.Malformed):
            incomplete = (None if i == missing else a for i, a in enumerate(arguments))
            processor.serve(call, (*me, *incomplete), bool(me))


def test_a_handler_that_fails_is_a_peer_fault_and_the_connection_stays_usable(wire: Wire) -> None:
    wire.process.reply = ZeroDivisionError("inside")
    with pytest.raises(PeerFault):
        wire.ask(requests.Nudge())

    wire.process.reply = None
    wire.ask(requests.Nudge())


def test_a_refused_message_is_freed_without_the_garbage_collector(wire: Wire) -> None:
    content = bytes(1 << 20)
    write = Write(digest_of(content), len(content), 0, content)

    def refuse(request: Request[Any]) -> None:
        raise Malformed("not this one")

    def write_times(times: int) -> None:
        for _ in range(times):
            with pytest.raises(Malformed):
                wire.peers.ask(Ask(node, write, timeout_s=20.0))

    with Server(compute_node_processor(lambda: node, refuse), "127.0.0.1") as server:
        node = NodeRef(1, *server.address, 1)
        write_times(8)  # until the server keeps as many buffers as it ever does
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            write_times(8)
            grown, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            gc.enable()

    assert grown < 4 * len(content)


@pytest.mark.parametrize("request_", [Release(), CollectGarbage()])
def test_a_local_request_cannot_be_sent(request_: Request[Any], wire: Wire) -> None:
    with pytest.raises(Malformed):
        wire.ask(request_)


def test_a_request_to_a_node_must_name_its_incarnation(wire: Wire) -> None:
    with pytest.raises(Malformed):
        wire.peers.ask(Ask(wire.node.address, requests.Nudge()))


# --- interoperation with generated clients and processors


def test_a_generated_client_over_thrifts_own_transport_is_answered(wire: Wire) -> None:
    wire.process.reply = requests.Neighbourhood(wire.node, (wire.node,) * 3)
    sock = TSocket.TSocket(*wire.compute_node.address)
    framed = TTransport.TFramedTransport(sock)
    client = ComputeNode.Client(TBinaryProtocol(framed))
    client._seqid = 7
    framed.open()

    answered = client.neighbours(Target(fields.id_to_wire(wire.node.id), wire.node.incarnation))
    with pytest.raises(wire_types.WrongIncarnation):
        client.neighbours(Target(bytes(20), 1))

    framed.close()
    assert ring_codec.neighbourhood_from_wire(answered) == wire.process.reply


def test_a_generated_processor_behind_our_server_answers_us(wire: Wire) -> None:
    class Node:
        def neighbours(self, target: Target) -> Any:
            if target.incarnation != wire.node.incarnation:
                raise wire_types.NotYet("not yet")
            return ring_codec.neighbourhood_to_wire(requests.Neighbourhood(wire.node, (wire.node,)))

    class Generated:
        processor = ComputeNode.Processor(Node())

        def process(self, messages: Any) -> None:
            self.processor.process(messages, messages)

    with Server(Generated(), "127.0.0.1") as server:
        there = NodeRef(wire.node.id, *server.address, wire.node.incarnation)
        found = wire.peers.ask(Ask(there, requests.GetNeighbours(), 20.0))
        with pytest.raises(errors.NotYet):
            wire.peers.ask(Ask(NodeRef(1, *server.address, 1), requests.GetNeighbours(), 20.0))
        with pytest.raises(PeerFault, match="failed inside"):
            wire.peers.ask(Ask(there, requests.Nudge(), 20.0))

    assert found.successors == (wire.node,)


def test_an_answer_to_another_call_is_a_peer_fault(wire: Wire) -> None:
    class Confused:
        def process(self, messages: Any) -> None:
            messages.readMessageBegin()
            method = COMPUTE_NODE[requests.Leaving].thrift
            messages.send(method.reply_begins, method.result(), method.result_spec, False)

    with Server(Confused(), "127.0.0.1") as server, pytest.raises(PeerFault, match="'leaving' answers nudge"):
        wire.peers.ask(Ask(NodeRef(1, *server.address, 1), requests.Nudge(), 20.0))


# --- handlers raise only declared errors


def states() -> list[tuple[str, Handlers]]:
    """Return the real handlers in every state that can make them raise."""
    me = NodeRef(5, "127.0.0.1", 8001)
    return [
        ("joined", handlers(me, joined=True)),
        ("not joined", handlers(me, joined=False)),
        ("full", handlers(me, joined=True, full=True)),
    ]


def handlers(me: NodeRef, joined: bool, full: bool = False) -> Handlers:
    node, orders = ChordNode(me, Ring()), Orders()
    if joined:
        create(node)
    store = Store(lambda: 0.0, MemoryBlobs(bytes_max=0) if full else None)
    store.handoff_complete = not full
    if full:
        for number in range(QUEUED_MAX):
            orders.accept(Order(f"job {number}", 1, (), MixTask(0)))
    membership = Registry(Ring(3), random.Random(0), lambda _: None)
    return {
        **ring_handlers(node),
        **content_handlers(node, store, orders),
        requests.Admit: lambda r: membership.admit(r.address, 0.0),
        requests.Heartbeat: lambda r: membership.renew(r.node, 0.0),
        requests.Retire: lambda r: membership.retire(r.node),
        requests.GetMembers: lambda _: membership.members(0.0),
    }


@pytest.mark.parametrize("kind", [k for k in (*TARGETED, *UNTARGETED) if k is not requests.GetStatus])
def test_a_handler_raises_only_the_errors_declared_for_its_call(kind: type[Request[Any]]) -> None:
    served = states()

    @EFFORT
    @given(values(kind))
    def raises_only_what_is_declared(request: Request[Any]) -> None:
        for state, handlers_then in served:
            try:
                dispatch(handlers_then, request)
            except ChordError as error:
                assert type(error) in declared(kind), f"{state}: {type(error).__name__} of {kind.__name__}"

    raises_only_what_is_declared()


# --- the contract


def calls_of(service: Any) -> set[str]:
    return {name for name, _ in inspect.getmembers(service.Iface, inspect.isfunction)}


def test_the_table_of_calls_holds_exactly_the_calls_of_the_contract() -> None:
    assert calls_of(ComputeNode) == {call.method for call in COMPUTE_NODE.values()} | {SAY_HELLO.method}
    assert calls_of(Supernode) == {call.method for call in SUPERNODE.values()}


def test_every_call_to_a_node_declares_not_yet_and_wrong_incarnation() -> None:
    assert all(errors.NotYet in declared(kind) and WrongIncarnation in declared(kind) for kind in TARGETED)


def test_arrays_never_travel_as_lists_of_numbers() -> None:
    found = re.findall(r"list\s*<\s*(?:double|i8|i16|i32|i64|byte)\s*>\s*(\w+)", CONTRACT)

    assert found == ["sizes", "shape"], "the few numbers of a model's design, and no others"


def test_no_call_answers_with_a_code() -> None:
    """Errors are exceptions: no call returns a bare number or a boolean, and no struct has a status field."""
    returned = re.findall(r"^\s*([\w<>]+)\s+\w+\(", CONTRACT, re.MULTILINE)
    fields = re.findall(r"^\s*\d+:\s*(?:required|optional)\s+\S+\s+(\w+)", CONTRACT, re.MULTILINE)

    assert returned
    assert not set(returned) & {"bool", "byte", "i8", "i16", "i32", "i64", "double"}
    assert not set(fields) & {"code", "error", "errno", "errcode", "ok", "success", "status"}


def test_every_call_struct_and_exception_has_a_doc_comment() -> None:
    lines = CONTRACT.splitlines()
    for number, line in enumerate(lines):
        if re.match(r"(struct|union|exception) \w+ {|  \S+ \w+\(", line):
            assert lines[number - 1].rstrip().endswith("*/"), f"no doc comment: {line.strip()}"


@pytest.mark.skipif(shutil.which("thrift") is None, reason="thrift-compiler is not installed")
def test_the_generated_code_is_fresh() -> None:
    assert generate.main(["--check"]) == 0
