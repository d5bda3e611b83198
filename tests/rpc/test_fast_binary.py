"""Tests that C and plain Python read and write the same: every struct, large binaries and random bytes."""

from __future__ import annotations

import inspect
import random
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thrift.protocol.TProtocol import TProtocolException

from roundelay.rpc import fast_binary
from roundelay.rpc.gen import ComputeNode
from roundelay.rpc.gen import ttypes as wire
from roundelay.rpc.protocol import BinaryProtocol
from roundelay.rpc.transport import LARGE_SIZE, FramedSocket
from tests.rpc.codecs import STRUCTS, both, domain_values
from tests.rpc.structs import BLOB_SPEC, BOX_SPEC, Blob, Box
from tests.rpc.test_transport import framed, next_frame, receiving
from tests.rpc.wire_values import EFFORT

TIMEOUT_S = 20.0
WAYS = pytest.mark.parametrize("way", ["C", "plain"])
GENERATED = [  # without exceptions, which are read only as fields of a result
    each
    for _, each in inspect.getmembers(wire, inspect.isclass)
    if getattr(each, "thrift_spec", None) and not issubclass(each, Exception)
]


def use(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "plain":
        monkeypatch.setattr(fast_binary, "fastbinary", None)


def written(value: Any, spec: Any, is_bulky: bool = True) -> list[bytes]:
    """Return the parts of a message that holds just this struct."""
    with socket.socket() as sock:
        messages = BinaryProtocol(FramedSocket(sock, TIMEOUT_S))
        fast_binary.write_struct(messages, value, spec, is_bulky)
    parts: list[bytes] = messages.trans.unsent
    return parts


def reader_of(body: bytes) -> BinaryProtocol:
    transport = receiving(framed(body))
    next_frame(transport)
    return BinaryProtocol(transport)


def outcome(kind: Any, spec: Any, body: bytes) -> Any:
    """Return the value that was read, or TProtocolException."""
    try:
        return fast_binary.read_struct(reader_of(body), kind, spec)
    except TProtocolException:
        return TProtocolException


@pytest.mark.parametrize("name", STRUCTS)
@EFFORT
@given(data=st.data())
def test_c_and_plain_python_write_the_same_bytes_and_read_the_same_values(name: str, data: st.DataObject) -> None:
    raw = both(name)[0](data.draw(domain_values(name)))
    spec = [type(raw), raw.thrift_spec]
    fast = b"".join(written(raw, spec))
    read_fast = fast_binary.read_struct(reader_of(fast), type(raw), spec)

    with pytest.MonkeyPatch.context() as patched:
        use("plain", patched)
        plain = b"".join(written(raw, spec))
        read_plain = fast_binary.read_struct(reader_of(plain), type(raw), spec)

    assert fast == plain
    assert read_fast == read_plain == raw


@pytest.mark.parametrize("kind", GENERATED, ids=lambda kind: kind.__name__)
def test_c_and_plain_python_read_any_bytes_as_a_struct_or_raise_a_protocol_error(kind: Any) -> None:
    rng = random.Random(kind.__name__)
    for _ in range(50):
        body = rng.randbytes(rng.randrange(1, 60))
        outcome(kind, [kind, kind.thrift_spec], body)


@WAYS
@pytest.mark.parametrize("size", [0, 10, LARGE_SIZE - 1, LARGE_SIZE, LARGE_SIZE + 1])
def test_a_binary_of_any_size_is_written_and_read_back(way: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    use(way, monkeypatch)
    body = b"".join(written(Blob(b"w" * size), BLOB_SPEC))

    assert fast_binary.read_struct(reader_of(body), Blob, BLOB_SPEC).data == b"w" * size


def test_a_large_binary_is_sent_without_a_copy_even_inside_another_struct() -> None:
    data = b"w" * LARGE_SIZE

    assert any(part is data for part in written(Blob(data), BLOB_SPEC))
    assert any(part is data for part in written(Box(Blob(data)), BOX_SPEC))


@pytest.mark.parametrize("nested", [False, True])
def test_c_writes_what_is_around_a_large_binary_that_comes_last(nested: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"w" * LARGE_SIZE
    if nested:
        progress = wire.Progress("done", "", b"d" * 32, LARGE_SIZE, 1.0, 0.5, 0.5, None, data)
        value: Any = ComputeNode.collect_result(progress)
    else:
        value = ComputeNode.write_args(wire.Target(b"n" * 20, 1), b"d" * 32, LARGE_SIZE, 0, data)
    spec = [type(value), value.thrift_spec]
    with pytest.MonkeyPatch.context() as patched:
        use("plain", patched)
        plain = b"".join(written(value, spec))
    monkeypatch.setattr(type(value), "write", lambda self, messages: pytest.fail("written in Python"))

    parts = written(value, spec)

    assert b"".join(parts) == plain
    assert any(part is data for part in parts)
    assert b"".join(written(value, spec)) == plain, "the value is as it was"


def test_a_large_binary_that_does_not_come_last_is_written_in_python() -> None:
    value = ComputeNode.write_args(wire.Target(b"n" * LARGE_SIZE, 1), b"d" * 32, 10, 0, b"w" * 10)
    spec = [type(value), value.thrift_spec]
    fast = b"".join(written(value, spec))

    with pytest.MonkeyPatch.context() as patched:
        use("plain", patched)
        assert b"".join(written(value, spec)) == fast


def test_a_struct_that_cannot_be_bulky_is_not_searched_for_large_binaries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_binary, "holds_large_binary", lambda value: pytest.fail("searched"))

    assert written(Blob(b"small"), BLOB_SPEC, is_bulky=False)


def test_a_small_struct_is_written_in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Box, "write", lambda self, messages: pytest.fail("written in Python"))

    assert written(Box(Blob(b"small")), BOX_SPEC)


@WAYS
def test_skipping_a_struct_stops_at_its_end(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(way, monkeypatch)
    messages = reader_of(b"".join(written(Box(Blob(b"skipped")), BOX_SPEC)) + b"rest")

    messages.skip(12)  # a struct

    assert messages.trans.readAll(4) == b"rest"
