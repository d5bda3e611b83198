"""The simulated world: its processes by address, and the time and network that they share.

As over a real network, a request is answered by the process that is at the address when it arrives: a timeout ends in
NodeUnreachable, a later incarnation answers WrongIncarnation, an error travels back as the answer. A request to itself
needs no network. `World.performers` holds the effects that procedures may yield.
"""

from __future__ import annotations

import random
from typing import Any

from roundelay.chord.dispatch import Handlers, dispatch
from roundelay.chord.effects import Ask, Procedure
from roundelay.chord.errors import ChordError, NodeUnreachable, NotYet, WrongIncarnation
from roundelay.chord.refs import Address, NodeRef
from roundelay.sim.calls import SimCall, performers
from roundelay.sim.clock import Clock
from roundelay.sim.identities import SimIdentities
from roundelay.sim.journal import EventJournal
from roundelay.sim.links import Links, Sizes
from roundelay.sim.network import Network
from roundelay.sim.options import SimOptions
from roundelay.sim.process import PENDING, Outcome, Process, Resume, SimTask


class World:
    """Processes, time and network of one simulation."""

    def __init__(self, options: SimOptions, journal: EventJournal, sizes: Sizes | None = None) -> None:
        """Create an empty world; `sizes` counts the bytes of messages and is required if links have a bandwidth."""
        if options.bandwidth_mbit_s and sizes is None:
            raise ValueError(f"links of {options.bandwidth_mbit_s:g} Mbit/s require the sizes of messages")
        self.options = options
        self.clock = Clock()
        self.journal = journal
        self.network = Network(options, random.Random(f"network {options.seed}"))
        self.sizes = sizes
        self.links = Links(options.bandwidth_mbit_s) if options.bandwidth_mbit_s else None
        self.processes: dict[Address, Process] = {}
        self.silent: set[Address] = set()  # hosts that do not even refuse connections
        self.identities: SimIdentities | None = None  # of a secured ring
        self.performers = performers(self)  # other packages add their effects
        self.messages = self.bytes = 0

    def note(self, text: str) -> None:
        """Write an event to the journal."""
        self.journal.note(self.clock.now, text)

    def rng(self, name: str) -> random.Random:
        """Return a random generator of its own, independent of what others draw."""
        return random.Random(f"{name} {self.options.seed}")

    # --- processes

    def start(self, address: Address) -> Process:
        """Start a process without handlers."""
        assert address not in self.processes
        self.silent.discard(address)
        process = self.processes[address] = Process(address)
        self.note(f"start {address}")
        return process

    def kill(self, process: Process, silent: bool = False) -> None:
        """Kill a process between two steps; its state is lost."""
        assert self.processes.pop(process.address) is process
        if silent:
            self.silent.add(process.address)
        process.die()
        self.note(f"kill {process.address}{' and its host' if silent else ''}")

    def run(self, process: Process, name: str, procedure: Procedure[Any], done: Resume) -> None:
        """Start a procedure in a process; `done` gets its result or its ChordError."""
        SimTask(process, name, procedure, done, self.performers).start()

    # --- requests

    def ask(self, sender: Process, ask: Ask, resume: Resume) -> Outcome:
        """Send a request. Return its outcome if no network is needed, otherwise PENDING; then `resume` gets it."""
        if isinstance(ask.to, NodeRef) and ask.to.relays and ask.via is None:
            self.run(sender, "relays", sender.relays.ask(ask), resume)
            return PENDING
        if self.identities is not None:
            ask = self.identities.sent(sender.address, ask)
        to = ask.at.address if isinstance(ask.at, NodeRef) else ask.at
        if to == sender.address:
            return self.answer(sender, ask)
        if not to.host:
            return NodeUnreachable("a placeholder has no process")
        SimCall(self, sender, ask, to, resume).start()
        return PENDING

    def answer(self, process: Process, ask: Ask) -> Outcome:
        """Return a process's answer to a request; an error is an answer."""
        try:
            outcome = dispatch(self._handlers(process, ask), ask.request)
        except ChordError as error:
            outcome = error
        if self.identities is not None:
            outcome = self.identities.received(ask, outcome)
        process.check_conditions()
        return outcome

    def _handlers(self, process: Process, ask: Ask) -> Handlers:
        """Return the handlers of a request's target at a process. Raises NotYet, WrongIncarnation."""
        if not isinstance(ask.to, NodeRef) or process.ref == ask.to:
            return process.handlers
        if process.ref is None:
            raise NotYet(f"{process.address} has not been admitted yet")
        handlers = process.handlers_of(ask.to)
        if handlers is None:
            raise WrongIncarnation(process.ref)
        return handlers
