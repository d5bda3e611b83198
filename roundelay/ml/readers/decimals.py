"""Parser of decimal numbers in text, vectorised: all fields of a block at once, eight characters at a time.

A field `-12.5` is the integer 125 divided by 10. An integer below 2^53 and a power of ten up to 10^22 are exact in
float64, so one division rounds as Python's float() does (Clinger 1990). With more digits, up to 19, the division's
remainder corrects its result (Dekker 1971). Fields of another form, such as 1e-5, and the few whose rounding stays in
doubt are left to the caller. Eight digits become an integer by three multiplications of one 64-bit word (Lemire 2021,
section 5).

On one machine, with the search for separators, a field of 4 decimals took 24 ns and one of 17 digits 69 ns of processor
time. Arrow's reader took 38 and 62 ns, numpy.loadtxt 43 and 173, float() 80 and 200; JSON numbers by msgspec 34 and 42,
but a table has words and other forms beside them. None of these is faster by enough for a second way of reading.
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
_NO_POINT = 8 * _LANES  # in place of a number of digits after the point
_POWERS = np.array([float(10**n) if n <= _DIGITS_MAX else 1.0 for n in range(_NO_POINT + 1)])
_SIGNS = np.array([1.0, -1.0])
_SPLIT = float((1 << 27) + 1)
_DOUBT = 2.0**-50  # relative error of a correction, at most
_EXACT_MAX, _THOUSAND = np.uint64(1 << 53), np.uint64(1000)


def _all_bytes(byte: int) -> np.uint64:
    return np.uint64(int.from_bytes(bytes([byte]) * 8, "little"))


def _halves(x: Doubles) -> tuple[Doubles, Doubles]:
    """Split numbers into two of 26 bits each (Veltkamp)."""
    scaled = _SPLIT * x
    high = scaled - (scaled - x)
    return high, x - high


_POWER_HALVES = _halves(_POWERS)
_LAST = [  # by lane and a number n: the bytes of a word that belong to the last n characters of a field
    np.array([-1 << 8 * (8 - min(8, max(0, n - 8 * lane))) & (1 << 64) - 1 for n in range(8 * _LANES + 1)], np.uint64)
    for lane in range(_LANES)
]
_EIGHT, _SIXTEEN, _THIRTY_TWO, _TEN = (np.uint64(n) for n in (8, 16, 32, 10))
_ZEROS, _ABOVE_NINE, _HIGHEST = _all_bytes(0x30), _all_bytes(0x80 - 10), _all_bytes(0x80)
_PAIRS, _BY_1_AND_100, _BY_1_AND_10000 = (
    np.uint64(0x000000FF_000000FF),
    np.uint64(1_000_000 << 32 | 100),
    np.uint64(10_000 << 32 | 1),
)


def parse(text: Bytes, starts: Ints, ends: Ints) -> tuple[Doubles, Bools]:
    """Return the number in each field text[start:end], and which fields are such numbers; the others hold anything.

    Fields are in the order of the text, and none begins before MARGIN_BYTES.
    """
    first = text[starts]  # (fields,) as are all arrays below
    minus = first == ord("-")
    places = _digits_after_point(text, starts, ends)
    digits = ends - starts
    digits -= minus | (first == ord("+"))
    digits -= places < _NO_POINT
    total, good = _integers(text, ends, digits, places)
    scale = _POWERS.take(places, mode="clip")
    values = total.astype(np.float64)
    values /= scale
    large = good & (total >= _EXACT_MAX)
    if large.all():
        values, good = _divide(total, places)
    elif large.any():
        values[large], good[large] = _divide(total[large], places[large])
    values *= _SIGNS.take(minus)
    return values, good


def _digits_after_point(text: Bytes, starts: Ints, ends: Ints) -> Ints:
    """Return how many characters follow the last point of each field, or _NO_POINT."""
    is_point = text == ord(".")
    points = np.flatnonzero(is_point)
    if len(points) == len(ends) and (points >= starts).all() and (points < ends).all():
        places: Ints = np.minimum(ends - points - 1, _NO_POINT - 1)
        return places  # one point in each field, as most often
    if not len(points):
        return np.full(len(ends), _NO_POINT)
    before = np.cumsum(is_point, dtype=np.int32).take(ends - 1)  # points before the end of each field
    last = points.take(before - 1, mode="clip")
    places = np.minimum(ends - last - 1, _NO_POINT - 1)
    places[(last < starts) | (last >= ends)] = _NO_POINT
    return places


def _integers(text: Bytes, ends: Ints, digits: Ints, places: Ints) -> tuple[Words, Bools]:
    """Return the integer that each field is without its point, and which are one below 10^19."""
    loads = np.ndarray((len(text) - 7,), "<u8", text.data, strides=(1,))  # eight characters from each position on
    good = (digits >= 1) & (digits <= _DIGITS_MAX)
    shortest, longest = int(digits.min(initial=_DIGITS_MAX)), int(digits.max(initial=1))
    least_places = int(places.min(initial=_NO_POINT))
    total, wrong = np.zeros(len(ends), np.uint64), np.zeros(len(ends), np.uint64)
    for lane in range(max(1, min(_LANES, -(-longest // 8)))):
        word = loads[ends - 8 * (lane + 1)]
        if least_places < 8 * (lane + 1):  # characters before the point move by one
            before = (word << _EIGHT) | text[ends - 8 * (lane + 1) - 1]
            word ^= before
            word &= _LAST[lane].take(places, mode="clip")
            word ^= before
        word ^= _ZEROS
        if shortest < 8 * (lane + 1):
            word &= _LAST[lane].take(digits, mode="clip")
        wrong |= word
        wrong |= word + _ABOVE_NINE
        value = _eight_digits(word)
        if lane == 2:
            good &= value < _THOUSAND  # a total below 10^19
        total = value * np.uint64(10 ** (8 * lane)) + total if lane else value
    good &= (wrong & _HIGHEST) == 0
    return total, good


def _divide(total: Words, places: Ints) -> tuple[Doubles, Bools]:
    """Return total / 10^places, rounded once, and where that is certain; total < 10^19, places <= 22."""
    scale = _POWERS.take(places, mode="clip")
    high = total.astype(np.float64)
    low = (total - high.astype(np.uint64)).view(np.int64).astype(np.float64)  # total = high + low
    quotient = high / scale
    product = quotient * scale
    a, b = _halves(quotient)
    c, d = (half.take(places, mode="clip") for half in _POWER_HALVES)
    rest = ((a * c - product) + a * d + b * c) + b * d  # quotient * scale = product + rest
    correction = ((high - product) - rest + low) / scale
    value = quotient + correction
    doubt = np.abs(correction) * _DOUBT
    return value, (quotient + (correction - doubt) == value) & (quotient + (correction + doubt) == value)


def _eight_digits(word: Words) -> Words:
    """Return the number of eight digits, values from 0 to 9, of which the first is in the lowest byte."""
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
