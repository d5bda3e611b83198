"""Shamir's secret sharing: a secret of 32 bytes in shares, any `threshold` of which give it back, and fewer nothing.

Shamir, How to share a secret, CACM 1979: the secret is a polynomial's value at 0, the shares its values at 1, 2, ...
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from roundelay.trust.errors import NotTrusted

SECRET_BYTES = 32
SHARE_BYTES = 33
COEFFICIENT_BYTES = 48  # of randomness for each coefficient: reduced modulo the prime, it is uniform but for 2^-127
PRIME = 2**256 + 297  # the first prime above every secret


def split(secret: bytes, count: int, coefficients: bytes) -> list[bytes]:
    """Return `count` shares. coefficients: COEFFICIENT_BYTES of secret randomness for each, one less than needed."""
    size = COEFFICIENT_BYTES
    drawn = [int.from_bytes(coefficients[at : at + size]) % PRIME for at in range(0, len(coefficients), size)]
    polynomial = [*drawn, int.from_bytes(secret)]  # the highest power first
    return [_value(polynomial, place).to_bytes(SHARE_BYTES) for place in range(1, count + 1)]


def join(shares: Mapping[int, bytes], factors: Mapping[int, int]) -> bytes:
    """Return the secret. shares: by their place, from 0 on. factors: `factors_of` their places. Raises NotTrusted."""
    total = sum(int.from_bytes(share) * factors[place] for place, share in shares.items()) % PRIME
    if total >> 8 * SECRET_BYTES:
        raise NotTrusted("the shares of a secret contradict one another")
    return total.to_bytes(SECRET_BYTES)


def factors_of(places: Collection[int]) -> dict[int, int]:
    """Return by what the share at each of these places is multiplied (Lagrange's interpolation at 0)."""
    points = {place: place + 1 for place in places}
    factors = {}
    for place, point in points.items():
        others = [other for other in points.values() if other != point]
        above = _product(others)
        below = _product([other - point for other in others])
        factors[place] = above * pow(below, -1, PRIME) % PRIME
    return factors


def _value(polynomial: Sequence[int], point: int) -> int:
    """Return a polynomial's value, by Horner's rule."""
    value = 0
    for coefficient in polynomial:
        value = (value * point + coefficient) % PRIME
    return value


def _product(numbers: Sequence[int]) -> int:
    product = 1
    for number in numbers:
        product = product * number % PRIME
    return product
