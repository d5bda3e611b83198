"""A node that accepts no connections is asked through its relays, as long as one of them may still learn of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from roundelay.chord.effects import Ask, Effect, Sleep, run
from roundelay.chord.errors import ChordError, NodeUnreachable, NotFound, NotYet, WrongIncarnation
from roundelay.chord.refs import NodeRef
from roundelay.chord.relays import PASSES_MAX, Relays
from roundelay.chord.requests import GetStatus

A, B = NodeRef(10, "a", 1), NodeRef(20, "b", 1)
LEAF = NodeRef(5, "leaf", 1, 1, relays=(A, B))
UNREACHABLE, UNKNOWN, AWAY = NodeUnreachable("refused"), NotFound("no order"), NotYet("silent")


class Network:
    """Answers by relay, one after the other; the last of them stands."""

    def __init__(self, answers: Mapping[NodeRef, Sequence[Any]]) -> None:
        self.answers = {relay: list(each) for relay, each in answers.items()}
        self.asked: list[NodeRef | None] = []
        self.pauses = 0

    def perform(self, effect: Effect) -> Any:
        if isinstance(effect, Sleep):
            self.pauses += 1
            return None
        assert isinstance(effect, Ask) and effect.to == LEAF and effect.via is not None
        self.asked.append(effect.via)
        answers = self.answers[effect.via]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def ask(self, relays: Relays) -> Any:
        return run(relays.ask(Ask(LEAF, GetStatus())), self.perform)


def test_the_relay_that_answered_last_is_asked_first() -> None:
    relays, network = Relays(), Network({A: [UNREACHABLE], B: ["answer"]})

    assert [network.ask(relays), network.ask(relays)] == ["answer", "answer"]
    assert network.asked == [A, B, B]


def test_a_relay_that_takes_over_is_given_time_to_hear_of_the_order() -> None:
    network = Network({A: [UNREACHABLE], B: [UNKNOWN, UNKNOWN, "answer"]})

    assert network.ask(Relays()) == "answer"
    assert network.pauses == 2


@pytest.mark.parametrize(
    ("answers", "error", "passes"),
    [
        ((UNREACHABLE, UNKNOWN), NotFound, PASSES_MAX),
        ((UNKNOWN, UNKNOWN), NotFound, 1),
        ((AWAY, UNKNOWN), NotYet, 1),
        ((UNREACHABLE, UNREACHABLE), NodeUnreachable, 1),
        ((WrongIncarnation(A), WrongIncarnation(B)), NodeUnreachable, 1),
    ],
)
def test_the_error_that_says_most_is_raised(
    answers: tuple[ChordError, ChordError], error: type[ChordError], passes: int
) -> None:
    network = Network({A: answers[:1], B: answers[1:]})

    with pytest.raises(error):
        network.ask(Relays())
    assert len(network.asked) == 2 * passes


def test_another_life_of_the_node_ends_the_search() -> None:
    reborn = NodeRef(LEAF.id, "leaf", 1, 2)
    network = Network({A: [WrongIncarnation(reborn)], B: ["answer"]})

    with pytest.raises(WrongIncarnation):
        network.ask(Relays())
    assert network.asked == [A]
