"""Secure aggregation as values: the sites of a sum with their keys, and the answers of a site.

The protocol is that of Bonawitz et al., Practical secure aggregation for privacy-preserving machine learning, CCS 2017,
in three phases, each an order to every site:

1. Promise: a site tells its public key, and promises to answer no earlier driver.
2. Its order, with a `Masking`: the site adds to its vector a mask of its own and one for each pair of sites, which one
   adds and the other subtracts. Behind the masked vector come shares of the seeds of these masks, for each site a box
   that only it can open.
3. Reveal: the driver names the sites whose vectors have arrived. Each site answers with its shares of what remains of
   the masks in their sum: the own masks of these sites, and the masks that they share with sites that were lost.

Of one sum, two sets of sites must never be revealed: their difference would be an update. So a site reveals its shares
for one set only, and any two sets need the shares of a site that has revealed both: a set needs those of `threshold`
sites, which are more than half of all. A promise tells the set that its site has revealed, and later drivers propose
the same one again. Where a site of it has started anew, and has another key, they have the same sites mask the same
vectors anew (RevealedSet.sites): the sum is then the one that was begun.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from roundelay.chord.errors import Malformed
from roundelay.federation import strict_json
from roundelay.federation.settings import SUMMED_SITES_MAX
from roundelay.federation.strict_json import ADDRESS_CHARACTERS_MAX, in_range, require

SHARE_BYTES, TAG_BYTES = 33, 16
ANSWER_BYTES_MAX = 4 << 20  # of a promise or of revealed shares

Ballot = tuple[int, str]  # when a driver began with the sum, and its name: a later one is larger


@dataclass(frozen=True)
class MaskedSite:
    """A site of a sum. files: those of the job that it has trained for it, by index, ascending."""

    address: str
    key: str  # its public key, in hexadecimal
    files: tuple[int, ...]


@dataclass(frozen=True)
class Masking:
    """Between which sites masks are shared, and how many must have sent theirs before a sum is revealed."""

    threshold: int
    sites: tuple[MaskedSite, ...]  # by address

    def __post_init__(self) -> None:
        addresses = [site.address for site in self.sites]
        if addresses != sorted(set(addresses)):
            raise Malformed("masking.sites: not in the order of their addresses, each once")
        if not self.threshold <= len(self.sites) <= SUMMED_SITES_MAX or 2 * self.threshold <= len(self.sites):
            raise Malformed(f"masking.threshold: {self.threshold} of {len(self.sites)} sites")

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each site, by its address."""
        return {site.address: place for place, site in enumerate(self.sites)}

    @property
    def box_bytes(self) -> int:
        """The size of a sealed box: a share of the sender's own seed, and of each that it has in common with a site."""
        return SHARE_BYTES * len(self.sites) + TAG_BYTES

    def places_of(self, files: Collection[int]) -> tuple[int, ...]:
        """Return the places of the sites that have these files, by index. Raises Malformed for a part of a site's."""
        found, given = {at: set(site.files) for at, site in enumerate(self.sites)}, set(files)
        places = tuple(at for at, own in found.items() if own & given)
        if set().union(*(found[at] for at in places)) != given:
            raise Malformed("masking.sites: a sum over only some of the files of a site, or over files of none")
        return places

    def context(self, job: str, number: int, sum_id: str) -> bytes:
        """Return what seeds are derived for: these sites in this sum, of this round."""
        return hashlib.sha256(f"{job} {number} {sum_id} {self}".encode()).digest()


def pair_places(place: int, sites: int) -> list[int]:
    """Return the places of the other sites, in the order of a box's shares behind the first."""
    return [other for other in range(sites) if other != place]


@dataclass(frozen=True)
class RevealedSet:
    """The sites whose vectors are in a sum: what the drivers of a sum agree on."""

    masking: Masking
    included: tuple[int, ...]  # their places

    def __post_init__(self) -> None:
        sites = len(self.masking.sites)
        if list(self.included) != sorted(set(self.included)) or not all(0 <= at < sites for at in self.included):
            raise Malformed(f"included: not places of {sites} sites in their order")
        if len(self.included) < self.masking.threshold:
            raise Malformed(f"included: {len(self.included)} sites, at least {self.masking.threshold} are needed")

    @property
    def sites(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The sites in the sum, and their files, whatever keys they have."""
        return tuple((each.address, each.files) for each in map(self.masking.sites.__getitem__, self.included))

    @property
    def lost(self) -> tuple[int, ...]:
        """The places of the sites that are not in the sum."""
        return tuple(at for at in range(len(self.masking.sites)) if at not in self.included)


@dataclass(frozen=True)
class SitePromise:
    """A site's answer in the first phase."""

    key: str
    revealed: tuple[RevealedSet, ...] = ()  # the set for which it has revealed its shares of this sum, if any


@dataclass(frozen=True)
class RevealedShares:
    """A site's answer in the third phase: for each site in the sum, its shares of the seeds that are left in it.

    They are one text of hexadecimal digits: of each included site, in order, the share of its own seed, then those of
    the seeds that it shares with each lost site, in order.
    """

    shares: str


def sum_id(order_text: str) -> str:
    """Return the id of a sum. order_text: what is computed, without the files and the sites."""
    return hashlib.sha256(order_text.encode()).hexdigest()


def promise_from_bytes(content: bytes) -> SitePromise:
    """Parse a site's promise. Raises BadRecord."""
    promise = strict_json.decode(SitePromise, content, "promise", ANSWER_BYTES_MAX)
    try:
        strict_json.digest("key", promise.key)
        require(len(promise.revealed) <= 1, "more than one set")
        for revealed in promise.revealed:
            check_masking(revealed.masking)
    except ValueError as error:
        raise strict_json.malformed("promise", str(error)) from error
    return promise


def check_masking(masking: Masking) -> None:
    """Check the fields of a masking from another process. Raises ValueError."""
    for site in masking.sites:
        strict_json.text("address", site.address, ADDRESS_CHARACTERS_MAX)
        strict_json.digest("key", site.key)
        require(list(site.files) == sorted(set(site.files)), "files are not in order")


def shares_from_bytes(content: bytes, chosen: RevealedSet) -> list[bytes]:
    """Parse what a site has revealed, in the order of `RevealedShares`. Raises BadRecord."""
    revealed = strict_json.decode(RevealedShares, content, "revealed shares", ANSWER_BYTES_MAX)
    try:
        return parse_shares(revealed.shares, chosen)
    except ValueError as error:
        raise strict_json.malformed("revealed shares", str(error)) from error


def parse_shares(text: str, chosen: RevealedSet) -> list[bytes]:
    """Return the shares of `RevealedShares`. Raises ValueError."""
    raw = bytes.fromhex(text)
    expected = SHARE_BYTES * len(chosen.included) * (1 + len(chosen.lost))
    in_range("bytes of shares", len(raw), expected, expected)
    return [raw[at : at + SHARE_BYTES] for at in range(0, len(raw), SHARE_BYTES)]


def split_masked(content: bytes, masking: Masking, sites: int = 1) -> tuple[bytes, list[bytes]]:
    """Return the sum of some sites' masked vectors and the boxes behind it: of each in turn, one for each site of all.

    sites: how many are in the sum. Raises BadRecord.
    """
    size = masking.box_bytes
    end = len(content) - size * len(masking.sites) * sites
    if end < 0:
        raise strict_json.malformed("masked vector", f"{len(content)} bytes with boxes of {sites} sites")
    return content[:end], [content[at : at + size] for at in range(end, len(content), size)]
