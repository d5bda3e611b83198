"""Simulated processes and requests over a faulty network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from roundelay.chord.effects import Ask, AskAll, Gather, Procedure, Request, Sleep, SleepUntil, ask
from roundelay.chord.errors import Busy, NodeUnreachable, NotYet, WrongIncarnation
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.round_trips import INITIAL_S
from roundelay.sim.journal import EventJournal
from roundelay.sim.options import CALM, SimOptions
from roundelay.sim.process import Process
from roundelay.sim.world import World

HERE, THERE = Address("here", 1), Address("there", 1)


@dataclass(frozen=True)
class Echo(Request[str]):
    """Say that again."""

    word: str


@dataclass(frozen=True)
class Refuse(Request[str]):
    """Say that you are busy."""


class Wire:
    """Two processes and what the first has been told."""

    def __init__(self, options: SimOptions = CALM) -> None:
        self.world = World(options, EventJournal())
        self.here, self.there = self._process(HERE), self._process(THERE)
        self.ended: list[Any] = []
        self.heard: list[str] = []

    def _process(self, address: Address) -> Process:
        process = self.world.start(address)
        process.ref = NodeRef(1, address.host, address.port)
        process.handlers = {Echo: self._echo, Refuse: self._refuse}
        return process

    def _echo(self, request: Echo) -> str:
        self.heard.append(request.word)
        return request.word

    def _refuse(self, _: Refuse) -> str:
        raise Busy("not now")

    def run(self, procedure: Procedure[Any], seconds: float = 10.0) -> Any:
        self.world.run(self.here, "test", procedure, self.ended.append)
        self.world.clock.run(self.world.clock.now + seconds)
        return self.ended[-1] if self.ended else None


def test_a_request_is_answered_after_two_latencies() -> None:
    wire = Wire()

    assert wire.run(ask(THERE, Echo("hello"))) == "hello"
    assert wire.heard == ["hello"]
    assert wire.world.messages == 2


def test_a_request_to_itself_needs_no_network_and_no_time() -> None:
    wire = Wire()

    wire.world.run(wire.here, "test", ask(HERE, Echo("me")), wire.ended.append)

    assert wire.ended == ["me"]
    assert wire.world.messages == 0


def test_an_error_of_the_handler_is_the_answer() -> None:
    assert isinstance(Wire().run(ask(THERE, Refuse())), Busy)


def test_a_silent_process_is_unreachable_after_the_timeout() -> None:
    wire = Wire()
    wire.world.kill(wire.there, silent=True)

    wire.world.run(wire.here, "test", ask(THERE, Echo("hello"), 1.0), wire.ended.append)
    wire.world.clock.run(INITIAL_S + 0.99)
    assert wire.ended == []
    wire.world.clock.run(INITIAL_S + 1.01)

    assert isinstance(wire.ended[0], NodeUnreachable)


def test_a_host_without_a_process_refuses_long_before_the_timeout() -> None:
    wire = Wire()
    wire.world.kill(wire.there)

    outcome = wire.run(ask(THERE, Echo("hello")), seconds=0.5)

    assert isinstance(outcome, NodeUnreachable)
    assert "refuses" in str(outcome)


def test_a_later_incarnation_answers_wrong_incarnation() -> None:
    wire = Wire()
    meant = wire.there.ref
    assert meant is not None
    wire.there.ref = replace(meant, incarnation=2)

    outcome = wire.run(ask(meant, Echo("hello")))

    assert isinstance(outcome, WrongIncarnation)
    assert outcome.actual == wire.there.ref
    assert wire.heard == []


def test_a_process_that_is_not_admitted_answers_not_yet() -> None:
    wire = Wire()
    meant, wire.there.ref = wire.there.ref, None
    assert meant is not None

    assert isinstance(wire.run(ask(meant, Echo("hello"))), NotYet)


def test_a_request_is_not_answered_when_all_messages_are_lost() -> None:
    wire = Wire(replace(CALM, loss=1.0))

    assert isinstance(wire.run(ask(THERE, Echo("hello"))), NodeUnreachable)
    assert wire.heard == []


def test_a_duplicated_request_is_handled_twice_and_answered_once() -> None:
    wire = Wire(replace(CALM, duplication=1.0))

    assert wire.run(ask(THERE, Echo("hello"))) == "hello"
    assert wire.heard == ["hello", "hello"]
    assert wire.ended == ["hello"]


def test_reordering_lets_a_later_message_arrive_first() -> None:
    wire = Wire(replace(CALM, reordering=0.5))
    for word in "abcdefgh":
        wire.world.run(wire.here, word, ask(THERE, Echo(word)), wire.ended.append)

    wire.world.clock.run(5.0)

    assert sorted(wire.heard) == list("abcdefgh")
    assert wire.heard != sorted(wire.heard)


def test_a_partition_stops_messages_until_it_ends() -> None:
    wire = Wire()
    wire.world.network.split([HERE])
    assert isinstance(wire.run(ask(THERE, Echo("cut"))), NodeUnreachable)

    wire.world.network.join()

    assert wire.run(ask(THERE, Echo("whole"))) == "whole"
    assert wire.heard == ["whole"]


def test_a_message_in_flight_when_the_network_splits_does_not_arrive() -> None:
    wire = Wire()
    wire.world.run(wire.here, "test", ask(THERE, Echo("late")), wire.ended.append)

    wire.world.network.split([HERE])
    wire.world.clock.run(5.0)

    assert wire.heard == []


def test_a_healed_network_loses_and_duplicates_nothing() -> None:
    wire = Wire(replace(CALM, loss=1.0, duplication=1.0))

    wire.world.network.heal()

    assert wire.run(ask(THERE, Echo("hello"))) == "hello"
    assert wire.heard == ["hello"]


def test_a_frozen_process_answers_when_it_thaws() -> None:
    wire = Wire()
    wire.there.freeze()
    wire.world.clock.at(0.5, wire.there.thaw)

    wire.world.run(wire.here, "test", ask(THERE, Echo("hello")), wire.ended.append)
    wire.world.clock.run(0.49)
    assert wire.heard == []
    wire.world.clock.run(1.0)

    assert wire.ended == ["hello"]


def test_a_frozen_process_accepts_an_answer_that_came_before_the_timeout() -> None:
    wire = Wire()
    wire.world.run(wire.here, "test", ask(THERE, Echo("hello"), 1.0), wire.ended.append)
    wire.here.freeze()
    wire.world.clock.at(3.0, wire.here.thaw)

    wire.world.clock.run(4.0)

    assert wire.ended == ["hello"]


def test_a_killed_process_runs_nothing() -> None:
    wire, closed = Wire(), list[str]()

    def procedure() -> Procedure[None]:
        try:
            yield Sleep(1.0)
        except GeneratorExit:
            closed.append("closed")
            raise

    wire.world.run(wire.here, "test", procedure(), wire.ended.append)
    wire.world.kill(wire.here)
    wire.world.clock.run(2.0)

    assert closed == ["closed"]
    assert wire.ended == []


def test_ask_all_returns_answers_in_order_and_errors_as_values() -> None:
    wire = Wire()
    asks = [Ask(THERE, Echo("one")), Ask(THERE, Refuse()), Ask(HERE, Echo("two"))]

    def procedure() -> Procedure[Any]:
        return (yield AskAll(asks))

    one, busy, two = wire.run(procedure())
    assert (one, two) == ("one", "two")
    assert isinstance(busy, Busy)


def test_ask_all_ends_when_as_many_as_needed_have_answered() -> None:
    wire = Wire()
    wire.world.kill(wire.there, silent=True)
    asks = [Ask(THERE, Echo("dead"), 5.0), Ask(HERE, Echo("here"))]

    def procedure() -> Procedure[Any]:
        return (yield AskAll(asks, need=1, deadline_s=5.0))

    dead, here = wire.run(procedure(), seconds=0.1)
    assert isinstance(dead, NodeUnreachable)
    assert here == "here"


def test_ask_all_ends_at_its_deadline() -> None:
    wire = Wire()
    wire.world.kill(wire.there, silent=True)

    def procedure() -> Procedure[Any]:
        return (yield AskAll([Ask(THERE, Echo("dead"), 60.0)], deadline_s=2.0))

    (dead,) = wire.run(procedure(), seconds=2.1 + INITIAL_S)
    assert isinstance(dead, NodeUnreachable)


def test_a_late_answer_is_not_the_outcome_of_the_next_effect() -> None:
    wire = Wire()

    def procedure() -> Procedure[float]:
        yield AskAll([Ask(THERE, Echo("late")), Ask(HERE, Echo("here"))], need=1)
        yield Sleep(5.0)
        return wire.world.clock.now

    assert wire.run(procedure()) == 5.0
    assert wire.heard == ["here", "late"]


def test_a_process_killed_while_frozen_never_thaws() -> None:
    wire = Wire()
    wire.there.freeze()
    wire.world.run(wire.here, "test", ask(THERE, Echo("hello")), wire.ended.append)
    wire.world.clock.run(0.5)

    wire.world.kill(wire.there)
    wire.there.thaw()

    assert wire.heard == []


def test_sleep_until_ends_when_a_handler_makes_its_condition_true() -> None:
    wire, called = Wire(), list[str]()

    def procedure() -> Procedure[None]:
        yield SleepUntil(lambda: bool(wire.heard), 60.0)
        called.append(f"{wire.world.clock.now:.1f}")

    wire.world.run(wire.here, "napper", procedure(), wire.ended.append)
    wire.world.clock.at(1.0, lambda: wire.world.run(wire.there, "caller", ask(HERE, Echo("wake")), lambda _: None))
    wire.world.clock.run(2.0)

    assert called == ["1.0"]


def test_gather_runs_at_most_limit_at_once_and_returns_results_in_order() -> None:
    wire = Wire()

    def sleeper(seconds: float) -> Procedure[float]:
        yield Sleep(seconds)
        if seconds > 2.5:
            raise NotYet("overslept")
        return wire.world.clock.now

    def procedure() -> Procedure[Any]:
        return (yield Gather([sleeper(1.0), sleeper(2.0), sleeper(3.0)], limit=2))

    first, second, third = wire.run(procedure())
    assert (first, second) == (1.0, 2.0)
    assert isinstance(third, NotYet)
    assert wire.world.clock.now == 10.0


def test_a_bug_in_a_handler_is_not_an_answer() -> None:
    wire = Wire()
    wire.there.handlers[Echo] = lambda request: 1 // 0

    with pytest.raises(ZeroDivisionError):
        wire.run(ask(THERE, Echo("hello")))
