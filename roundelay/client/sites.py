"""The private sites of a ring: who publishes what since when, and what each does now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from roundelay.chord.errors import ChordError
from roundelay.chord.requests import Status
from roundelay.client.connection import Connection
from roundelay.client.errors import InputNotFound
from roundelay.client.job_runner import read_job
from roundelay.federation.errors import FederationError
from roundelay.federation.listed_job import ListedJob
from roundelay.federation.private_data import Publication, directory_name, find_publications
from roundelay.federation.site_drain import find_drained

NAMES_MAX = 64  # that are looked up
_NUMERIC = re.compile(r"((\d+\.){3}\d+|\[[^\]]*\]):\d+")  # an address of IPv4 or IPv6


@dataclass(frozen=True)
class Site:
    """One private site."""

    name: str  # of its private data
    address: str
    state: str  # here, away, drained
    since: int  # Unix time at which it began to publish
    files: int
    rows: int
    release: str
    job: str = ""  # the last one that it has trained in, as far as the latest jobs tell
    round: int = 0  # and the round
    orders: int = 0  # that are not finished
    training: str = ""  # what it trains now


def find_sites(
    connection: Connection, statuses: Sequence[Status], jobs: Sequence[ListedJob], name: str, site: str = ""
) -> list[Site]:
    """Return the sites with data of a name, of what `site` publishes, or of any. Raises InputNotFound, ChordError."""
    names = [name] if name else published_names(statuses, site)
    if len(names) > NAMES_MAX:
        many = f"{len(names)} names of private data may be in use"
        connection.progress.note(f"{many}, the first {NAMES_MAX} are looked up: name one to see its sites")
    found: list[Site] = []
    for each in names[:NAMES_MAX]:
        publications = connection.ask(lambda entry, each=each: find_publications(entry.node, entry.ring, each))  # type: ignore[misc]
        if publications:
            drained = connection.ask(lambda entry, each=each: find_drained(entry.node, entry.ring, each))  # type: ignore[misc]
            last = _last_rounds(connection, each, jobs)
            found += [_site(each, publication, drained, last, statuses) for publication in publications]
    if name and not found:
        raise InputNotFound(f"no node has published private data under {name!r}")
    return found


def published_names(statuses: Sequence[Status], site: str = "") -> list[str]:
    """Return the names of private data, of one site or of all, by the names of stored entries: NAME.ADDRESS.

    Both may hold dots. Of a site that is away, whose host has a name, each part before a dot may be NAME; these
    guesses are the last.
    """
    begin, known = directory_name(""), _addresses(statuses)
    names, guesses = set[str](), set[str]()
    for entry in {name.removeprefix(begin) for each in statuses for name in each.names if name.startswith(begin)}:
        cuts = [(entry[:at], entry[at + 1 :]) for at, mark in enumerate(entry) if mark == "."]
        if site:
            names |= {name for name, address in cuts if address == site}
        elif exact := {name for name, address in cuts if address in known or _NUMERIC.fullmatch(address)}:
            names |= exact
        else:
            guesses |= {name for name, _ in cuts}
    return [*sorted(names), *sorted(guesses - names)]


def _addresses(statuses: Iterable[Status]) -> set[str]:
    """Return the addresses of all nodes and leaves."""
    nodes = [node for each in statuses for node in (each.node, *(leaf.node for leaf in each.leaves))]
    return {str(node.address) for node in nodes}


def _last_rounds(connection: Connection, name: str, jobs: Sequence[ListedJob]) -> dict[str, tuple[str, int]]:
    """Return the last job and round in which each site has trained, by the latest job and the last rounds of others."""
    ours = [job for job in jobs if job.pinned == name]
    trained = {address: (job.job, job.round) for job in ours for address in job.sites}
    if ours:
        with suppress(ChordError, FederationError):  # it has gone, or cannot be read: the listing says enough
            reports = read_job(connection, ours[-1].job).reports
            trained |= {
                address: (ours[-1].job, number)
                for number, report in sorted(reports.items())
                for address in report.placement.values()
            }
    return trained


def _site(
    name: str,
    publication: Publication,
    drained: frozenset[str],
    last: dict[str, tuple[str, int]],
    statuses: Sequence[Status],
) -> Site:
    address = publication.address
    own = [status for status in statuses if str(status.node.address) == address]
    leaves = [leaf for status in statuses for leaf in status.leaves if str(leaf.node.address) == address]
    trained = [s.training for s in own if s.training] + [leaf.training for leaf in leaves if leaf.training]
    state = "drained" if address in drained else "here" if own or leaves else "away"
    return Site(
        name,
        address,
        state,
        publication.since,
        len(publication.files),
        sum(file.rows for file in publication.files),
        publication.release,
        *last.get(address, ("", 0)),
        max([leaf.orders for leaf in leaves], default=len(trained)),
        str(trained[0]) if trained else "",
    )
