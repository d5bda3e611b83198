"""A node that has other things to do, as a shared machine has: now and then an order is late, or refused.

A teaching aid, and what the placement bench measures with. It changes when work is done, never what comes of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from roundelay.federation.effects import Compute, Done
from roundelay.node.runtime import Stopped


class Load:
    """Busy with a probability, each time anew. `wait` returns True when the node ends meanwhile."""

    def __init__(self, probability: float, delay_s: float, rng: random.Random, wait: Callable[[float], bool]) -> None:
        self._probability = probability
        self._delay_s = delay_s
        self._rng = rng
        self._wait = wait

    def is_busy(self) -> bool:
        """Is it, at this moment?"""
        return self._rng.random() < self._probability

    def around(self, effect: Compute, perform: Callable[[Compute], Done]) -> Done:
        """Carry an order out, late if the node is busy; one that could have been refused was taken in a free moment.

        Raises what `perform` raises; Stopped when the node ends.
        """
        if effect.order.may_refuse or not self.is_busy():
            return perform(effect)
        if self._wait(self._delay_s):
            raise Stopped
        done = perform(effect)
        return replace(done, seconds=done.seconds + self._delay_s)
