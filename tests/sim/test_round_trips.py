"""A round's messages, counted in the simulator against what docs/protocol.md draws."""

from __future__ import annotations

import re
from functools import cache

from bench.machine import ROOT
from bench.messages import JobMessages, simulate
from chaos import matrix

CALL = re.compile(r"^(\d| ) {2}(order|collect|put|find)\(", re.MULTILINE)
TRIP = re.compile(r"^(\d+) {1,2}(\w[^>]*?) -+> (.*)$", re.MULTILINE)
NAMED = re.compile(r"neighbours|put|find|read|order|collect|driving")
ARGUMENTS = re.compile(r"\(.*?\)")
KINDS = {"neighbours": "GetNeighbours", "driving": "DriverHeartbeat"}
START_MAX = 25


@cache
def measured() -> JobMessages:
    return simulate()


def drawn() -> list[set[str]]:
    """Return the calls of each round trip in the drawing."""
    page = (ROOT / "docs" / "protocol.md").read_text()
    section = page.partition("### A round with the topology `star`")[2].partition("###")[0]
    trips: list[set[str]] = []
    for number, call in CALL.findall(section):
        if number.strip():
            assert int(number) == len(trips) + 1
            trips.append(set())
        trips[-1].add(call)
    return trips


def start_drawn() -> list[set[str]]:
    """Return the kinds of requests in each round trip of the drawing of a start."""
    page = (ROOT / "docs" / "protocol.md").read_text()
    section = page.partition("### The start of a job")[2].partition("###")[0]
    trips: list[set[str]] = []
    for number, calls, about in TRIP.findall(section):
        assert int(number) == len(trips) + 1
        named = NAMED.findall(ARGUMENTS.sub("", f"{calls} {about.partition('Beside it')[2]}"))
        trips.append({KINDS.get(call, call.capitalize()) for call in named})
    return trips


def test_a_start_sends_the_messages_that_the_protocol_page_draws() -> None:
    assert [set(kinds) for kinds in measured().start_by_trip] == start_drawn()


def test_a_start_takes_at_most_25_round_trips_and_looks_nothing_up() -> None:
    assert measured().start == len(start_drawn()) <= START_MAX
    assert not any("NextHop" in kinds for kinds in measured().start_by_trip)


def test_the_chaos_matrix_kills_at_every_kind_of_request_that_a_round_sends() -> None:
    assert {*matrix.REQUESTS, "Put"} == measured().kinds.keys()
    assert {*matrix.HANDLED} - {"Notify", "CollectGarbage"} == {*measured().kinds} - {"GetNeighbours"}


def test_a_round_sends_the_messages_that_the_protocol_page_draws() -> None:
    assert [{kind.lower() for kind in trip} for trip in measured().by_trip] == drawn()


def test_a_round_takes_three_round_trips_and_looks_nothing_up() -> None:
    found = measured()

    assert found.a_round == len(drawn()) == 3
    assert not {"NextHop", "Read", "Write"} & found.kinds.keys()


def test_in_a_tree_a_round_takes_no_more_round_trips_than_its_depth_adds() -> None:
    assert simulate(topology="tree").a_round <= 5
