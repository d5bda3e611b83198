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
    begin = _record(name, "")
    return drained_among(
        name, [i.entry.name.removeprefix(begin) for i in items if i.entry.name.startswith(begin)], items
    )


def question(ring: Ring, name: str, sites: Collection[str]) -> Find:
    """Return the request for the records about these sites."""
    return Find(ring.key(directory_name(name)), tuple(_record(name, site) for site in sorted(sites)))


def drained_among(name: str, sites: Collection[str], items: Iterable[Item]) -> frozenset[str]:
    """Return which of these sites are drained, by the latest record of each."""
    latest = {item.entry.name: item for item in sorted(items, key=lambda item: item.rank)}
    found = {site: latest.get(_record(name, site)) for site in sites}
    return frozenset(s for s, item in found.items() if item is not None and item.entry.digest == digest_of(_DRAIN))


def _record(name: str, site: str) -> str:
    return f"{DRAINED}{name}.{site}"
