"""Links with a bandwidth: a message takes the time of its bytes, and later messages wait for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from roundelay.chord.effects import Ask, AskAll, Procedure, Request, ask, gather
from roundelay.chord.errors import NodeUnreachable
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.round_trips import INITIAL_S
from roundelay.sim.journal import EventJournal
from roundelay.sim.options import CALM
from roundelay.sim.process import Process
from roundelay.sim.world import World

MBIT_BYTES = 125_000  # of a link of 1 Mbit/s, in a second
HERE, THERE, YONDER = Address("here", 1), Address("there", 1), Address("yonder", 1)


@dataclass(frozen=True)
class Load(Request[int]):
    """A request of this many bytes, with an answer of this many."""

    sent: int
    returned: int = 0


class Sizes:
    """As large as they say."""

    def question(self, ask: Ask) -> int:
        return int(ask.request.sent)  # type: ignore[attr-defined]

    def answer(self, ask: Ask, outcome: Any) -> int:
        return int(ask.request.returned)  # type: ignore[attr-defined]


class Net:
    """Three hosts without latency, each with a link of 1 Mbit/s; who was answered, and when."""

    def __init__(self, mbit_s: float = 1.0) -> None:
        self.world = World(replace(CALM, latency_s=0.0, bandwidth_mbit_s=mbit_s), EventJournal(), Sizes())
        self.hosts = {address: self._host(address) for address in (HERE, THERE, YONDER)}
        self.at: list[float] = []
        self.outcomes: list[Any] = []
        self.heard: dict[Address, float] = {}

    def _host(self, address: Address) -> Process:
        process = self.world.start(address)
        process.ref = NodeRef(1, address.host, address.port)
        process.handlers = {Load: lambda request: self._take(address, request)}
        return process

    def _take(self, address: Address, request: Load) -> int:
        self.heard[address] = round(self.world.clock.now, 6)
        return request.returned

    def run(self, *procedures: Procedure[Any], host: Address = HERE) -> None:
        for procedure in procedures:
            self.world.run(self.hosts[host], "test", procedure, self._ended)
        self.world.clock.run(60.0)

    def _ended(self, outcome: Any) -> None:
        self.outcomes.append(outcome)
        self.at.append(round(self.world.clock.now, 6))


def load(to: Address, sent: int, returned: int = 0, timeout_s: float = 50.0) -> Procedure[int]:
    return ask(to, Load(sent, returned), timeout_s)


def test_a_request_takes_the_time_of_its_bytes_and_of_its_answers_bytes() -> None:
    net = Net()

    net.run(load(THERE, MBIT_BYTES, MBIT_BYTES // 2))

    assert net.at == [1.5]
    assert (net.world.messages, net.world.bytes) == (2, MBIT_BYTES * 3 // 2)


def test_a_large_message_delays_the_next_one_to_any_host() -> None:
    net = Net()

    net.run(load(THERE, 2 * MBIT_BYTES), load(YONDER, MBIT_BYTES // 10), load(THERE, MBIT_BYTES // 10))

    assert net.at == [2.0, 2.1, 2.2]


def test_a_host_receives_one_message_after_the_other() -> None:
    net = Net()

    net.run(together_all([load(THERE, 0, MBIT_BYTES), load(YONDER, 0, MBIT_BYTES)]))

    assert net.at == [2.0]


def together_all(procedures: list[Procedure[int]]) -> Procedure[Any]:
    outcomes = yield from gather(procedures)
    return outcomes


def test_incoming_messages_do_not_delay_outgoing_ones() -> None:
    net = Net()
    net.world.run(net.hosts[THERE], "flood", load(HERE, 10 * MBIT_BYTES), lambda _: None)

    net.run(load(YONDER, MBIT_BYTES))

    assert net.heard == {YONDER: 1.0, HERE: 10.0}


def test_a_message_that_takes_too_long_is_a_timeout() -> None:
    net = Net()

    net.run(load(THERE, 3 * MBIT_BYTES, timeout_s=2.0))

    assert isinstance(net.outcomes[0], NodeUnreachable)
    assert net.at == [2.0 + INITIAL_S]


def test_concurrent_requests_share_the_uplink() -> None:
    net = Net()
    asks = [Ask(to, Load(MBIT_BYTES), 50.0) for to in (THERE, YONDER)]

    def all_of_them() -> Procedure[Any]:
        answers = yield AskAll(asks, deadline_s=50.0)
        return answers

    net.run(all_of_them())

    assert net.at == [2.0]


def test_links_without_a_bandwidth_add_no_time_but_count_bytes() -> None:
    net = Net(mbit_s=0.0)

    net.run(load(THERE, 10 * MBIT_BYTES))

    assert net.at == [0.0]
    assert net.world.bytes == 10 * MBIT_BYTES


def test_a_bandwidth_requires_the_sizes_of_messages() -> None:
    with pytest.raises(ValueError, match="sizes of messages"):
        World(replace(CALM, bandwidth_mbit_s=1.0), EventJournal())
