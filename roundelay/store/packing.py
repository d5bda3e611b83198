"""Packing: a content in fewer bytes for a link that takes long, lossless; its digest is that of the plain bytes.

Weights and sums are words of 4 and 8 bytes. Their bytes are laid out by significance, all first bytes, then all second
ones (the shuffle filter of Blosc; Alted 2010): the upper planes are alike and deflate well, the lower ones are noise
and stay as they are. A signed word of 8 bytes repeats its sign, which is removed first. Of a plane that is mostly zeros
the other bytes are listed, each with the zeros before it. A text is one plane.

A content that is shorter than announced is packed. Its receiver unpacks it at once, into exactly the announced number
of bytes, or refuses it. This needs no numpy, which most nodes do without.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence

from roundelay.chord.effects import Procedure, round_trips_to
from roundelay.chord.errors import Malformed
from roundelay.chord.refs import NodeRef

WEIGHT_BYTES, SUM_BYTES = 4, 8  # float32, int64
TEXT = 1
PACK_FROM_S = 0.005  # of a round trip: on shorter ones packing takes longer than the bytes
PACK_FROM_BYTES = 2 << 10  # less goes in one or two packets anyway
PLAIN_BYTES_MAX = 32 << 20  # of a content that may be packed: a small message must not fill the receiver's memory
LEVEL, WINDOW_BITS = 1, -15  # of deflate; without zlib's header
SAMPLE_BYTES = 2 << 10
PAYS = 0.97  # a plane that deflates to more than this share stays as it is
SPARSE_ZEROS = 0.7  # share of zeros from which a plane is listed
_HEAD, _LENGTH = struct.Struct("<B"), struct.Struct("<I")
_SPARSE = 1 << 31  # in a plane's length
_GAP_MAX = 255  # zeros, of a byte that nothing follows yet
_RUN = re.compile(rb"(\0*)([^\0])", re.DOTALL)
_SIGN = bytes(128) + b"\xff" * 128  # of a byte: what a word repeats above it


def far_among(nodes: Sequence[NodeRef]) -> Procedure[frozenset[NodeRef]]:
    """Return the nodes to which packing pays, by the round trips measured so far."""
    trips_s = yield from round_trips_to(nodes)
    return frozenset(node for node, seconds in trips_s.items() if seconds >= PACK_FROM_S)


def pack(content: bytes, width: int) -> bytes:
    """Return a content of words packed, or as it is where packing does not shorten it."""
    if len(content) < PACK_FROM_BYTES or len(content) > PLAIN_BYTES_MAX:
        return content
    width = width if len(content) % width == 0 else TEXT
    planes = _without_signs([content[place::width] for place in range(width)])
    packed = _HEAD.pack(width) + b"".join(_pack_plane(plane, is_of_words=width > TEXT) for plane in planes)
    return packed if len(packed) < len(content) else content


def unpack(packed: bytes, size_bytes: int) -> bytes:
    """Return the plain content of `size_bytes`. Raises Malformed for anything that `pack` has not made."""
    if len(packed) == size_bytes:
        return packed
    if size_bytes > PLAIN_BYTES_MAX or len(packed) > size_bytes or not packed:
        raise Malformed(f"packed content: {len(packed)} bytes for {size_bytes}, at most {PLAIN_BYTES_MAX}")
    (width,) = _HEAD.unpack_from(packed)
    if width not in (TEXT, WEIGHT_BYTES, SUM_BYTES) or size_bytes % width:
        raise Malformed(f"packed content: {size_bytes} bytes in words of {width}")
    planes, at = [], _HEAD.size
    for _ in range(width):
        plane, at = _unpack_plane(packed, at, size_bytes // width)
        planes.append(plane)
    if at != len(packed):
        raise Malformed(f"packed content: {len(packed) - at} bytes too many")
    content = bytearray(size_bytes)
    for place, plane in enumerate(_without_signs(planes, backwards=True)):
        content[place::width] = plane
    return bytes(content)


def _pack_plane(plane: bytes, is_of_words: bool) -> bytes:
    """Return a plane in its shortest form, behind its length."""
    if is_of_words and plane.count(0) >= SPARSE_ZEROS * len(plane) > 0:
        listed = _listed(plane)
        return _LENGTH.pack(_SPARSE | len(listed)) + listed
    return _with_length(_deflated(plane, zlib.Z_RLE if is_of_words else zlib.Z_DEFAULT_STRATEGY))


def _with_length(part: bytes) -> bytes:
    return _LENGTH.pack(len(part)) + part


def _listed(plane: bytes) -> bytes:
    """Return the numbers of zeros before each other byte, and these bytes. A gap of 255 goes on in the next one."""
    gaps, values = bytearray(), bytearray()
    for run in _RUN.finditer(plane.rstrip(b"\0")):  # from trailing zeros each search would go to the end
        zeros, value = run.groups()
        whole, rest = divmod(len(zeros), _GAP_MAX)
        gaps += b"\xff" * whole + bytes([rest])
        values += value
    parts = (bytes(gaps), bytes(values))
    return b"".join(_LENGTH.pack(len(part)) + _with_length(_deflated(part, zlib.Z_HUFFMAN_ONLY)) for part in parts)


def _unlisted(listed: bytes, size: int) -> bytes:
    """Return the plane of `size` bytes that was listed. Raises Malformed."""
    gaps, at = _unpack_part(listed, 0, size)
    values, at = _unpack_part(listed, at, size)
    if at != len(listed) or sum(gaps) + len(values) > size or len(gaps) - gaps.count(_GAP_MAX) != len(values):
        raise Malformed(f"packed content: a list of {len(gaps)} gaps and {len(values)} values for {size} bytes")
    plane, place, following = bytearray(size), 0, iter(values)
    for gap in gaps:
        place += gap
        if gap < _GAP_MAX:
            plane[place] = next(following)
            place += 1
    return bytes(plane)


def _unpack_part(listed: bytes, at: int, most: int) -> tuple[bytes, int]:
    """Return one part of a list, whose length stands before it, and where it ends. Raises Malformed."""
    if len(listed) - at < _LENGTH.size:
        raise Malformed("packed content: a list ends early")
    (size,) = _LENGTH.unpack_from(listed, at)
    if size > most:
        raise Malformed(f"packed content: {size} entries of a list for {most} bytes")
    return _unpack_plane(listed, at + _LENGTH.size, size, may_be_listed=False)


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


def _unpack_plane(packed: bytes, at: int, size: int, may_be_listed: bool = True) -> tuple[bytes, int]:
    """Return a plane of `size` bytes that begins at a place, and where it ends. Raises Malformed."""
    if len(packed) - at < _LENGTH.size:
        raise Malformed("packed content: ends early")
    (length,) = _LENGTH.unpack_from(packed, at)
    is_listed, length = may_be_listed and bool(length & _SPARSE), length & ~_SPARSE if may_be_listed else length
    begin, end = at + _LENGTH.size, at + _LENGTH.size + length
    if is_listed and end <= len(packed):
        return _unlisted(packed[begin:end], size), end
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
    """Remove the repeated signs from words of 8 bytes, or put them back."""
    if len(planes) < SUM_BYTES or not planes[0]:
        return planes
    done = list(planes)
    for place in range(1, SUM_BYTES):
        below = done[place - 1] if backwards else planes[place - 1]
        done[place] = _xor(planes[place], below.translate(_SIGN))
    return done


def _xor(one: bytes, other: bytes) -> bytes:
    both = int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
    return both.to_bytes(len(one), "little")
