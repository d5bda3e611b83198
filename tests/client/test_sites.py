"""The names of private data are found by the entries that nodes store, whatever addresses the sites have."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from roundelay.chord.refs import NodeRef
from roundelay.client.sites import NAMES_MAX, find_sites, published_names


def statuses(*names: str, host: str = "10.0.0.1", leaf: str = "clinic.example.org") -> Any:
    """A ring of one node with one leaf, which stores entries of these names."""
    leaves = (SimpleNamespace(node=NodeRef(2, leaf, 1024, 1)),)
    return [SimpleNamespace(node=NodeRef(1, host, 8001, 1), names=names, leaves=leaves)]


def test_an_address_is_not_a_part_of_a_name() -> None:
    of_sites = [f"pinned.ward-{n}.10.{n}.3.7:8001" for n in range(30)]
    others = ["pinned.x.y.[::1]:8001", "pinned.west.clinic.example.org:1024", "drained.z.10.0.0.1:8001"]

    found = published_names(statuses(*of_sites, *others))

    assert found == sorted([*(f"ward-{n}" for n in range(30)), "x.y", "west"])


def test_names_at_a_host_that_is_away_are_guessed_after_all_others() -> None:
    found = published_names(statuses("pinned.a.b.away.example.org:8001", "pinned.z.10.0.0.1:8001"))

    assert found == ["z", "a", "a.b", "a.b.away", "a.b.away.example"]


def test_the_names_of_one_site_are_those_before_its_address() -> None:
    entries = ("pinned.a.b.away.example.org:8001", "pinned.z.10.0.0.1:8001", "pinned.y.110.0.0.1:8001")

    assert published_names(statuses(*entries), "away.example.org:8001") == ["a.b"]
    assert published_names(statuses(*entries), "10.0.0.1:8001") == ["z"]


def test_a_list_that_is_cut_says_so() -> None:
    notes: list[str] = []
    asked: list[object] = []
    ask = lambda make: asked.append(make) or ()  # type: ignore[func-returns-value]  # noqa: E731
    connection: Any = SimpleNamespace(ask=ask, progress=SimpleNamespace(note=notes.append))
    entries = [f"pinned.ward-{n}.10.0.0.1:8001" for n in range(NAMES_MAX + 6)]

    assert find_sites(connection, statuses(*entries), (), "") == []
    assert len(asked) == NAMES_MAX
    assert notes == ["70 names of private data may be in use, the first 64 are looked up: name one to see its sites"]
