"""Requests in flight between simulated processes, and how the effects of procedures are performed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from roundelay.chord.effects import Ask, AskAll, Gather, Offload, RoundTripsTo, Sleep, SleepUntil
from roundelay.chord.errors import ChordError, NodeUnreachable
from roundelay.chord.refs import Address
from roundelay.sim.clock import Action
from roundelay.sim.journal import brief
from roundelay.sim.process import PENDING, Outcome, Performer, Process, Resume, SimTask

if TYPE_CHECKING:
    from roundelay.sim.world import World


def performers(world: World) -> dict[type, Performer]:
    """Return how a world performs the effects of chord/effects.py."""
    return {
        Ask: partial(_ask, world),
        AskAll: partial(_ask_all, world),
        Sleep: partial(_sleep, world),
        SleepUntil: partial(_sleep_until, world),
        Gather: partial(_gather, world),
        Offload: lambda _, effect: effect.function(),
        RoundTripsTo: _round_trips_to,
    }


def _ask(world: World, task: SimTask, effect: Ask) -> Outcome:
    return world.ask(task.process, effect, task.later())


def _ask_all(world: World, task: SimTask, effect: AskAll) -> Outcome:
    process, resume = task.process, task.later()
    pending = PendingAnswers(effect, resume)
    allowances_s = [process.round_trips[ask.to.host, ask.to.port].allowance_s for ask in effect.asks]
    late_s = effect.deadline_s + max(allowances_s) if effect.asks else 0.0
    world.clock.after(late_s, lambda: process.when_awake(pending.end))
    for index, one in enumerate(effect.asks):
        put = partial(pending.put, index)
        outcome = world.ask(process, one, put)
        if outcome is not PENDING:  # known at once, but delivered after all requests are sent
            world.clock.after(0.0, partial(process.when_awake, partial(put, outcome)))
    return PENDING


def _round_trips_to(task: SimTask, effect: RoundTripsTo) -> Outcome:
    trips, here = task.process.round_trips, task.process.address
    measured = {n: 0.0 if n.address == here else trips[n.host, n.port].smoothed_s for n in effect.nodes}
    return {node: seconds for node, seconds in measured.items() if seconds is not None}


def _sleep(world: World, task: SimTask, effect: Sleep) -> Outcome:
    process, resume = task.process, task.later()
    world.clock.after(effect.seconds, lambda: process.when_awake(lambda: resume(None)))
    return PENDING


def _sleep_until(world: World, task: SimTask, effect: SleepUntil) -> Outcome:
    resume = task.later()
    _when(world, task.process, effect.is_true, effect.seconds, lambda: resume(None))
    return PENDING


def _when(world: World, process: Process, is_true: Callable[[], bool], seconds: float, action: Action) -> None:
    """Run an action once a condition holds, or this many seconds have passed."""
    until_s = world.clock.now + seconds
    process.when(lambda: is_true() or world.clock.now >= until_s, action)
    world.clock.at(until_s, process.check_conditions)


def _gather(world: World, task: SimTask, effect: Gather) -> Outcome:
    """Run each procedure as a task of the same process, `limit` at a time."""
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
    """A request in flight: it ends with the first answer or the timeout."""

    def __init__(self, world: World, sender: Process, ask: Ask, to: Address, resume: Resume) -> None:
        self._world, self._sender, self._ask, self._to = world, sender, ask, to
        self._resume: Resume | None = resume
        self._number = world.messages
        self._place, self._sent_s = (to.host, to.port), world.clock.now
        self._timeout_s = ask.timeout_s + sender.round_trips[self._place].allowance_s
        self._timer = world.clock.after(self._timeout_s, lambda: sender.when_awake(self._time_out))

    def start(self) -> None:
        sizes = self._world.sizes
        size_bytes = sizes.question(self._ask) if sizes else 0
        self._carry(self._sender.address, self._to, brief(self._ask.request), size_bytes, self._arrived)

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
        """Receive the first byte; the message has arrived with its last."""
        assert self._world.links is not None
        self._world.clock.after(self._world.links.take(to, size_bytes, self._world.clock.now), arrive)

    def _arrived(self) -> None:
        if self._world.network.separated(self._sender.address, self._to):
            return
        process = self._world.processes.get(self._to)
        if process is not None:
            process.when_awake(lambda: self._answer(process))
        elif self._to not in self._world.silent:
            self._reply(NodeUnreachable(f"{self._to} refuses the connection"))

    def _answer(self, process: Process) -> None:
        """Answer now, or when the condition of a long poll holds or its time is over."""
        poll = process.poll(self._ask.request)
        if poll is None or poll.is_over():
            self._reply(self._world.answer(process, self._ask))
            return
        answer = lambda: self._reply(self._world.answer(process, self._ask))  # noqa: E731 - the line would be too long
        _when(self._world, process, poll.is_over, poll.seconds, answer)

    def _reply(self, outcome: Outcome) -> None:
        sizes = self._world.sizes
        size_bytes = sizes.answer(self._ask, outcome) if sizes else 0
        self._carry(self._to, self._sender.address, brief(outcome), size_bytes, lambda: self._returned(outcome))

    def _returned(self, outcome: Outcome) -> None:
        if not self._world.network.separated(self._sender.address, self._to):
            self._sender.when_awake(partial(self._answered, outcome))

    def _answered(self, outcome: Outcome) -> None:
        if self._resume is not None and self._ask.request.answers_at_once and not isinstance(outcome, ChordError):
            self._sender.round_trips.record_answer(self._place, self._world.clock.now - self._sent_s)
        self._end(outcome)

    def _time_out(self) -> None:
        self._sender.round_trips.record_timeout(self._place)
        self._end(NodeUnreachable(f"{self._to} did not answer for {self._timeout_s:.2g} s"))

    def _end(self, outcome: Outcome) -> None:
        resume, self._resume = self._resume, None
        if resume is not None:
            self._timer.cancel()
            resume(outcome)


class PendingAnswers:
    """The answers to an AskAll in its order; a process without an answer at its end counts as unreachable."""

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
        """Deliver the answers so far; the task ignores a second delivery."""
        self._resume(list(self._outcomes))
