"""Packing: a content in fewer bytes for a link that takes long, lossless; its digest is that of the plain bytes.

Weights and sums are words of 4 and 8 bytes. Their bytes are laid out by significance, all first bytes, then all second
ones (the shuffle filter of Blosc; Alted 2010): the upper planes are alike and deflate well, the lower ones are noise
and stay as they are. A signed word of 8 bytes repeats its sign, which is removed first. Of a plane that is mostly zeros
the other bytes are listed, each with the zeros before it. One that is mostly 0, 1 and -1 is cut into these digits, five
to a byte, and what is left. A text is one plane.

A content that is shorter than announced is packed. Its receiver unpacks it at once, into exactly the announced number
of bytes, or refuses it. This needs no numpy, which most nodes do without.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections import deque
from collections.abc import Sequence
from itertools import accumulate, compress, islice

from roundelay.chord.effects import Procedure, round_trips_to
from roundelay.chord.errors import Malformed
from roundelay.chord.refs import NodeRef
from roundelay.store.items import CHUNK_BYTES

WEIGHT_BYTES, SUM_BYTES = 4, 8  # float32, int64
TEXT = 1
PACK_FROM_S = 0.005  # of a round trip: on shorter ones packing takes longer than the bytes
PACK_FROM_BYTES = 2 << 10  # less goes in one or two packets anyway
PLAIN_BYTES_MAX = 32 << 20  # of a content that may be packed: a small message must not fill the receiver's memory
LEVEL, WINDOW_BITS = 1, -15  # of deflate; without zlib's header
SAMPLE_BYTES = 2 << 10
AT_ONCE = 1 << 14  # bytes of a list that are placed before another thread may run
PAYS = 0.97  # a plane that deflates to more than this share stays as it is
SPARSE_ZEROS = 0.7  # share of zeros from which a plane is listed
TERNARY_DIGITS = 0.6  # share of 0, 1 and -1 from which a plane is cut into digits
_HEAD, _LENGTH = struct.Struct("<BI"), struct.Struct("<I")
_SPARSE, _TERNARY = 1 << 31, 1 << 30  # in a plane's length
_LENGTH_MAX = (1 << 30) - 1
_DIGITS = 5  # to the base 3, in a byte
_TO_DIGIT = bytes([0]) + b"\1" * 127 + b"\2" * 128
_FROM_DIGIT = bytes([0, 1, 255]) + bytes(253)
_LEFT = bytes([0, *range(127), *range(129, 256), 0])  # of a byte without its digit
_DIGIT_AT = [bytes(byte // 3**place % 3 for byte in range(256)) for place in range(_DIGITS)]
_GAP_MAX = 255  # zeros, of a byte that nothing follows yet
_STEP = bytes([*range(1, _GAP_MAX + 1), _GAP_MAX])  # from the place before a gap to the one behind it
_ENDS = b"\1" * _GAP_MAX + b"\0"  # whether a byte follows a gap
_RUN = re.compile(rb"(\0*)([^\0])", re.DOTALL)
_SIGN = bytes(128) + b"\xff" * 128  # of a byte: what a word repeats above it


def far_among(nodes: Sequence[NodeRef]) -> Procedure[frozenset[NodeRef]]:
    """Return the nodes to which packing pays, by the round trips measured so far."""
    trips_s = yield from round_trips_to(nodes)
    return frozenset(node for node, seconds in trips_s.items() if seconds >= PACK_FROM_S)


def pack(content: bytes, width: int, tail_bytes: int = 0) -> bytes:
    """Return a content of words packed, or as it is where packing does not shorten it.

    tail_bytes: of noise at its end, as digests, which stay as they are.
    """
    if not PACK_FROM_BYTES <= len(content) - tail_bytes <= PLAIN_BYTES_MAX - tail_bytes:
        return content
    words, tail = content[: len(content) - tail_bytes], content[len(content) - tail_bytes :]
    width = width if len(words) % width == 0 else TEXT
    planes = _without_signs([words[place::width] for place in range(width)])
    packed = (
        _HEAD.pack(width, tail_bytes)
        + tail
        + b"".join(_pack_plane(plane, is_of_words=width > TEXT) for plane in planes)
    )
    return packed if len(packed) < len(content) else content


def unpack(packed: bytes, size_bytes: int) -> bytes:
    """Return the plain content of `size_bytes`. Raises Malformed for anything that `pack` has not made."""
    if len(packed) == size_bytes:
        return packed
    if size_bytes > PLAIN_BYTES_MAX or len(packed) > size_bytes or not packed:
        raise Malformed(f"packed content: {len(packed)} bytes for {size_bytes}, at most {PLAIN_BYTES_MAX}")
    width, tail_bytes = _HEAD.unpack_from(packed) if len(packed) >= _HEAD.size else (0, 0)
    words_bytes, at = size_bytes - tail_bytes, _HEAD.size + tail_bytes
    if width not in (TEXT, WEIGHT_BYTES, SUM_BYTES) or words_bytes < 0 or words_bytes % width:
        raise Malformed(f"packed content: {words_bytes} bytes in words of {width}")
    planes, tail = [], packed[_HEAD.size : at]
    for _ in range(width):
        plane, at = _unpack_plane(packed, at, words_bytes // width)
        planes.append(plane)
    if at != len(packed):
        raise Malformed(f"packed content: {len(packed) - at} bytes too many")
    words = bytearray(words_bytes)
    for place, plane in enumerate(_without_signs(planes, backwards=True)):
        words[place::width] = plane
    return bytes(words) + tail


def unpack_along(packed: bytes, size_bytes: int) -> bytes:
    """Return the plain content of `size_bytes` that has come along with a message, as one piece. Raises Malformed."""
    if size_bytes > CHUNK_BYTES:  # before the work: such contents come in pieces
        raise Malformed(f"a content of {size_bytes} bytes cannot come along: at most {CHUNK_BYTES}")
    return unpack(packed, size_bytes)


def _pack_plane(plane: bytes, is_of_words: bool) -> bytes:
    """Return a plane in its shortest form, behind its length."""
    zeros, digits = plane.count(0), plane.count(1) + plane.count(255)
    if is_of_words and zeros == len(plane):
        return _LENGTH.pack(_SPARSE)
    forms = [(0, _deflated(plane, zlib.Z_RLE if is_of_words else zlib.Z_DEFAULT_STRATEGY))]
    if is_of_words and zeros >= SPARSE_ZEROS * len(plane) > 0:
        forms.append((_SPARSE, _listed(plane)))
    if is_of_words and digits and zeros + digits >= TERNARY_DIGITS * len(plane):
        forms.append((_TERNARY, _ternary(plane)))
    flag, shortest = min(forms, key=lambda form: len(form[1]))
    return _LENGTH.pack(flag | len(shortest)) + shortest


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


def _ternary(plane: bytes) -> bytes:
    """Return the digits of a plane, and what is left of its bytes without them, listed."""
    digits = plane.translate(_TO_DIGIT) + bytes(-len(plane) % _DIGITS)
    numbers = sum(3**place * int.from_bytes(digits[place::_DIGITS], "little") for place in range(_DIGITS))
    packed = numbers.to_bytes(len(digits) // _DIGITS, "little")
    return _with_length(_deflated(packed, zlib.Z_HUFFMAN_ONLY)) + _listed(plane.translate(_LEFT))


def _unternary(form: bytes, size: int) -> bytes:
    """Return the plane of `size` bytes that was cut into digits. Raises Malformed."""
    packed, at = _unpack_plane(form, 0, -(-size // _DIGITS), is_plain=True)
    digits = bytearray(_DIGITS * len(packed))
    for place in range(_DIGITS):
        digits[place::_DIGITS] = packed.translate(_DIGIT_AT[place])
    return _added(bytes(digits[:size]).translate(_FROM_DIGIT), _unlisted(form[at:], size, 1 - TERNARY_DIGITS))


def _unlisted(listed: bytes, size: int, share: float) -> bytes:
    """Return the plane of `size` bytes that was listed; it is zeros if there is no list. Raises Malformed.

    share: of its bytes that may be listed. Each byte takes the receiver some time, and the sender almost none.
    """
    if not listed:
        return bytes(size)
    gaps, at = _unpack_part(listed, 0, size)
    values, at = _unpack_part(listed, at, size)
    are_too_many = sum(gaps) + len(values) > size or len(values) > math.ceil(share * size)
    if at != len(listed) or are_too_many or len(gaps) - gaps.count(_GAP_MAX) != len(values):
        raise Malformed(f"packed content: a list of {len(gaps)} gaps and {len(values)} values for {size} bytes")
    plane = bytearray(size + 1)
    places = compress(accumulate(gaps.translate(_STEP)), gaps.translate(_ENDS))  # counted from 1
    following = iter(values)
    for _ in range(0, len(values), AT_ONCE):
        deque(map(plane.__setitem__, islice(places, AT_ONCE), islice(following, AT_ONCE)), maxlen=0)
    return bytes(plane[1:])


def _unpack_part(listed: bytes, at: int, most: int) -> tuple[bytes, int]:
    """Return one part of a list, whose length stands before it, and where it ends. Raises Malformed."""
    if len(listed) - at < _LENGTH.size:
        raise Malformed("packed content: a list ends early")
    (size,) = _LENGTH.unpack_from(listed, at)
    if size > most:
        raise Malformed(f"packed content: {size} entries of a list for {most} bytes")
    return _unpack_plane(listed, at + _LENGTH.size, size, is_plain=True)


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


def _unpack_plane(packed: bytes, at: int, size: int, is_plain: bool = False) -> tuple[bytes, int]:
    """Return a plane of `size` bytes that begins at a place, and where it ends. Raises Malformed.

    is_plain: it is neither listed nor cut into digits.
    """
    if len(packed) - at < _LENGTH.size:
        raise Malformed("packed content: ends early")
    (length,) = _LENGTH.unpack_from(packed, at)
    flag, length = length & ~_LENGTH_MAX, length & _LENGTH_MAX
    begin, end = at + _LENGTH.size, at + _LENGTH.size + length
    if flag and (is_plain or end > len(packed)):
        raise Malformed("packed content: a form that is not allowed here, or ends early")
    if flag:
        form = packed[begin:end]
        return (_unlisted(form, size, 1 - SPARSE_ZEROS) if flag & _SPARSE else _unternary(form, size)), end
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


def _added(one: bytes, other: bytes) -> bytes:
    """Return the sums of bytes, modulo 256: the lower seven bits carry into the upper one, which carries nowhere."""
    ones, others = int.from_bytes(one), int.from_bytes(other)
    lower, upper = int.from_bytes(b"\x7f" * len(one)), int.from_bytes(b"\x80" * len(one))
    both = (ones & lower) + (others & lower)
    return (both ^ ((ones ^ others) & upper)).to_bytes(len(one))


def _xor(one: bytes, other: bytes) -> bytes:
    both = int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
    return both.to_bytes(len(one), "little")
