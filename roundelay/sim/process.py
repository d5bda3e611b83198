"""A simulated process, and the procedures that run in it.

It knows nothing of networks: what an effect means is the business of the world's performers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from roundelay.chord.dispatch import Handlers
from roundelay.chord.effects import Procedure, resume
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address, NodeRef
from roundelay.federation.errors import FederationError
from roundelay.sim.clock import Action

Outcome = Any  # what a procedure is sent: a value, or an exception that is raised in it
Resume = Callable[[Outcome], None]
PENDING = object()  # a performer's answer: the outcome follows by Task.later()


class Process:
    """One life of one program: its identity, its handlers and the procedures that it runs."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.ref: NodeRef | None = None  # unknown until it is admitted; the supernode has none
        self.handlers: Handlers = {}
        self.is_called: Callable[[], bool] = lambda: False  # has it something to wake up for?
        self.nappers: dict[SimTask, Resume] = {}
        self.tasks: dict[SimTask, None] = {}
        self.alive = True
        self.frozen = False
        self._waiting: list[Action] = []

    def when_awake(self, action: Action) -> None:
        """Now, or once it is no longer frozen; never after its death."""
        if self.frozen:
            self._waiting.append(action)
        elif self.alive:
            action()

    def wake(self) -> None:
        """End the naps if a handler has just made something due."""
        if self.nappers and self.is_called():
            nappers, self.nappers = self.nappers, {}
            for resume in nappers.values():
                resume(None)

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        """Go on: with what has piled up meanwhile, in its order."""
        self.frozen = False
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            self.when_awake(action)

    def die(self) -> None:
        self.alive = self.frozen = False
        for task in list(self.tasks):
            task.cancel()


class SimTask:
    """A procedure on its way: stepped when what it waits for is there."""

    def __init__(
        self, process: Process, name: str, procedure: Procedure[Any], done: Resume, performers: Mapping[type, Performer]
    ) -> None:
        self.process, self.name = process, name
        self._procedure = procedure
        self._done = done
        self._performers = performers
        self._steps = 0  # an outcome for an earlier effect comes too late

    def start(self) -> None:
        """Run up to the first effect that takes time. In the end `done` gets the result or the error."""
        self.process.tasks[self] = None
        self._go_on(None)

    def later(self) -> Resume:
        """How the outcome of the present effect is handed in: once, and only while it is waited for."""
        step = self._steps

        def resume(outcome: Outcome) -> None:
            if self._steps == step:
                self._go_on(outcome)

        return resume

    def cancel(self) -> None:
        """End it where it stands; nobody is told."""
        del self.process.tasks[self]
        self._procedure.close()

    # --- helpers

    def _go_on(self, outcome: Outcome) -> None:
        while self in self.process.tasks:
            self._steps += 1
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
                return

    def _end(self, outcome: Outcome) -> None:
        del self.process.tasks[self]
        self._done(outcome)


Performer = Callable[[SimTask, Any], Outcome]
