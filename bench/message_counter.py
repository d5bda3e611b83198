"""Counts the requests that a procedure sends, and the bytes of requests and replies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from roundelay.chord.effects import Ask, AskAll, Effect, Procedure, intercept
from roundelay.chord.refs import NodeRef
from roundelay.sim.links import Sizes

R = TypeVar("R")


@dataclass
class Tally:
    """Requests over the wire, and the bytes of requests and replies."""

    requests: int = 0
    bytes: int = 0

    @property
    def messages(self) -> int:
        return 2 * self.requests


def count_messages(me: NodeRef, procedure: Procedure[R], sizes: Sizes, tally: Tally) -> Procedure[R]:
    """Run the procedure unchanged, and count its requests to other nodes than `me`."""

    def observe(effect: Effect, outcome: Any) -> None:
        asks = [effect] if isinstance(effect, Ask) else effect.asks if isinstance(effect, AskAll) else []
        answers = outcome if isinstance(effect, AskAll) and isinstance(outcome, list) else [outcome] * len(asks)
        for ask, answer in zip(asks, answers, strict=True):
            if ask.to != me:
                tally.requests += 1
                tally.bytes += sizes.question(ask) + sizes.answer(ask, answer)

    return (yield from intercept(procedure, observe))
