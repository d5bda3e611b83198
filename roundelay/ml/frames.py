"""Frames between a node and its trainer process: a JSON header and raw bytes, both length-prefixed.

    4 bytes  length of the header, big-endian
    8 bytes  length of the payload, big-endian
    header   one JSON object, UTF-8
    payload  weights, sums or a file's content, unchanged

Both sides use read_frame and write_frame. This module uses neither pickle nor numpy and does not interpret headers.
"""

import json
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple, NoReturn, Protocol

from roundelay.ml.errors import EndOfFrames, FrameError
from roundelay.ml.sliced import Sliced

HEADER_BYTES_MAX = 1 << 25
PAYLOAD_BYTES_MAX = 1 << 31
CHECKPOINT_BYTES_MAX = 256 << 20  # no larger checkpoint is made or kept
_LENGTHS = struct.Struct(">IQ")

PIECE_BYTES = 1 << 20  # of a payload that is not in memory

Header = dict[str, object]


class Sink(Protocol):
    """Where a large payload is collected, from its beginning."""

    def write(self, piece: bytes, /) -> object: ...

    def getvalue(self) -> Sliced: ...


class NotKept(Exception):
    """A frame's payload found no room; its cause says why. The next frame can be read."""

    def __init__(self, header: Header) -> None:
        super().__init__("no room for a payload")
        self.header = header


OpenSink = Callable[[int], Sink | None]  # for a payload of this many bytes; None: it is read into memory


class Frame(NamedTuple):
    """One message of the pipe."""

    header: Header
    payload: Sliced | bytearray

    @property
    def content(self) -> Sliced:
        """The payload as a content that does not change."""
        return bytes(self.payload) if isinstance(self.payload, bytearray) else self.payload


def write_frame(stream: BinaryIO, header: Header, *payload: Sliced | bytearray) -> None:
    """Write one frame, whose payload may come in parts, and flush it. Raises BrokenPipeError if the other side is gone.

    A part that is not in memory is read piece by piece.
    """
    for piece in encoded(header, *payload):
        stream.write(piece)
    stream.flush()


def encoded(header: Header, *payload: Sliced | bytearray) -> Iterator[bytes | bytearray]:
    """Yield the bytes of a frame in pieces."""
    text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    size_bytes = sum(map(len, payload))
    _check_lengths(len(text), size_bytes)
    yield _LENGTHS.pack(len(text), size_bytes) + text
    for part in payload:
        yield from _pieces(part)


def _pieces(part: Sliced | bytearray) -> Iterator[bytes | bytearray]:
    if isinstance(part, bytes | bytearray):
        yield part
        return
    for start in range(0, len(part), PIECE_BYTES):
        yield part[start : start + PIECE_BYTES]


def read_frame(stream: BinaryIO, open_sink: OpenSink = lambda size_bytes: None) -> Frame:
    """Read one frame. Raises EndOfFrames at a clean end, FrameError for a malformed or truncated frame, NotKept."""
    lengths = stream.read(_LENGTHS.size)
    if not lengths:
        raise EndOfFrames("closed by the other side")
    if len(lengths) < _LENGTHS.size:
        raise FrameError("truncated within a frame's lengths")
    header_bytes, payload_bytes = _LENGTHS.unpack(lengths)
    _check_lengths(header_bytes, payload_bytes)
    header, sink = _decode(_read(stream, header_bytes)), open_sink(payload_bytes)
    if sink is None:
        return Frame(header, _read(stream, payload_bytes))
    failure: Exception | None = None
    for start in range(0, payload_bytes, PIECE_BYTES):
        piece = bytes(_read(stream, min(PIECE_BYTES, payload_bytes - start)))
        if failure is not None:
            continue  # what is left is read all the same: another frame follows
        try:
            sink.write(piece)
        except Exception as error:
            failure = error
    if failure is not None:
        raise NotKept(header) from failure
    return Frame(header, sink.getvalue())


def _read(stream: BinaryIO, size_bytes: int) -> bytearray:
    """Read exactly `size_bytes` into one buffer. Raises FrameError."""
    buffer = bytearray(size_bytes)
    view, at = memoryview(buffer), 0
    while at < size_bytes:
        count = stream.readinto(view[at:])  # type: ignore[attr-defined]  # BinaryIO does not declare it
        if not count:
            raise FrameError(f"truncated after {at} of {size_bytes} bytes")
        at += count
    return buffer


def _decode(text: bytearray) -> Header:
    try:
        header = json.loads(text.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # also UnicodeDecodeError and JSONDecodeError
        raise FrameError(f"the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise FrameError(f"the header is a {type(header).__name__}, expected an object")
    return header


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _check_lengths(header_bytes: int, payload_bytes: int) -> None:
    if header_bytes > HEADER_BYTES_MAX or payload_bytes > PAYLOAD_BYTES_MAX:
        raise FrameError(f"a frame of {header_bytes} + {payload_bytes} bytes is too large")
