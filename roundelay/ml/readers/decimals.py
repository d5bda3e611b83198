"""Parser of decimal numbers in text, vectorised: all fields of a block at once, eight characters at a time.

A field `-12.5` is the integer 125 divided by 10. An integer below 2^53 and a power of ten up to 10^22 are exact in
float64, so one division rounds as Python's float() does (Clinger 1990). With more digits, up to 19, the division's
remainder corrects its result (Dekker 1971). Fields of another form, such as 1e-5, and the few whose rounding stays in
doubt are left to the caller. Eight digits become an integer by three multiplications of one 64-bit word (Lemire 2021,
section 5).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Ints

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]
Doubles = npt.NDArray[np.float64]

MARGIN_BYTES = 32  # that precede the first field, so that every load is inside the text
_LANES = 3  # words of a field
_DIGITS_MAX = 22  # of a field, zeros at the front included: 10^22 is the largest exact power
_POWERS = np.array([float(10**n) for n in range(_DIGITS_MAX + 1)])
_SPLIT = float((1 << 27) + 1)
_DOUBT = 2.0**-50  # relative error of a correction, at most
_EXACT_MAX, _THOUSAND = np.uint64(1 << 53), np.uint64(1000)


def _all_bytes(byte: int) -> np.uint64:
    return np.uint64(int.from_bytes(bytes([byte]) * 8, "little"))


_KEEP = [  # by lane and number of characters: the bytes of a word that belong to the field
    np.array([-1 << 8 * (8 - min(8, max(0, n - 8 * lane))) & (1 << 64) - 1 for n in range(8 * _LANES + 1)], np.uint64)
    for lane in range(_LANES)
]
_ONE, _FOUR, _EIGHT, _SIXTEEN, _THIRTY_TWO, _TEN, _ALL = (np.uint64(n) for n in (1, 4, 8, 16, 32, 10, (1 << 64) - 1))
_ZEROS, _POINTS, _LOW, _UPPER, _SIX, _THREES = (_all_bytes(n) for n in (0x30, 0x2E, 0x7F, 0xF0, 0x06, 0x33))
_PAIRS, _BY_1_AND_100, _BY_1_AND_10000 = (
    np.uint64(0x000000FF_000000FF),
    np.uint64(1_000_000 << 32 | 100),
    np.uint64(10_000 << 32 | 1),
)


def parse(text: Bytes, starts: Ints, ends: Ints) -> tuple[Doubles, Bools]:
    """Return the number in each field text[start:end], and which fields are such numbers; the others hold anything.

    No field begins before MARGIN_BYTES.
    """
    first = text[starts]  # (fields,) as are all arrays below
    minus = first == ord("-")
    digits = ends - starts
    digits -= minus | (first == ord("+"))
    np.maximum(digits, 0, out=digits)
    longest = int(digits.max(initial=0))
    words, places, has_point = _without_point(text, ends, digits, max(1, min(_LANES, -(-longest // 8))))
    digits -= has_point
    good = digits >= 1
    if longest > _DIGITS_MAX:
        good &= digits <= _DIGITS_MAX
    total = np.zeros(0, np.uint64)
    for lane, word in enumerate(words):
        keep = _KEEP[lane].take(digits, mode="clip")
        word &= keep
        word |= np.bitwise_and(_ZEROS, np.invert(keep, out=keep), out=keep)
        check = word + _SIX
        check &= _UPPER
        check >>= _FOUR
        check |= word & _UPPER
        good &= check == _THREES
        value = _eight_digits(word)
        if lane == 2:
            good &= value < _THOUSAND  # a total below 10^19
        total = value * np.uint64(10 ** (8 * lane)) + total if lane else value
    scale = _POWERS.take(places, mode="clip")
    values = total.astype(np.float64)
    values /= scale
    if len(words) > 1:
        large = np.flatnonzero(good & (total >= _EXACT_MAX))
        values[large], good[large] = _divide(total[large], scale[large])
    np.negative(values, out=values, where=minus)
    return values, good


def _without_point(text: Bytes, ends: Ints, digits: Ints, lanes: int) -> tuple[list[Words], Ints, Bools]:
    """Return each field's characters without its point, the last eight first; digits after it; whether it has one."""
    loads = np.ndarray((len(text) - 7,), "<u8", text.data, strides=(1,))  # eight characters from each position on
    words: list[Words] = []
    places, seen = np.zeros(0, np.int64), np.zeros(0, np.bool_)
    for lane in range(lanes):
        word = loads[ends - 8 * (lane + 1)]
        shifted = loads[ends - 8 * (lane + 1) - 1]  # the same, with one character fewer at the end
        point = word ^ _POINTS
        check = point & _LOW
        check += _LOW
        check |= point
        check |= _LOW
        point = np.invert(check, out=check)  # the highest bit of each byte that is a point
        point &= _KEEP[lane].take(digits, mode="clip")
        here = point != 0
        point <<= _ONE
        after = np.invert(np.subtract(point, _ONE, out=point), out=point)  # the bytes after the last point
        count = np.bitwise_count(after) >> 3
        after |= np.multiply(_ALL, ~here)  # a word without a point stays as it is
        if lane:
            here &= ~seen
            after *= ~seen  # and one before it moves by a character
            places, seen = places + here * (8 * lane + count), seen | here
        else:
            places, seen = count * here, here
        word ^= shifted
        word &= after
        word ^= shifted
        words.append(word)
    return words, places.astype(np.int64), seen


def _divide(total: Words, scale: Doubles) -> tuple[Doubles, Bools]:
    """Return total / scale, rounded once, and where that is certain; total < 10^19, scale <= 10^22."""
    high = total.astype(np.float64)
    low = (total - high.astype(np.uint64)).astype(np.int64).astype(np.float64)  # total = high + low
    quotient = high / scale
    product = quotient * scale
    (a, b), (c, d) = _halves(quotient), _halves(scale)
    rest = ((a * c - product) + a * d + b * c) + b * d  # quotient * scale = product + rest
    correction = ((high - product) - rest + low) / scale
    value = quotient + correction
    doubt = np.abs(correction) * _DOUBT
    return value, (quotient + (correction - doubt) == value) & (quotient + (correction + doubt) == value)


def _halves(x: Doubles) -> tuple[Doubles, Doubles]:
    """Split numbers into two of 26 bits each (Veltkamp)."""
    scaled = _SPLIT * x
    high = scaled - (scaled - x)
    return high, x - high


def _eight_digits(word: Words) -> Words:
    """Return the number of eight digits, of which the first is in the lowest byte."""
    word = word - _ZEROS
    tens = word >> _EIGHT
    word *= _TEN
    word += tens  # pairs of digits, in every other byte
    low = word & _PAIRS
    low *= _BY_1_AND_100
    word >>= _SIXTEEN
    word &= _PAIRS
    word *= _BY_1_AND_10000
    word += low
    word >>= _THIRTY_TWO
    return word
