"""Tests of a node under load: it delays or refuses orders and never changes a result."""

from __future__ import annotations

import random

import pytest

from roundelay.cli import legacy_arguments
from roundelay.federation.effects import Compute, Done
from roundelay.federation.requests import Order, TrainingFile
from roundelay.federation.tasks import MixTask
from roundelay.node.load import Load
from roundelay.node.runtime import Stopped

FILE = TrainingFile(0, "a", "00" * 32, 1, 1)


def effect(may_refuse: bool) -> Compute:
    return Compute(Order("job", 1, (FILE,), MixTask(0), may_refuse=may_refuse), {})


def test_a_busy_node_delays_an_order() -> None:
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return False

    load = Load(1.0, 2.5, random.Random(1), wait)

    assert load.around(effect(may_refuse=False), lambda _: Done(b"sum", 0.5)) == Done(b"sum", 3.0)
    assert waited == [2.5]


def test_an_order_that_may_be_refused_is_not_delayed_as_well() -> None:
    load = Load(1.0, 2.5, random.Random(1), lambda _: pytest.fail("it waited"))

    assert load.around(effect(may_refuse=True), lambda _: Done(b"sum", 0.5)) == Done(b"sum", 0.5)


def test_a_node_that_stops_during_the_delay_gives_the_order_up() -> None:
    with pytest.raises(Stopped):
        Load(1.0, 2.5, random.Random(1), lambda _: True).around(effect(False), lambda _: pytest.fail("it trained"))


def test_a_node_is_busy_with_the_given_probability() -> None:
    load = Load(0.4, 1.0, random.Random(1), lambda _: False)

    assert 350 < sum(load.is_busy() for _ in range(1000)) < 450
    assert not any(Load(0.0, 1.0, random.Random(1), lambda _: False).is_busy() for _ in range(1000))


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["5001", "0.4"], ["5001", "--load", "0.4"]),
        (["5001", ".25", "--quiet"], ["5001", "--quiet", "--load", ".25"]),
        (["5001", "127.0.0.1", "9091"], ["5001", "127.0.0.1", "9091"]),
        (["5001"], ["5001"]),
    ],
)
def test_the_coordinator_systems_arguments_are_translated(given: list[str], meant: list[str]) -> None:
    assert legacy_arguments.translate_node(given) == meant
