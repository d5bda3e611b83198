"""Drained sites: no round gives them new orders or waits for them, until they are resumed.

A record beside the publications says whether a site is drained; the latest counts. Drivers read it once a second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from roundelay.chord.effects import Procedure
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.private_data import directory_name
from roundelay.store.blobs import digest_of
from roundelay.store.items import Find, Item
from roundelay.store.read_path import find
from roundelay.store.store import LEASE_MAX_S
from roundelay.store.write_path import put

DRAINED = "drained."  # begins the name of the record, which ends like that of the site's publication
_DRAIN, _RESUME = b"drained", b"resumed"


def set_drained(start: NodeRef, ring: Ring, name: str, site: str, drained: bool, version: int) -> Procedure[None]:
    """Drain a site with private data of this name, or resume it. Raises ChordError."""
    content, key = _DRAIN if drained else _RESUME, ring.key(directory_name(name))
    yield from put(start, ring, key, _record(name, site), content, version, LEASE_MAX_S)


def find_drained(start: NodeRef, ring: Ring, name: str) -> Procedure[frozenset[str]]:
    """Return the drained sites with private data of this name. Raises ChordError."""
    items, _ = yield from find(start, ring, ring.key(directory_name(name)))
    return drained_among(name, items)


def question(ring: Ring, name: str, sites: Collection[str]) -> Find:
    """Return the request for the records about these sites."""
    return Find(ring.key(directory_name(name)), tuple(_record(name, site) for site in sorted(sites)))


def latest_among(name: str, items: Iterable[Item]) -> dict[str, Item]:
    """Return the latest record about each site."""
    begin = _record(name, "")
    ours = (item for item in items if item.entry.name.startswith(begin))
    return {item.entry.name.removeprefix(begin): item for item in sorted(ours, key=lambda item: item.rank)}


def drained_among(name: str, items: Iterable[Item]) -> frozenset[str]:
    """Return the drained sites, by the latest record about each."""
    found = latest_among(name, items)
    return frozenset(site for site, item in found.items() if item.entry.digest == digest_of(_DRAIN))


def _record(name: str, site: str) -> str:
    return f"{DRAINED}{name}.{site}"
