"""A simulated computer: it boots, crashes, freezes, and runs what a compute node runs.

The node itself is the code of chord/. Here is only what a real process adds: admission, identity, handlers, and a
supervisor that restarts it.
"""

from __future__ import annotations

from collections.abc import Callable

from roundelay.chord import protocol
from roundelay.chord.dispatch import Handlers, ring_handlers
from roundelay.chord.effects import Procedure, Sleep, ask
from roundelay.chord.errors import ChordError, JoinRefused, NodeUnreachable
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import Address
from roundelay.chord.requests import Admit, Grant
from roundelay.federation.effects import Clocks
from roundelay.federation.node_core import Loops, Surroundings, ring_loops
from roundelay.sim.process import Outcome, Process
from roundelay.sim.world import World

ADMISSION_RETRY_S = 0.1
ADMISSION_ATTEMPTS_MAX = 600
RESTART_S = 0.5  # before a supervisor restarts a program that has ended


class RingProgram:
    """The handlers and loops of a node that runs only the ring, for one incarnation. NodeProgram overrides both."""

    def __init__(self, machine: Machine, node: ChordNode) -> None:
        self.machine, self.node = machine, node
        world, life = machine.world, f"{node.ref.address} {node.ref.incarnation}"
        self.surroundings = Surroundings(
            clocks(world),
            lambda name: world.rng(f"{name} {life}"),
            lambda line: world.note(f"{node.ref.address} says {line}"),
            self._start,
            lambda: machine.supernode,
            lambda: machine.listed,
        )

    def _start(self, name: str, procedure: Procedure[None]) -> None:
        assert self.machine.process is not None
        self.machine.world.run(self.machine.process, name, procedure, lambda _: None)

    def handlers(self) -> Handlers:
        """Return the handlers of its requests."""
        return ring_handlers(self.node)

    def loops(self) -> Loops:
        """Return its endless procedures, by name."""
        return ring_loops(self.node, self.surroundings)


Program = Callable[["Machine", ChordNode], RingProgram]


class Machine:
    """An address at which one incarnation of a node follows another."""

    def __init__(self, world: World, address: Address, supernode: Address, program: Program = RingProgram) -> None:
        self.world = world
        self.address = address
        self.supernode = supernode
        self.listed: tuple[Address, ...] = ()  # in its list of nodes
        self.node: ChordNode | None = None
        self.process: Process | None = None
        self._program = program
        self._running: RingProgram | None = None

    @property
    def is_up(self) -> bool:
        """True if its process is running."""
        return self.process is not None

    @property
    def program(self) -> RingProgram | None:
        """The program that it runs, if it has been admitted."""
        return self._running

    @property
    def member(self) -> ChordNode | None:
        """Its node, if that is a live member of a ring."""
        return self.node if self.node is not None and self.node.joined else None

    # --- faults

    def boot(self) -> None:
        """Start the program, if it is not running."""
        if self.process is None:
            self.process = self.world.start(self.address)
            self.world.run(self.process, "admission", _admission(self.address, self.supernode), self._admitted)

    def crash(self, silent: bool = False) -> None:
        """Kill the program; if `silent`, its host does not even refuse connections."""
        if self.process is not None:
            self.world.kill(self.process, silent)
        self.process = self.node = self._running = None

    def freeze(self) -> None:
        """Stop the process until it thaws, as SIGSTOP does."""
        if self.process is not None:
            self.process.freeze()
            self.world.note(f"freeze {self.address}")

    def thaw(self) -> None:
        if self.process is not None and self.process.frozen:
            self.world.note(f"thaw {self.address}")
            self.process.thaw()

    def adopt(self, node: ChordNode) -> None:
        """Run a node that is a member already, for rings that are built without joins."""
        self.process = self.world.start(self.address)
        self._become(node)
        self._start_loops()

    # --- one incarnation

    def _admitted(self, grant: Outcome) -> None:
        if isinstance(grant, ChordError):
            return self._give_up(grant)
        node = ChordNode(grant.node, grant.ring)
        self._become(node)
        if grant.bootstrap is None:
            protocol.create(node)
            return self._start_loops()
        assert self.process is not None
        return self.world.run(self.process, "join", protocol.join(node, grant.bootstrap), self._joined)

    def _become(self, node: ChordNode) -> None:
        assert self.process is not None
        self.node = node
        self.process.ref = node.ref
        self._running = self._program(self, node)
        self.process.handlers = self._running.handlers()
        self.world.note(f"identity {self.address} {node.ref.id:x} {node.ref.incarnation}")

    def _joined(self, outcome: Outcome) -> None:
        if isinstance(outcome, ChordError):
            self._give_up(outcome)
        else:
            self._start_loops()

    def _start_loops(self) -> None:
        assert self.process is not None and self._running is not None
        self.world.note(f"joined {self.address}")
        for name, begin in self._running.loops().items():
            self.world.run(self.process, name, begin(), self._give_up)

    def _give_up(self, error: Outcome) -> None:
        """Restart after an endless procedure has failed or admission was refused, as a supervisor would."""
        assert isinstance(error, ChordError), error
        self.world.note(f"gives up {self.address}: {type(error).__name__}")
        self.crash()
        self.world.clock.after(RESTART_S, self.boot)


def clocks(world: World) -> Clocks:
    """Return the virtual clock for drivers; versions are its microseconds."""
    return Clocks(lambda: world.clock.now, lambda: round(1e6 * world.clock.now))


def _admission(address: Address, supernode: Address) -> Procedure[Grant]:
    """Ask the supernode for admission until it grants or refuses it."""
    for _ in range(ADMISSION_ATTEMPTS_MAX):
        try:
            return (yield from ask(supernode, Admit(address)))
        except JoinRefused:
            raise
        except ChordError:
            yield Sleep(ADMISSION_RETRY_S)
    raise NodeUnreachable(f"no supernode has admitted {address}")
