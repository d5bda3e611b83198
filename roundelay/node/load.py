"""Simulated load of a shared machine: with some probability an order is delayed or refused.

For teaching, and for the placement benchmark. It changes when work is done, never its result.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from roundelay.federation.effects import Compute, Done
from roundelay.node.runtime import Stopped


class Load:
    """Busy with a fixed probability, drawn at each question. `wait` returns True if the node stops meanwhile."""

    def __init__(self, probability: float, delay_s: float, rng: random.Random, wait: Callable[[float], bool]) -> None:
        self._probability = probability
        self._delay_s = delay_s
        self._rng = rng
        self._wait = wait

    def is_busy(self) -> bool:
        """Return whether the node is busy at this moment."""
        return self._rng.random() < self._probability

    def around(self, effect: Compute, perform: Callable[[Compute], Done]) -> Done:
        """Carry out an order, late if the node is busy; an order that might have been refused is not delayed.

        Raises what `perform` raises; Stopped when the node stops.
        """
        if effect.order.may_refuse or not self.is_busy():
            return perform(effect)
        if self._wait(self._delay_s):
            raise Stopped
        done = perform(effect)
        return replace(done, seconds=done.seconds + self._delay_s)
