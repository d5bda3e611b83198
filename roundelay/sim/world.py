"""The simulated world: its processes by address, the time and the network that they share.

A question is answered by `roundelay.chord.dispatch.answer` from the handlers of the process that lives at
the address when it arrives, exactly as over a real wire: silence ends in NodeUnreachable, a
later life answers WrongIncarnation, an error travels back as the answer. What a process asks of
itself takes no wire. Which effects a procedure may yield is a registry: `World.performers`.
"""

from __future__ import annotations

import random
from typing import Any

from roundelay.chord.dispatch import dispatch
from roundelay.chord.effects import Ask, Procedure
from roundelay.chord.errors import ChordError, NodeUnreachable, NotYet, WrongIncarnation
from roundelay.chord.refs import Address, NodeRef
from roundelay.sim.calls import SimCall, performers
from roundelay.sim.clock import Clock
from roundelay.sim.journal import EventJournal
from roundelay.sim.links import Links, Sizes
from roundelay.sim.network import Network
from roundelay.sim.options import SimOptions
from roundelay.sim.process import PENDING, Outcome, Process, Resume, SimTask


class World:
    """Everything that one seed decides."""

    def __init__(self, options: SimOptions, journal: EventJournal, sizes: Sizes | None = None) -> None:
        """sizes: of messages on the wire; needed where links have a bandwidth, and counted wherever it is given."""
        if options.bandwidth_mbit_s and sizes is None:
            raise ValueError(f"links of {options.bandwidth_mbit_s:g} Mbit/s need to be told how large messages are")
        self.options = options
        self.clock = Clock()
        self.journal = journal
        self.network = Network(options, random.Random(f"network {options.seed}"))
        self.sizes = sizes
        self.links = Links(options.bandwidth_mbit_s) if options.bandwidth_mbit_s else None
        self.processes: dict[Address, Process] = {}
        self.silent: set[Address] = set()  # hosts that do not even refuse a call
        self.performers = performers(self)  # more effects are more entries
        self.messages = self.bytes = 0

    def note(self, text: str) -> None:
        """An event for the journal."""
        self.journal.note(self.clock.now, text)

    def rng(self, name: str) -> random.Random:
        """A source of chance of one's own: what others draw does not change it."""
        return random.Random(f"{name} {self.options.seed}")

    # --- processes

    def start(self, address: Address) -> Process:
        """A new process there, with no handlers yet."""
        assert address not in self.processes
        self.silent.discard(address)
        process = self.processes[address] = Process(address)
        self.note(f"start {address}")
        return process

    def kill(self, process: Process, silent: bool = False) -> None:
        """End a process between two of its steps; everything that it knew is gone."""
        assert self.processes.pop(process.address) is process
        if silent:
            self.silent.add(process.address)
        process.die()
        self.note(f"kill {process.address}{' and its host' if silent else ''}")

    def run(self, process: Process, name: str, procedure: Procedure[Any], done: Resume) -> None:
        """Start a procedure in a process; `done` gets its result or its ChordError."""
        SimTask(process, name, procedure, done, self.performers).start()

    # --- questions

    def ask(self, asker: Process, ask: Ask, resume: Resume) -> Outcome:
        """Put a question. Returns its outcome where no wire is needed, else PENDING: resume gets it."""
        to = ask.to.address if isinstance(ask.to, NodeRef) else ask.to
        if to == asker.address:
            return self.answer(asker, ask)
        if not to.host:
            return NodeUnreachable("a placeholder in a list is no process")
        SimCall(self, asker, ask, to, resume).start()
        return PENDING

    def answer(self, process: Process, ask: Ask) -> Outcome:
        """What a living process says to that; an error is an answer."""
        if isinstance(ask.to, NodeRef) and process.ref != ask.to:
            if process.ref is None:
                return NotYet(f"{process.address} has not been admitted yet")
            return WrongIncarnation(process.ref)
        try:
            outcome = dispatch(process.handlers, ask.request)
        except ChordError as error:
            outcome = error
        process.wake()
        return outcome
