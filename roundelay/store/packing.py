"""Packing: a content in fewer bytes for a link that takes long, lossless; its digest is that of the plain bytes.

Weights and sums are words of 4 and 8 bytes. Their bytes are laid out by significance, all first bytes, then all second
ones (the shuffle filter of Blosc; Alted 2010): the upper planes are alike and deflate well, the lower ones are noise
and stay as they are. A signed word of 8 bytes repeats its sign, which is removed first. A text is one plane.

A content that is shorter than announced is packed. Its receiver unpacks it at once, into exactly the announced number
of bytes, or refuses it. This needs no numpy, which most nodes do without.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from roundelay.chord.effects import Procedure, round_trips_to
from roundelay.chord.errors import Malformed
from roundelay.chord.refs import NodeRef
from roundelay.store.items import CHUNK_BYTES

WEIGHT_BYTES, SUM_BYTES = 4, 8  # float32, int64
TEXT = 1
PACK_FROM_S = 0.005  # of a round trip: on shorter ones packing takes longer than the bytes
PACK_FROM_BYTES = 2 << 10  # less goes in one or two packets anyway
LEVEL, WINDOW_BITS = 1, -15  # of deflate; without zlib's header
SAMPLE_BYTES = 2 << 10
PAYS = 0.97  # a plane that deflates to more than this share stays as it is
_HEAD, _LENGTH = struct.Struct("<B"), struct.Struct("<I")
_SIGN = bytes(128) + b"\xff" * 128  # of a byte: what a word repeats above it


def far_among(nodes: Sequence[NodeRef]) -> Procedure[frozenset[NodeRef]]:
    """Return the nodes to which packing pays, by the round trips measured so far."""
    trips_s = yield from round_trips_to(nodes)
    return frozenset(node for node, seconds in trips_s.items() if seconds >= PACK_FROM_S)


def pack(content: bytes, width: int) -> bytes:
    """Return a content of words packed, or as it is where packing does not shorten it."""
    if len(content) < PACK_FROM_BYTES or len(content) > CHUNK_BYTES:
        return content
    width = width if len(content) % width == 0 else TEXT
    planes = _without_signs([content[place::width] for place in range(width)])
    parts = [_HEAD.pack(width)]
    for plane in planes:
        shortest = _deflated(plane, zlib.Z_RLE if width > TEXT else zlib.Z_DEFAULT_STRATEGY)
        parts += [_LENGTH.pack(len(shortest)), shortest]
    packed = b"".join(parts)
    return packed if len(packed) < len(content) else content


def unpack(packed: bytes, size_bytes: int) -> bytes:
    """Return the plain content of `size_bytes`. Raises Malformed for anything that `pack` has not made."""
    if len(packed) == size_bytes:
        return packed
    if size_bytes > CHUNK_BYTES or len(packed) > size_bytes or not packed:
        raise Malformed(f"packed content: {len(packed)} bytes for {size_bytes}, at most {CHUNK_BYTES}")
    (width,) = _HEAD.unpack_from(packed)
    if width not in (TEXT, WEIGHT_BYTES, SUM_BYTES) or size_bytes % width:
        raise Malformed(f"packed content: {size_bytes} bytes in words of {width}")
    planes, at = [], _HEAD.size
    for _ in range(width):
        plane, at = _plane(packed, at, size_bytes // width)
        planes.append(plane)
    if at != len(packed):
        raise Malformed(f"packed content: {len(packed) - at} bytes too many")
    content = bytearray(size_bytes)
    for place, plane in enumerate(_without_signs(planes, backwards=True)):
        content[place::width] = plane
    return bytes(content)


def _deflated(plane: bytes, strategy: int) -> bytes:
    """Return a plane deflated, or as it is if that does not pay."""
    start = max(0, (len(plane) - SAMPLE_BYTES) // 2)
    sample = plane[start : start + SAMPLE_BYTES]
    if len(_compress(sample, strategy)) > PAYS * len(sample):
        return plane
    compressed = _compress(plane, strategy)
    return compressed if len(compressed) < len(plane) else plane


def _compress(plane: bytes, strategy: int) -> bytes:
    work = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW_BITS, zlib.DEF_MEM_LEVEL, strategy)
    return work.compress(plane) + work.flush()


def _plane(packed: bytes, at: int, size: int) -> tuple[bytes, int]:
    """Return a plane of `size` bytes that begins at a place, and where it ends. Raises Malformed."""
    if len(packed) - at < _LENGTH.size:
        raise Malformed("packed content: ends early")
    (length,) = _LENGTH.unpack_from(packed, at)
    begin, end = at + _LENGTH.size, at + _LENGTH.size + length
    if length > size or end > len(packed):
        raise Malformed(f"packed content: {length} bytes for {size}")
    if length == size:
        return packed[begin:end], end
    work = zlib.decompressobj(WINDOW_BITS)
    try:
        plane = work.decompress(packed[begin:end], size + 1)  # 0 would mean no limit
    except zlib.error as error:
        raise Malformed(f"packed content: {error}") from error
    if len(plane) != size or not work.eof or work.unused_data:
        raise Malformed(f"packed content: a plane of {len(plane)} bytes or more, expected {size}")
    return plane, end


def _without_signs(planes: list[bytes], backwards: bool = False) -> list[bytes]:
    """Remove the repeated signs from the upper half of words of 8 bytes, or put them back."""
    if len(planes) < SUM_BYTES or not planes[0]:
        return planes
    done = list(planes)
    for place in range(SUM_BYTES // 2, SUM_BYTES):
        below = done[place - 1] if backwards else planes[place - 1]
        done[place] = _xor(planes[place], below.translate(_SIGN))
    return done


def _xor(one: bytes, other: bytes) -> bytes:
    both = int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
    return both.to_bytes(len(one), "little")
