"""Shares of a secret: enough of them give it back, fewer tell nothing. A sealed box opens where it is meant to."""

from __future__ import annotations

import itertools
import random

import pytest

from roundelay.trust.errors import NotTrusted
from roundelay.trust.masking_key import MaskingKey
from roundelay.trust.secret_sharing import COEFFICIENT_BYTES, PRIME, factors_of, join, split

SECRET = bytes(range(224, 256))
COUNT, THRESHOLD = 6, 4


def shares_of(secret: bytes, seed: int = 1) -> list[bytes]:
    return split(secret, COUNT, random.Random(seed).randbytes(COEFFICIENT_BYTES * (THRESHOLD - 1)))


@pytest.mark.parametrize("secret", [SECRET, bytes(32), b"\xff" * 32], ids=["some", "zero", "largest"])
def test_any_shares_of_the_threshold_give_the_secret_back(secret: bytes) -> None:
    shares = shares_of(secret)

    for places in itertools.combinations(range(COUNT), THRESHOLD):
        assert join({place: shares[place] for place in places}, factors_of(places)) == secret


def test_fewer_shares_do_not_give_the_secret_back() -> None:
    shares = shares_of(SECRET)

    for places in itertools.combinations(range(COUNT), THRESHOLD - 1):
        factors = factors_of(places)
        assert sum(int.from_bytes(shares[place]) * factors[place] for place in places) % PRIME != int.from_bytes(SECRET)


def test_fewer_shares_fit_every_secret() -> None:
    """With one share fewer, each value of one more share gives another secret, all of them equally possible."""
    places = range(THRESHOLD)
    known, factor = dict(enumerate(shares_of(SECRET)[: THRESHOLD - 1])), factors_of(places)[THRESHOLD - 1]

    missing = [n * pow(factor, -1, PRIME) % PRIME for n in range(3)]
    secrets = {
        sum(int.from_bytes(known.get(p, share.to_bytes(33))) * factors_of(places)[p] for p in places) % PRIME
        for share in missing
    }

    assert len(secrets) == 3


def test_the_modulus_is_prime_and_above_every_secret() -> None:
    """By Miller and Rabin, for bases drawn from one seed."""
    rest, twos = PRIME - 1, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    rng = random.Random(0)
    for base in (rng.randrange(2, PRIME - 1) for _ in range(40)):
        powers = [pow(base, rest << at, PRIME) for at in range(twos)]
        assert powers[0] == 1 or PRIME - 1 in powers
    assert PRIME > 1 << 256


def test_shares_of_what_is_no_secret_are_refused() -> None:
    places = range(THRESHOLD)
    with pytest.raises(NotTrusted, match="contradict one another"):
        join(dict.fromkeys(places, (PRIME - 1).to_bytes(33)), factors_of(places))


def test_two_sites_share_a_seed_that_depends_on_the_sum() -> None:
    one, other, third = (MaskingKey(bytes([n]) * 32) for n in (1, 2, 3))

    assert one.shared_seed(other.public, b"sum 1") == other.shared_seed(one.public, b"sum 1")
    seeds = [one.shared_seed(p, c) for p in (other.public, third.public) for c in (b"sum 1", b"sum 2")]
    assert len({*seeds, one.seed(b"sum 1"), one.seed(b"sum 2")}) == 6


def test_a_box_opens_only_for_its_receiver_in_its_sum() -> None:
    one, other, third = (MaskingKey(bytes([n]) * 32) for n in (1, 2, 3))
    box = one.seal(other.public, b"shares", b"sum 1")

    assert other.open(one.public, box, b"sum 1") == b"shares"
    wrong = [(other, one, box, b"sum 2"), (third, one, box, b"sum 1"), (other, third, box, b"sum 1")]
    wrong += [(other, one, bytes([box[0] ^ 1]) + box[1:], b"sum 1")]
    for receiver, sender, content, context in wrong:
        with pytest.raises(NotTrusted, match="a sealed share was damaged"):
            receiver.open(sender.public, content, context)


def test_a_public_key_that_gives_a_known_secret_is_refused() -> None:
    with pytest.raises(NotTrusted, match="not a site's public key"):
        MaskingKey(bytes([1]) * 32).shared_seed(bytes(32), b"sum")
