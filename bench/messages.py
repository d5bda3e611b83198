"""The messages of a job in the simulator: round trips that wait for one another, requests by kind, bytes.

    python -m bench messages [--json]     measure, print, write docs/results/messages.md
    python -m bench messages --record     keep the figures as those to compare with (bench/messages.json)

Every message takes half a round trip, computing takes no time, and links have no bandwidth: the time of a round divided
by the round trip is the number of round trips in sequence.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from statistics import median

from bench import report
from bench.figures import Limit, Line, Table
from bench.wire_sizes import WireSizes
from roundelay.chord.effects import Ask, Procedure, gather_or_raise
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.driver import Driver
from roundelay.federation.node_core import Loops
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.federation.upload import store_and_publish
from roundelay.sim.ideal_ring import random_ring
from roundelay.sim.journal import EventJournal
from roundelay.sim.machine import Machine, clocks
from roundelay.sim.network import Network
from roundelay.sim.options import CALM
from roundelay.sim.process import Outcome, Process, Resume
from roundelay.sim.program import NodeProgram, add_performers
from roundelay.sim.supernode import SimSupernode
from roundelay.sim.world import World
from roundelay.store.blobs import digest_of

ABOUT = "The messages of a round"
RECORD = Path(__file__).resolve().parent / "messages.json"
ROUND_TRIP_S = 0.05
NODES, FILES, ROWS, FEATURES, CLASSES, HIDDEN, ROUNDS = 4, 12, 6, 16, 26, 64, 12
MANY_NODES = 1000
WARM_UP = 3  # rounds that do not count
ROUND_TRIPS_LIMIT = 4.0
START_LIMIT = 25.0
CLIENT, SUPERNODE = Address("client", 1), Address("supernode", 9091)
OF_A_ROUND = ("Order", "Collect", "Put", "Find")  # not of the heartbeat beside it
FORMS_S, HOUR_S = 60.0, 3600.0

OnRound = Callable[[RoundResult, RoundReport], None]


class EvenNetwork(Network):
    """A network on which every message takes equally long."""

    def _delay(self) -> float:
        return self._options.latency_s


@dataclass
class MessageLog:
    """The client's requests, and the times at which it was told of rounds."""

    sent: list[tuple[float, str]] = field(default_factory=list)  # when, and the kind
    told: list[tuple[float, int, int]] = field(default_factory=list)  # when; requests and bytes so far
    wire_bytes: int = 0


@dataclass(frozen=True)
class JobMessages:
    """One job's messages. Times are in round trips; a round's figures are medians or means over the later rounds."""

    start: float  # from the first request to the first round that the client is told of
    start_by_trip: tuple[tuple[str, ...], ...]  # the kinds of requests that leave in each round trip of the start
    a_round: float
    by_trip: tuple[tuple[str, ...], ...]  # of a round: the kinds of requests that leave in each round trip
    kinds: dict[str, float]  # requests a round
    bytes_a_round: float
    model_sha256: str


class MessageWorld(World):
    """Logs the client's requests."""

    def __init__(self) -> None:
        super().__init__(replace(CALM, latency_s=ROUND_TRIP_S / 2), EventJournal())
        self.network = EvenNetwork(self.options, random.Random(0))
        self.log = MessageLog()
        self._wire = WireSizes()

    def ask(self, asker: Process, ask: Ask, resume: Resume) -> Outcome:
        to = ask.to.address if isinstance(ask.to, NodeRef) else ask.to
        if asker.address != CLIENT or to == asker.address:
            return super().ask(asker, ask, resume)
        self.log.sent.append((self.clock.now, type(ask.request).__name__))
        self.log.wire_bytes += self._wire.question(ask)

        def answered(outcome: Outcome) -> None:
            self.log.wire_bytes += self._wire.answer(ask, outcome)
            resume(outcome)

        return super().ask(asker, ask, answered)


def main(arguments: Sequence[str]) -> int:
    if "--record" in arguments:
        RECORD.write_text(json.dumps(asdict(simulate()), indent=2) + "\n")
        return 0
    return report.main("messages", ABOUT, measure, arguments)


def measure() -> list[Table]:
    now, before = simulate(), json.loads(RECORD.read_text())
    lines = [
        Line("round trips a round", "", now.a_round, limit=Limit(ROUND_TRIPS_LIMIT, at_least=False)),
        Line("round trips a round, before", "", before["a_round"]),
        Line("round trips to the first round", "", now.start, limit=Limit(START_LIMIT, at_least=False)),
        Line("round trips to the first round, before", "", before["start"]),
        Line("requests a round", "", round(sum(now.kinds.values()), 2)),
        Line("requests a round, before", "", round(sum(before["kinds"].values()), 2)),
        Line("bytes a round", "", now.bytes_a_round),
        Line("bytes a round, before", "", before["bytes_a_round"]),
    ]
    for kind in sorted({*now.kinds, *before["kinds"]}):
        lines += [Line(f"{kind} a round", "", now.kinds.get(kind, 0.0))]
        lines += [Line(f"{kind} a round, before", "", before["kinds"].get(kind, 0.0))]
    about = f"{NODES} nodes, {FILES} files, layers {FEATURES}-{HIDDEN}-{CLASSES}; training takes no time."
    same = "The model is the same." if now.model_sha256 == before["model_sha256"] else "The models differ."
    table = Table("A job in the simulator", tuple(lines), (f"{about} Requests are the client's. {same}",))
    return [table, _of_many(now)]


def _of_many(few: JobMessages) -> Table:
    """Compare a round of many nodes with what a round of few nodes predicts."""
    many = simulate(MANY_NODES, is_formed=True)
    beside = sum(many.kinds[kind] - few.kinds[kind] for kind in ("Put", "Find"))
    return Table(
        f"The same job on {MANY_NODES:,} nodes",
        (
            Line("round trips a round", "", many.a_round, limit=Limit(few.a_round, at_least=False)),
            Line("round trips to the first round", "", many.start, limit=Limit(START_LIMIT, at_least=False)),
            Line("nodes that train", "", many.kinds["Order"]),
            Line("polls a round", "", many.kinds["Collect"], limit=Limit(many.kinds["Order"], at_least=False)),
            Line("puts and finds a round, beyond those of few nodes", "", beside, limit=Limit(1.0, at_least=False)),
            Line("requests of the heartbeat a round", "", many.kinds["GetNeighbours"]),
        ),
        (
            "A round costs two requests for each node that trains, and for its records as many as on few nodes; the "
            "crawl of the heartbeat, once a second, follows the successor lists of all nodes.",
        ),
    )


class Worker(NodeProgram):
    """A node that only answers and trains: no other joins or dies."""

    def loops(self) -> Loops:
        self.store.handoff_complete = True
        return {"orders": lambda: self.orders.run_queue(self.node, self.surroundings.clocks.monotonic)}


def simulate(nodes: int = NODES, topology: str = "star", is_formed: bool = False) -> JobMessages:
    """Run one job on a ring that has formed, or was built so (`is_formed`), without the upkeep of its nodes."""
    world = MessageWorld()
    add_performers(world, training_s=0.0)
    ring = Ring()
    members = _build(world, ring, nodes) if is_formed else _form(world, nodes)
    contents, files = _files()
    settings = Settings(rounds=ROUNDS, epochs=1, hidden=(HIDDEN,), eta=0.1, batch=8, topology=topology)
    spec = JobSpec(settings, files[:-1], files[-1], FEATURES, CLASSES, nonce="messages")
    log = world.log

    def on_round(result: RoundResult, report: RoundReport) -> None:
        log.told.append((world.clock.now, len(log.sent), log.wire_bytes))

    ended: list[Outcome] = []
    began_s = world.clock.now
    client = _client(world, members[0], members, ring, spec, contents, on_round)
    world.run(world.start(CLIENT), "client", client, ended.append)
    world.clock.run_while(lambda: not ended, began_s + HOUR_S)
    if not ended or not isinstance(ended[0], bytes):
        raise RuntimeError(f"the simulated job has not ended well: {ended}")
    return _figures(log, began_s, digest_of(ended[0]))


def _build(world: World, ring: Ring, count: int) -> tuple[NodeRef, ...]:
    """Start a ring as if all nodes had joined long ago. Return its members by identifier."""
    nodes = random_ring(ring, count, random.Random(count)).nodes()
    for node in nodes:
        Machine(world, node.ref.address, SUPERNODE, Worker).adopt(node)
    return tuple(sorted((node.ref for node in nodes), key=lambda ref: ref.id))


def _form(world: World, count: int) -> tuple[NodeRef, ...]:
    """Let nodes join one after the other. Return the members by identifier."""
    ring = Ring()
    SimSupernode(world, ring, SUPERNODE).boot()
    machines = [Machine(world, Address(f"n{i:02}", 5000), SUPERNODE, NodeProgram) for i in range(count)]
    for number, machine in enumerate(machines):
        world.clock.after(0.1 * number, machine.boot)
    world.clock.run(FORMS_S)
    return tuple(sorted((each.member.ref for each in machines if each.member), key=lambda ref: ref.id))


def _client(
    world: World,
    entry: NodeRef,
    members: tuple[NodeRef, ...],
    ring: Ring,
    spec: JobSpec,
    contents: dict[str, bytes],
    on_round: OnRound,
) -> Procedure[bytes]:
    """Do what a client does once the supernode has named the members, and one of them has answered.

    Return the model's weights.
    """
    yield from store_and_publish(entry, ring, spec, contents, clocks(world).version(), members=members)
    validation = contents[spec.validation_file.digest]
    driver = Driver(
        spec,
        ring,
        entry,
        "client",
        clocks(world),
        on_round,
        members=members,
        validation=validation,
        on_wait=lambda ahead: None,
    )
    driving: list[Procedure[object]] = [driver.drive(), driver.heartbeat()]
    yield from gather_or_raise(driving)
    return driver.weights[:]


def _figures(log: MessageLog, began_s: float, model: str) -> JobMessages:
    later = log.told[WARM_UP - 1 : -1]  # after the last round no other one is trained
    count = len(later) - 1
    sent = log.sent[later[0][1] : later[-1][1]]
    trips = [(b - a) / ROUND_TRIP_S for (a, _, _), (b, _, _) in pairwise(later)]
    return JobMessages(
        round((log.told[0][0] - began_s) / ROUND_TRIP_S, 1),
        _by_trip(log.sent, began_s, log.told[0][0]),
        round(median(trips), 1),
        _by_trip([each for each in log.sent if each[1] in OF_A_ROUND], later[0][0], later[1][0]),
        {kind: round(number / count, 2) for kind, number in sorted(Counter(kind for _, kind in sent).items())},
        round((later[-1][2] - later[0][2]) / count),
        model,
    )


def _by_trip(sent: Sequence[tuple[float, str]], begin_s: float, end_s: float) -> tuple[tuple[str, ...], ...]:
    """Return the kinds of requests that leave in each round trip from one time to another."""
    kinds: dict[int, set[str]] = {}
    for when, kind in sent:
        if begin_s <= when < end_s - 1e-9:
            kinds.setdefault(round((when - begin_s) / ROUND_TRIP_S), set()).add(kind)
    return tuple(tuple(sorted(kinds[trip])) for trip in sorted(kinds))


def _files() -> tuple[dict[str, bytes], tuple[TrainingFile, ...]]:
    """Make small training files, and one for validation."""
    rng = random.Random(7)
    contents, files = {}, []
    for index in range(FILES + 1):
        rows = [[*(rng.randrange(16) for _ in range(FEATURES)), rng.randrange(CLASSES)] for _ in range(ROWS)]
        content = "\n".join(",".join(map(str, row)) for row in rows).encode()
        contents[digest_of(content)] = content
        files.append(TrainingFile(index, f"file-{index:04d}", digest_of(content), len(content), ROWS))
    return contents, tuple(files)
