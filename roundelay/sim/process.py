"""A simulated process and its tasks: the procedures that run in it. Performers of the world perform their effects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from roundelay.chord.dispatch import Handlers
from roundelay.chord.effects import Procedure, Request, resume
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.relays import Relays
from roundelay.chord.round_trips import RoundTrips
from roundelay.federation.errors import FederationError
from roundelay.sim.clock import Action

Outcome = Any  # what a procedure is sent: a value, or an exception that is raised in it
Resume = Callable[[Outcome], None]
PENDING = object()  # returned by a performer whose outcome follows through SimTask.later()


@dataclass(frozen=True)
class LongPoll:
    """A request whose answer waits for a condition, at most for some seconds."""

    is_over: Callable[[], bool]
    seconds: float


class Process:
    """One incarnation of a program: its identity, its handlers and its tasks."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.ref: NodeRef | None = None  # None until it is admitted, and for the supernode
        self.handlers: Handlers = {}
        self.round_trips = RoundTrips()
        self.relays = Relays()
        self.handlers_of: Callable[[NodeRef], Handlers | None] = lambda node: None  # of nodes that it answers for
        self.has_order: Callable[[], bool] = lambda: False  # ends an AwaitOrder
        self.poll: Callable[[Request[Any]], LongPoll | None] = lambda request: None  # what an answer waits for
        self.tasks: dict[SimTask, None] = {}
        self.alive = True
        self.frozen = False
        self._waiting: list[Action] = []
        self._conditions: list[tuple[Callable[[], bool], Action]] = []

    def when_awake(self, action: Action) -> None:
        """Run an action now, or once the process is no longer frozen; never after its death."""
        if self.frozen:
            self._waiting.append(action)
        elif self.alive:
            action()

    def when(self, holds: Callable[[], bool], action: Action) -> None:
        """Run an action once a condition holds: now, or after the handler or the step that makes it hold."""
        self._conditions.append((holds, action))
        self.check_conditions()

    def check_conditions(self) -> None:
        """Run the actions whose condition holds by now."""
        if not self._conditions:
            return
        conditions, self._conditions = self._conditions, []
        for holds, action in conditions:
            if holds():
                self.when_awake(action)
            else:
                self._conditions.append((holds, action))

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        """Continue, with the actions that have queued up meanwhile in their order."""
        self.frozen = False
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            self.when_awake(action)

    def die(self) -> None:
        self.alive = self.frozen = False
        for task in list(self.tasks):
            task.cancel()


class SimTask:
    """A running procedure, which takes a step whenever an outcome arrives."""

    def __init__(
        self, process: Process, name: str, procedure: Procedure[Any], done: Resume, performers: Mapping[type, Performer]
    ) -> None:
        self.process, self.name = process, name
        self._procedure = procedure
        self._done = done
        self._performers = performers
        self._count = 0  # outcomes of earlier effects are ignored

    def start(self) -> None:
        """Run up to the first effect that takes time. `done` gets the result or the error at the end."""
        self.process.tasks[self] = None
        self._step(None)

    def later(self) -> Resume:
        """Return the function that delivers the outcome of the present effect; later calls have no effect."""
        step = self._count

        def resume(outcome: Outcome) -> None:
            if self._count == step:
                self._step(outcome)

        return resume

    def cancel(self) -> None:
        """End the task where it is, without calling `done`."""
        del self.process.tasks[self]
        self._procedure.close()

    # --- helpers

    def _step(self, outcome: Outcome) -> None:
        while self in self.process.tasks:
            self._count += 1
            try:
                effect = resume(self._procedure, outcome)
            except StopIteration as end:
                self._end(end.value)
                return
            except (ChordError, FederationError) as error:
                self._end(error)
                return
            outcome = self._performers[type(effect)](self, effect)
            if outcome is PENDING:
                self.process.check_conditions()
                return

    def _end(self, outcome: Outcome) -> None:
        del self.process.tasks[self]
        self._done(outcome)
        self.process.check_conditions()


Performer = Callable[[SimTask, Any], Outcome]
