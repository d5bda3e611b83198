"""Questions under way between simulated processes, and what the core's effects mean here."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from roundelay.chord.effects import Ask, AskAll, Gather, Sleep, SleepUntilNudged
from roundelay.chord.errors import ChordError, NodeUnreachable
from roundelay.chord.refs import Address
from roundelay.sim.clock import Action
from roundelay.sim.journal import brief
from roundelay.sim.process import PENDING, Outcome, Performer, Process, Resume, SimTask

if TYPE_CHECKING:
    from roundelay.sim.world import World


def performers(world: World) -> dict[type, Performer]:
    """How the effects of roundelay.chord.effects are performed in that world."""
    return {
        Ask: partial(_ask, world),
        AskAll: partial(_ask_all, world),
        Sleep: partial(_sleep, world),
        SleepUntilNudged: partial(_nap, world),
        Gather: partial(_together, world),
    }


def _ask(world: World, task: SimTask, effect: Ask) -> Outcome:
    return world.ask(task.process, effect, task.later())


def _ask_all(world: World, task: SimTask, effect: AskAll) -> Outcome:
    process, resume = task.process, task.later()
    gathering = PendingAnswers(effect, resume)
    late_s = effect.deadline_s if effect.asks else 0.0
    world.clock.after(late_s, lambda: process.when_awake(gathering.end))
    for index, one in enumerate(effect.asks):
        put = partial(gathering.put, index)
        outcome = world.ask(process, one, put)
        if outcome is not PENDING:  # known at once: handed in when all have been asked
            world.clock.after(0.0, partial(process.when_awake, partial(put, outcome)))
    return PENDING


def _sleep(world: World, task: SimTask, effect: Sleep) -> Outcome:
    process, resume = task.process, task.later()
    world.clock.after(effect.seconds, lambda: process.when_awake(lambda: resume(None)))
    return PENDING


def _nap(world: World, task: SimTask, effect: SleepUntilNudged) -> Outcome:
    process, resume = task.process, task.later()
    process.nappers[task] = resume
    seconds = 0.0 if process.is_called() else effect.seconds
    world.clock.after(seconds, lambda: process.when_awake(lambda: resume(None)))
    return PENDING


def _together(world: World, task: SimTask, effect: Gather) -> Outcome:
    """Each procedure is a task of the same process; the next starts when one has ended."""
    waiting = deque(enumerate(effect.procedures))
    outcomes: list[Outcome] = [None] * len(waiting)
    resume, left = task.later(), len(waiting)

    def start_next() -> None:
        if waiting:
            index, procedure = waiting.popleft()
            world.run(task.process, f"{task.name} {index}", procedure, partial(ended, index))

    def ended(index: int, outcome: Outcome) -> None:
        nonlocal left
        outcomes[index] = outcome
        left -= 1
        if left == 0:
            world.clock.after(0.0, lambda: task.process.when_awake(lambda: resume(outcomes)))
        start_next()

    for _ in range(min(effect.limit, len(waiting))):
        start_next()
    return PENDING


class SimCall:
    """One question under way: it ends with the first answer or with the time-out."""

    def __init__(self, world: World, asker: Process, ask: Ask, to: Address, resume: Resume) -> None:
        self._world, self._asker, self._ask, self._to = world, asker, ask, to
        self._resume: Resume | None = resume
        self._number = world.messages
        late = NodeUnreachable(f"{to} was silent for {ask.timeout_s} s")
        self._timer = world.clock.after(ask.timeout_s, lambda: asker.when_awake(lambda: self._end(late)))

    def start(self) -> None:
        sizes = self._world.sizes
        size_bytes = sizes.question(self._ask) if sizes else 0
        self._carry(self._asker.address, self._to, brief(self._ask.request), size_bytes, self._arrived)

    def _carry(self, source: Address, to: Address, text: str, size_bytes: int, arrive: Action) -> None:
        world = self._world
        delays = world.network.delays(source, to)
        if world.links is not None:
            queued_s = world.links.send(source, size_bytes, world.clock.now)
            delays = [queued_s + delay for delay in delays]
            arrive = partial(self._receive, to, size_bytes, arrive)
        world.messages += 1
        world.bytes += size_bytes
        arrivals = " ".join(f"+{d:.6f}" for d in delays) or "lost"
        world.note(f"#{self._number} {source} > {to} {text} {arrivals}")
        for delay in delays:
            world.clock.after(delay, arrive)

    def _receive(self, to: Address, size_bytes: int, arrive: Action) -> None:
        """Its first byte is there; it has arrived when its last is."""
        assert self._world.links is not None
        self._world.clock.after(self._world.links.take(to, size_bytes, self._world.clock.now), arrive)

    def _arrived(self) -> None:
        if self._world.network.separated(self._asker.address, self._to):
            return
        process = self._world.processes.get(self._to)
        if process is not None:
            process.when_awake(lambda: self._reply(self._world.answer(process, self._ask)))
        elif self._to not in self._world.silent:
            self._reply(NodeUnreachable(f"{self._to} refuses the connection"))

    def _reply(self, outcome: Outcome) -> None:
        sizes = self._world.sizes
        size_bytes = sizes.answer(self._ask, outcome) if sizes else 0
        self._carry(self._to, self._asker.address, brief(outcome), size_bytes, lambda: self._returned(outcome))

    def _returned(self, outcome: Outcome) -> None:
        if not self._world.network.separated(self._asker.address, self._to):
            self._asker.when_awake(lambda: self._end(outcome))

    def _end(self, outcome: Outcome) -> None:
        resume, self._resume = self._resume, None
        if resume is not None:
            self._timer.cancel()
            resume(outcome)


class PendingAnswers:
    """The answers to an AskAll, in the order asked; who has not answered at its end is unreachable."""

    def __init__(self, effect: AskAll, resume: Resume) -> None:
        late = NodeUnreachable(f"no answer within {effect.deadline_s} s")
        self._outcomes: list[Outcome] = [late] * len(effect.asks)
        self._missing = len(effect.asks)
        self._needed = len(effect.asks) if effect.need is None else effect.need
        self._resume = resume

    def put(self, index: int, outcome: Outcome) -> None:
        self._outcomes[index] = outcome
        self._missing -= 1
        self._needed -= not isinstance(outcome, ChordError)
        if self._missing == 0 or self._needed <= 0:
            self.end()

    def end(self) -> None:
        """Hand in what there is; the task takes only the first."""
        self._resume(list(self._outcomes))
