"""Tests that every value survives the wire, and that the codec refuses a malformed one before a handler sees it."""

from __future__ import annotations

import copy
import inspect
import math
import typing
from collections.abc import Hashable
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thrift.Thrift import TType

from roundelay.chord import errors
from roundelay.chord.errors import ChordError, Malformed, OtherProtocol
from roundelay.chord.refs import NodeRef
from roundelay.federation.leaf_host import LEAVES_MAX
from roundelay.federation.requests import Order, Progress
from roundelay.federation.states import ORDER_STATES
from roundelay.rpc import fields, job_codec, ring_codec, store_codec
from roundelay.rpc.gen import ComputeNode
from roundelay.rpc.gen import ttypes as wire
from roundelay.rpc.gen.constants import PROTOCOL
from roundelay.store.items import CHUNK_BYTES, LIST_MAX
from tests.hypothesis_profiles import examples
from tests.rpc.codecs import PAIRS, STRUCTS, both, domain_values, through_bytes
from tests.rpc.wire_values import EFFORT, I64, values

ERRORS = (
    errors.Busy,
    errors.NotYet,
    errors.NotFound,
    errors.JoinRefused,
    errors.StoreFull,
    errors.Corrupt,
    errors.Malformed,
)
ME = NodeRef(7, "127.0.0.1", 8001, 2)


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair != "error"])
@EFFORT
@given(data=st.data())
def test_every_value_comes_back_equal(pair: str, data: st.DataObject) -> None:
    to_wire, from_wire = both(pair)
    value = data.draw(domain_values(pair))

    assert from_wire(through_bytes(to_wire(value))) == value


def test_a_node_that_is_not_the_owner_says_where_to_look() -> None:
    back = ring_codec.error_from_wire(through_bytes(ring_codec.error_to_wire(errors.NotOwner(ME))))

    assert isinstance(back, errors.NotOwner)
    assert back.nearer == ME


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_keeps_its_type_and_its_message(error: type[ChordError]) -> None:
    back = ring_codec.error_from_wire(through_bytes(ring_codec.error_to_wire(error("the words"))))

    assert type(back) is error
    assert str(back) == "the words"


def test_a_wrong_incarnation_carries_the_node_that_listens_now() -> None:
    back = ring_codec.error_from_wire(through_bytes(ring_codec.error_to_wire(errors.WrongIncarnation(ME))))

    assert isinstance(back, errors.WrongIncarnation)
    assert back.actual == ME


def test_every_exception_of_the_contract_has_a_domain_error() -> None:
    of_the_contract = {
        each
        for each in vars(wire).values()
        if inspect.isclass(each) and issubclass(each, Exception) and each.__module__ == wire.__name__
    }

    assert of_the_contract == set(ring_codec.WIRE_EXCEPTIONS)


def node(**changes: Any) -> wire.Node:
    return wire.Node(**{"id": bytes(20), "host": "h", "port": 1, "incarnation": 1} | changes)


def entry(**changes: Any) -> wire.Entry:
    return wire.Entry(**{"key": bytes(20), "name": "a", "digest": bytes(32), "size": 1} | changes)


def item(**changes: Any) -> wire.Item:
    return wire.Item(entry(**changes), 1, 1000, False)


@pytest.mark.parametrize(
    "parcels",
    [
        [],
        [wire.Parcel(item())] * (LIST_MAX + 1),
        [wire.Parcel(item(size=3), b"four")],
        [wire.Parcel(item(size=CHUNK_BYTES + 1), bytes(CHUNK_BYTES + 1))],
        [wire.Parcel(item(size=CHUNK_BYTES), bytes(CHUNK_BYTES)), wire.Parcel(item(size=1), b"1")],
    ],
    ids=["none", "too many", "another size", "too large", "too large together"],
)
def test_parcels_that_are_too_many_or_too_large_are_malformed(parcels: list[wire.Parcel]) -> None:
    with pytest.raises(errors.Malformed):
        store_codec.parcels_from_wire(parcels)


def order(**changes: Any) -> wire.Order:
    return wire.Order(**{"job": "j", "round": 1, "files": [], "task": train()} | changes)


def train(**changes: Any) -> wire.Task:
    return wire.Task(train=wire.TrainTask(**{"plan": plan(), "moments": b"", "seed": 1} | changes))


def plan(**changes: Any) -> wire.TrainingPlan:
    return wire.TrainingPlan(**{"design": design(), "config": config(), "fraction_bits": 30} | changes)


def design(**changes: Any) -> wire.Design:
    whole = {"sizes": [2, 3], "model": "mlp", "shape": [], "course": False}
    return wire.Design(**whole | {"arithmetic": "native", "task": "classification"} | changes)


def config(**changes: Any) -> wire.TrainConfig:
    good = {"optimizer": "sgd", "epochs": 1, "eta": 0.1, "batch": 8, "momentum": 0.9, "dropout": 0.0, "clip": 0.0}
    return wire.TrainConfig(**good | {"class_weights": b"", "mu": 0.0} | changes)


def status(**changes: Any) -> wire.Status:
    good = {
        "node": node(),
        "ring": wire.Ring(160, 8, 3, PROTOCOL),
        "predecessor": node(),
        "successors": [node()],
        "fingers": [],
    }
    return wire.Status(**good | {"names": [], "stored_bytes": 0} | changes)


def training(**changes: Any) -> wire.TrainingStatus:
    return wire.TrainingStatus(**{"job": "j", "round": 1, "activity": 2, "files": 1} | changes)


def file(**changes: Any) -> wire.TrainingFile:
    return wire.TrainingFile(**{"index": 0, "name": "a", "digest": bytes(32), "size": 1, "rows": 1} | changes)


@pytest.mark.parametrize(
    ("pair", "raw"),
    [
        ("id", b""),
        ("id", bytes(19)),
        ("id", bytes(21)),
        ("digest", bytes(31)),
        ("digest", bytes(33)),
        ("digest", b""),
        ("node", node(id=bytes(3))),
        ("node", node(host="h" * 256)),
        ("node", node(host="a\nb")),
        ("node", node(host="a\0b")),
        ("node", node(port=-1)),
        ("node", node(port=65536)),
        ("node", node(host="")),
        ("node", node(incarnation=-1)),
        ("node", node(incarnation=I64)),
        ("node", node(host="a\u202eb")),
        ("hello", wire.Hello(node(host="", port=0), wire.Ring(160, 8, 3, PROTOCOL), True)),
        ("grant", wire.Grant(node(), wire.Ring(160, 8, 3, PROTOCOL), node(host="", port=0))),
        ("lease", wire.Lease(0)),
        ("lease", wire.Lease(-5)),
        ("members", wire.Members(wire.Ring(160, 8, 3, PROTOCOL), [node(incarnation=I64)])),
        ("ring", wire.Ring(160, 30_000, 3, PROTOCOL)),
        ("hop", wire.Hop(nearer=wire.Nearer([wire.Candidate(node(), 160)]))),
        ("status", status(names=["a\x1b[2J"])),
        ("status", status(stored_bytes=-1)),
        ("item", wire.Item(entry(), I64, 1, False)),
        ("item", wire.Item(entry(), -1, 1, False)),
        ("item", wire.Item(entry(), 1, -1, False)),
        ("item", wire.Item(entry(), 1, I64, False)),
        ("entry", entry(size=1 << 62)),
        ("entry", entry(name="a\x1b[2J")),
        ("range_digest", wire.RangeDigest(-1, 0)),
        ("receipt", wire.Receipt(False, -1)),
        ("push", wire.Push("j", 1, 1, 1, node(host="", port=0), bytes(32), 1)),
        ("push", wire.Push("j\x1b", 1, 1, 1, node(), bytes(32), 1)),
        ("share", wire.Share(node(), bytes((1 << 14) + 1))),
        ("order", order(job="j\n")),
        ("order", order(files=[file(size=1 << 62)])),
        ("order", order(files=[file(rows=I64)])),
        ("order", order(files=[file(index=1 << 17)])),
        ("order", order(files=[file()], shares=[wire.Share(node(), b"\x03")])),
        ("progress", wire.Progress("done", "", bytes(32), 1, seconds=-1.0)),
        ("progress", wire.Progress("done", "", bytes(32), 1 << 62)),
        ("nodes", [node(), node(port=70000)]),
        ("ring", wire.Ring(2, 8, 3, PROTOCOL)),
        ("ring", wire.Ring(161, 8, 3, PROTOCOL)),
        ("ring", wire.Ring(160, 8, 0, PROTOCOL)),
        ("ring", wire.Ring(160, 8, 10, PROTOCOL)),
        ("ring", wire.Ring(160, -1, 1, PROTOCOL)),
        ("hop", wire.Hop()),
        ("hop", wire.Hop(owners=wire.Owners([]))),
        ("hop", wire.Hop(nearer=wire.Nearer([wire.Candidate(node(id=b""))]))),
        ("neighbourhood", wire.Neighbourhood(node(), [])),
        ("entry", entry(key=bytes(8))),
        ("entry", entry(digest=b"")),
        ("entry", entry(size=-1)),
        ("order", order(round=-1)),
        ("order", order(weights=bytes(5))),
        ("order", order(weights_size=-1)),
        ("order", order(files=[file(index=-1)])),
        ("order", order(files=[file(rows=0)])),
        ("order", order(files=[file(size=-I64)])),
        ("order", order(files=[file(digest=bytes(20))])),
        ("order", order(files=[file(name="../../etc/passwd")])),
        ("order", order(files=[file(name="a\x1b[2J")])),
        ("order", order(files=[file(name="a\0")])),
        ("order", order(files=[file(name="..")])),
        ("order", order(files=[file(name="")])),
        ("order", order(files=[file(name="a" * 256)])),
        ("order", order(job="j" * 65)),
        ("progress", wire.Progress("done", "", bytes(3), 5)),
        ("progress", wire.Progress("asleep", "")),
        ("progress", wire.Progress("done", "", bytes(32), -1)),
        ("progress", wire.Progress("done", "", bytes(32), 1, seconds=math.inf)),
        ("progress", wire.Progress("done", "", bytes(32), 1, loss=math.nan)),
        ("progress", wire.Progress("done", "", bytes(32), 1, accuracy=-math.inf)),
        ("progress", wire.Progress("running", "", training=training(activity=7))),
        ("training", training(activity=0)),
        ("training", training(activity=7)),
        ("training", training(round=-1)),
        ("training", training(files=-1)),
        ("training", training(epoch=-1)),
        ("training", training(job="j" * 65)),
        ("training", training(file="a\x1b[2J")),
        ("training", training(loss=math.nan)),
        ("training", training(accuracy=math.inf)),
    ],
)
def test_a_value_that_violates_the_contract_is_malformed(pair: str, raw: Any) -> None:
    with pytest.raises(Malformed):
        both(pair)[1](raw)


@pytest.mark.parametrize(
    ("task", "field"),
    [
        (wire.Task(), "none of"),
        (wire.Task(mix=wire.MixTask(-1)), "exchanges"),
        (wire.Task(mix=wire.MixTask(1001)), "exchanges"),
        (wire.Task(moments=wire.MomentsTask(plan(fraction_bits=41))), "fraction_bits"),
        (wire.Task(evaluate=wire.EvaluateTask(plan(), bytes(15))), "moments"),
        (train(seed=-1), "seed"),
        (wire.Task(train=wire.TrainTask(plan(), b"", 1, None, 6)), "updates 6"),
        (train(moments=bytes(8)), "moments"),
        (train(plan=plan(fraction_bits=-1)), "fraction_bits"),
        (train(plan=plan(fingerprint=bytes(31))), "digest"),
        (train(plan=plan(design=design(sizes=[2]))), "sizes"),
        (train(plan=plan(design=design(sizes=[2, 0]))), "sizes"),
        (train(plan=plan(design=design(sizes=[2, 1 << 30]))), "sizes"),
        (train(plan=plan(design=design(shape=[1, 2]))), "shape"),
        (train(plan=plan(design=design(shape=[1, 2, 3]))), "shape"),
        (train(plan=plan(design=design(model="os; rm"))), "model"),
        (train(plan=plan(design=design(course=True))), "sizes"),
        (train(plan=plan(config=config(optimizer="rmsprop"))), "optimizer"),
        (train(plan=plan(config=config(epochs=0))), "epochs"),
        (train(plan=plan(config=config(batch=1 << 30))), "batch"),
        (train(plan=plan(config=config(eta=math.nan))), "eta"),
        (train(plan=plan(config=config(momentum=1.5))), "momentum"),
        (train(plan=plan(config=config(dropout=1.0))), "dropout"),
        (train(plan=plan(config=config(mu=math.inf))), "mu"),
        (train(plan=plan(config=config(class_weights=bytes(7)))), "class_weights"),
        (train(plan=plan(config=config(class_weights=bytes(8)))), "class_weights"),
    ],
)
def test_the_error_for_a_task_out_of_range_names_the_field(task: wire.Task, field: str) -> None:
    with pytest.raises(Malformed, match=field):
        job_codec.order_from_wire(order(task=task))


def test_the_priority_of_an_order_arrives_and_another_than_1_is_refused_out_of_range() -> None:
    sent = replace(job_codec.order_from_wire(order()), priority=2.5)

    assert job_codec.order_from_wire(job_codec.order_to_wire(sent)).priority == 2.5
    for wrong in (0.0, -1.0, 1e9, math.nan):
        with pytest.raises(Malformed, match="priority"):
            job_codec.order_from_wire(order(priority=wrong))


@pytest.mark.parametrize("count", [0, 2])
def test_an_evaluation_order_without_exactly_one_file_is_malformed(count: int) -> None:
    task = wire.Task(evaluate=wire.EvaluateTask(plan(), b""))

    with pytest.raises(Malformed, match="to evaluate on"):
        job_codec.order_from_wire(order(task=task, files=[file()] * count))


def test_an_error_message_that_is_too_long_is_truncated_before_it_is_sent() -> None:
    sent = job_codec.progress_to_wire(Progress("failed", "!" * 5000))

    assert job_codec.progress_from_wire(sent) == Progress("failed", "!" * (fields.MESSAGE_CHARACTERS_MAX - 3) + "...")


def test_a_message_is_escaped_for_the_terminal_that_will_show_it() -> None:
    received = job_codec.progress_from_wire(wire.Progress("failed", "a\x1b[2J\nforged line \u202e"))

    assert received.message == r"a\x1b[2J\nforged line \u202e"
    assert str(ring_codec.error_from_wire(wire.Busy("\x1b[2J"))) == r"\x1b[2J"


@EFFORT
@given(data=st.data())
def test_an_order_has_the_same_ticket_on_both_sides_of_the_wire(data: st.DataObject) -> None:
    sent = data.draw(values(Order))

    assert job_codec.order_from_wire(through_bytes(job_codec.order_to_wire(sent))).ticket == sent.ticket


def any_field(kind: int, what: Any) -> st.SearchStrategy[Any]:
    """Return whatever Thrift's decoder can put into a field of this type."""
    match kind:
        case TType.BOOL:
            return st.booleans()
        case TType.I16 | TType.I32 | TType.I64:
            limit = 1 << {TType.I16: 15, TType.I32: 31, TType.I64: 63}[kind]
            return st.integers(-limit, limit - 1) | st.integers(-2, 40)
        case TType.DOUBLE:
            return st.floats()
        case TType.STRING if what == "BINARY":
            return st.binary(max_size=40) | st.sampled_from([bytes(20), bytes(32), b"\xff" * 20, b"\xff" * 32])
        case TType.STRING:
            return st.text(max_size=70) | st.sampled_from(ORDER_STATES)
        case TType.LIST:
            return st.lists(any_field(what[0], what[1]), max_size=3)
        case TType.STRUCT:
            return any_struct(what[0])
    raise AssertionError(f"no strategy for type {kind}")


@cache
def any_struct(kind: Any) -> st.SearchStrategy[Any]:
    """Return structs with any values. Required fields are set where check_complete demands it: not in a nested Node."""
    needed = required_fields_of(kind) if kind is not wire.Node else ()
    strategies = {
        name: any_field(what, detail) if name in needed else st.none() | any_field(what, detail)
        for _, what, name, detail, _ in filter(None, kind.thrift_spec)
    }
    return st.builds(kind, **strategies)


@pytest.mark.parametrize("pair", STRUCTS)
@examples(30)
@given(data=st.data())
def test_a_decoder_of_any_struct_returns_a_value_or_refuses_it_by_name(pair: str, data: st.DataObject) -> None:
    from_wire = both(pair)[1]
    kind = typing.get_type_hints(from_wire)["raw"]
    raw = data.draw(any_struct(kind))

    with suppress(Malformed, OtherProtocol):
        from_wire(raw)


@pytest.mark.parametrize("bits", [3, 8, 159])
def test_an_identifier_beyond_the_ring_is_malformed_wherever_it_is_nested(bits: int) -> None:
    within, beyond = fields.id_to_wire((1 << bits) - 1), fields.id_to_wire(1 << bits)

    for identifier, is_beyond in ((within, False), (beyond, True)):
        for raw in (
            ComputeNode.next_hop_args(wire.Target(bytes(20), 1), identifier, []),
            ComputeNode.next_hop_args(wire.Target(bytes(20), 1), bytes(20), [node(id=identifier)]),
            ComputeNode.range_digest_args(wire.Target(bytes(20), 1), bytes(20), identifier),
            ComputeNode.put_args(wire.Target(bytes(20), 1), wire.Item(entry(key=identifier), 1, 1, False)),
            wire.Hop(owners=wire.Owners([node(), node(id=identifier)])),
        ):
            with pytest.raises(Malformed, match="does not fit") if is_beyond else nullcontext():
                fields.check_identifiers(raw, bits)
        fields.check_identifiers(ComputeNode.next_hop_args(None, identifier, []), 160)
        fields.check_identifiers(ComputeNode.write_args(wire.Target(bytes(20), 1), bytes(32), 20, 0, identifier), bits)
        fields.check_identifiers(identifier, bits)  # a content of 20 bytes


@pytest.mark.parametrize("host", ["", "a\tb", "a\x7f", "\u202e", "h" * 256])
def test_an_admission_request_with_an_invalid_host_is_malformed(host: str) -> None:
    with pytest.raises(Malformed):
        fields.address(host, 8001)


@pytest.mark.parametrize("pair", STRUCTS)
@EFFORT
@given(data=st.data())
def test_a_struct_without_a_required_field_is_malformed(pair: str, data: st.DataObject) -> None:
    whole = both(pair)[0](data.draw(domain_values(pair)))
    fields.check_complete(whole)

    for name in required_fields(whole):
        lacking = copy.copy(whole)
        setattr(lacking, name, None)
        with pytest.raises(Malformed, match=name):
            fields.check_complete([lacking])  # also where it lies within something else


@pytest.mark.parametrize("field", ["id", "host", "port", "incarnation"])
def test_a_nested_node_without_a_required_field_is_refused_by_its_decoder(field: str) -> None:
    lacking = node()
    setattr(lacking, field, None)

    for raw in (
        wire.Hop(owners=wire.Owners([node(), lacking])),
        wire.Hop(nearer=wire.Nearer([wire.Candidate(lacking)])),
    ):
        with pytest.raises(Malformed, match="node: a required field is missing"):
            ring_codec.hop_from_wire(raw)


def required_fields(raw: Any) -> list[str]:
    """Return the fields that the generated validate() requires."""
    return required_fields_of(typing.cast(Hashable, type(raw)))


@cache
def required_fields_of(kind: Any) -> list[str]:
    source = inspect.getsource(kind.validate)
    return [line.split("self.")[1].split(" is None")[0] for line in source.splitlines() if "if self." in line]


def test_required_fields_are_read_from_the_generated_code() -> None:
    assert required_fields(node()) == ["id", "host", "port", "incarnation"]


def test_a_status_lists_no_more_leaves_than_a_node_serves() -> None:
    leaf = wire.LeafStatus(node(), 0, 0)

    assert len(ring_codec.status_from_wire(status(leaves=[leaf] * LEAVES_MAX)).leaves) == LEAVES_MAX
    with pytest.raises(Malformed, match=r"status\.leaves"):
        ring_codec.status_from_wire(status(leaves=[leaf] * (LEAVES_MAX + 1)))
