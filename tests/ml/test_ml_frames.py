"""Frames: round trips, and refusal of malformed ones before memory is allocated."""

from __future__ import annotations

import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.ml import frames
from roundelay.ml.errors import DataError, EndOfFrames, FrameError, NotFinite, TrainerFault, from_dict, to_dict
from roundelay.ml.frames import Frame, read_frame, write_frame
from roundelay.ml.sliced import Joined, Memory, as_bytes, part_of
from tests.ml.ml_oracles import EFFORT


def raw(header: bytes, payload: bytes = b"") -> bytes:
    return struct.pack(">IQ", len(header), len(payload)) + header + payload


@EFFORT
@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()), st.binary())
def test_a_frame_reads_back_as_written(header: dict[str, object], payload: bytes) -> None:
    stream = io.BytesIO()

    write_frame(stream, header, payload)
    write_frame(stream, {"second": True})

    stream.seek(0)
    assert read_frame(stream) == Frame(header, bytearray(payload))
    assert read_frame(stream) == Frame({"second": True}, bytearray())
    with pytest.raises(EndOfFrames):
        read_frame(stream)


def test_the_format_is_two_big_endian_lengths_then_the_parts() -> None:
    stream = io.BytesIO()

    write_frame(stream, {"a": 1}, bytearray(b"xyz"))

    assert stream.getvalue() == b"\0\0\0\7" + b"\0\0\0\0\0\0\0\3" + b'{"a":1}' + b"xyz"


class OnDisk:
    """A content of which only slices can be read."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.largest = 0

    def __len__(self) -> int:
        return len(self._content)

    def __getitem__(self, part: slice, /) -> bytes:
        piece = self._content[part]
        self.largest = max(self.largest, len(piece))
        return piece


def test_a_payload_in_parts_is_written_as_one_and_never_read_whole() -> None:
    stream, large = io.BytesIO(), OnDisk(bytes(range(256)) * (frames.PIECE_BYTES // 100))

    write_frame(stream, {}, b"first", large)

    assert large.largest == frames.PIECE_BYTES
    assert read_frame(io.BytesIO(stream.getvalue())).content == b"first" + large[:]


def test_a_large_payload_is_collected_where_the_reader_says() -> None:
    stream, asked = io.BytesIO(), list[int]()
    write_frame(stream, {"a": 1}, bytes(frames.PIECE_BYTES + 1))
    write_frame(stream, {"a": 2}, b"small")
    stream.seek(0)

    def open_sink(size_bytes: int) -> io.BytesIO | None:
        asked.append(size_bytes)
        return io.BytesIO() if size_bytes > frames.PIECE_BYTES else None

    read = [read_frame(stream, open_sink) for _ in range(2)]

    assert [each.content for each in read] == [bytes(frames.PIECE_BYTES + 1), b"small"]
    assert asked == [frames.PIECE_BYTES + 1, 5]


@pytest.mark.parametrize("cut", range(1, 12 + 7 + 3))
def test_a_truncated_frame_is_refused(cut: int) -> None:
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(raw(b'{"a":1}', b"xyz")[:cut]))


@pytest.mark.parametrize("header", [b"", b"[]", b"1", b"{", b'{"a":NaN}', b"\xff{}", b"[" * 100_000], ids=repr)
def test_a_header_that_is_not_a_json_object_is_refused(header: bytes) -> None:
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(raw(header)))


def test_lengths_are_checked_before_anything_is_read_or_allocated() -> None:
    with pytest.raises(FrameError, match="too large"):
        read_frame(io.BytesIO(struct.pack(">IQ", frames.HEADER_BYTES_MAX + 1, 0)))
    with pytest.raises(FrameError, match="too large"):
        read_frame(io.BytesIO(struct.pack(">IQ", 2, frames.PAYLOAD_BYTES_MAX + 1) + b"{}"))


def test_a_frame_too_large_to_read_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "PAYLOAD_BYTES_MAX", 2)
    stream = io.BytesIO()

    with pytest.raises(FrameError):
        write_frame(stream, {}, b"123")
    with pytest.raises(ValueError):
        write_frame(stream, {"a": float("nan")})

    assert stream.getvalue() == b""


@EFFORT
@given(st.binary(max_size=60))
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    try:
        header, _ = read_frame(io.BytesIO(data))
    except (FrameError, EndOfFrames):
        return
    assert isinstance(header, dict)


@pytest.mark.parametrize("error", [NotFinite("weight 3"), DataError("a\nb", 7, "is wrong"), DataError("a", None, "x")])
def test_errors_cross_the_pipe_as_the_same_class(error: NotFinite) -> None:
    again = from_dict(json.loads(json.dumps(to_dict(error))))

    assert type(again) is type(error)
    assert str(again) == str(error)


def test_an_unknown_error_becomes_a_trainer_fault() -> None:
    again = from_dict({"error": "KeyboardInterrupt", "message": "m"})

    assert (type(again), str(again)) == (TrainerFault, "m")


def test_contents_one_behind_the_other_are_read_as_one() -> None:
    whole, joined = b"abcdefghij", Joined((b"abc", b"", Memory(memoryview(b"defgh")), part_of(OnDisk(b"xxij"), 2, 4)))

    assert len(joined) == len(whole)
    assert all(joined[a:b] == whole[a:b] for a in range(12) for b in range(12))
    assert as_bytes(joined) == whole
