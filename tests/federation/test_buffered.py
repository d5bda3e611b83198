"""Buffered rounds: updates are taken as they come, the chain says which, and whoever reads it gets the same bits."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from chaos.simulated_liars import CLIENT, POLL_S, READER, SUPERNODE, TRAINING_S, SettledNode
from roundelay.chord.effects import Procedure, gather
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import (
    audit,
    file_waits,
    proof_replay,
    replay,
    result_sums,
    round_coordinator,
    server_step,
    trained_round,
)
from roundelay.federation.driver import Driver
from roundelay.federation.effects import Compute
from roundelay.federation.errors import BadSpec, Overtaken, WorkFailed
from roundelay.federation.job_log import JobLog
from roundelay.federation.jobs import put_record, set_paused
from roundelay.federation.partial_result import PartialResult
from roundelay.federation.proof import check_proof
from roundelay.federation.proof_export import collect_parts
from roundelay.federation.records import DONE, FAILED, RoundReport, RoundResult
from roundelay.federation.requests import Progress
from roundelay.federation.roster import Roster
from roundelay.federation.round_coordinator import FILES_RETRY_S
from roundelay.federation.settings import Settings
from roundelay.federation.site_drain import set_drained
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.staleness import Bases, wrong_links
from roundelay.federation.tasks import TrainTask
from roundelay.federation.topologies import buffered
from roundelay.federation.topologies.order_plan import OrderPlan, PlannedOrder
from roundelay.federation.upload import store_and_publish
from roundelay.ml.worker import Worker
from roundelay.sim.ideal_ring import random_ring
from roundelay.sim.journal import EventJournal
from roundelay.sim.learnable_files import learnable_files
from roundelay.sim.machine import Machine, clocks
from roundelay.sim.options import CALM
from roundelay.sim.process import PENDING, Outcome, Resume, SimTask
from roundelay.sim.program import NodeProgram, add_performers
from roundelay.sim.world import World
from roundelay.store.blobs import digest_of
from tests.federation.test_driver import IDS, RING, SPEC, Job, make_spec

NODES, FILES, ROWS, FEATURES, CLASSES = 6, 18, 6, 4, 3
BUFFERED = Settings(topology="buffered", rounds=14, epochs=1, hidden=(4,), eta=0.1, batch=4, keep_weights="all")
ENDS_WITHIN_S = 300.0  # of virtual time
AWAY_S = 40.0
SLOW = 3.0  # times longer than the others, the slow node trains
SECOND_CLIENT = Address("second-client", 1)


class Simulation:
    """One buffered job on six nodes, one of which may be slow; the client, or nodes, may be killed."""

    def __init__(
        self,
        settings: Settings = BUFFERED,
        slow: float = SLOW,
        seed: int = 0,
        repairs: bool = False,
        is_private: bool = False,
    ) -> None:
        """repairs: whether nodes maintain the ring, so that one may die. is_private: no other node may train a file."""
        self.contents, files = learnable_files(seed, FILES, ROWS, FEATURES, CLASSES)
        self.spec = JobSpec(settings, files[:-1], files[-1], FEATURES, CLASSES)
        self.world, self.ring = World(replace(CALM, seed=seed), EventJournal()), Ring()
        true = random_ring(self.ring, NODES, random.Random(seed))
        owners = [true.owner(self.ring.key(file.name)).address for file in self.spec.files]
        self.slow = max(set(owners), key=lambda address: (owners.count(address), str(address)))
        if is_private:
            self.spec = replace(self.spec, pinned="wards", homes=tuple(map(str, owners)))
        add_performers(self.world, TRAINING_S, slow={self.slow: slow})
        self.trained: Counter[str] = Counter()  # how often each order was carried out, by its ticket
        self.last_ordered = 0  # the largest round of an order
        self._at_work: list[Resume] = []
        self._count_training()
        self.nodes = true.nodes()
        self.machines = {n.ref.address: self._machine(n.ref.address, repairs) for n in self.nodes}
        for node in self.nodes:
            self.machines[node.ref.address].adopt(node)
        self.rounds: list[tuple[float, RoundResult, RoundReport]] = []
        self.said: list[str] = []  # by the client
        self.ended: list[Outcome] = []
        self.client = self.world.start(CLIENT)
        self.world.run(self.client, "client", self._client(), self.ended.append)

    def _count_training(self) -> None:
        perform = self.world.performers[Compute]

        def compute(task: SimTask, effect: Compute) -> Outcome:
            self._at_work.append(task.later())
            outcome = perform(task, effect)
            self.last_ordered = max(self.last_ordered, effect.order.round)
            self.trained[effect.order.ticket] += outcome is PENDING and isinstance(effect.order.task, TrainTask)
            return outcome

        self.world.performers[Compute] = compute

    def _machine(self, address: Address, repairs: bool) -> Machine:
        return Machine(self.world, address, SUPERNODE, NodeProgram if repairs else SettledNode)

    def drive(self, name: str = "client") -> Procedure[Any]:
        def note(result: RoundResult, report: RoundReport) -> None:
            self.rounds.append((self.world.clock.now, result, report))

        driver = Driver(self.spec, self.ring, self.nodes[0].ref, name, clocks(self.world), note, self.said.append)
        outcome, _ = yield from gather([driver.drive(), driver.heartbeat()])
        return outcome

    def _client(self) -> Procedure[Any]:
        entry, version = self.nodes[0].ref, clocks(self.world).version()
        yield from store_and_publish(entry, self.ring, self.spec, self.contents, version)
        return (yield from self.drive())

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Run until the client has ended, or a condition holds."""
        self.world.clock.run_while(lambda: not self.ended and not until(), ENDS_WITHIN_S)

    def ask(self, procedure: Procedure[Any]) -> Any:
        """Run a procedure in a process of its own."""
        found: list[Outcome] = []
        self.world.run(self.world.start(READER), "read", procedure, found.append)
        self.world.clock.run_while(lambda: not found, self.world.clock.now + POLL_S)
        self.world.kill(self.world.processes[READER])
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    def fail_orders(self) -> None:
        """Let the orders that nodes carry out fail."""
        for resume in self._at_work:
            resume(WorkFailed("the disk is full"))

    def set_paused(self, is_paused: bool) -> None:
        self.ask(set_paused(self.nodes[0].ref, self.ring, self.spec.job, is_paused, self.version()))

    def version(self) -> int:
        return clocks(self.world).version()

    def look(self) -> JobSnapshot:
        entry = next(n.ref for n in self.nodes if self.machines[n.ref.address].process is not None)
        found: JobSnapshot = self.ask(read_snapshot(entry, self.ring, self.spec.job, with_reports=True))
        return found

    def finish(self) -> JobSnapshot:
        """Wait for the end of the job, whoever drives it."""
        while not (view := self.look()).end:
            assert self.world.clock.now < ENDS_WITHIN_S
            self.world.clock.run(self.world.clock.now + POLL_S)
        return view


def files_of_home(simulation: Simulation, site: Address | str) -> set[int]:
    """The private files of a site."""
    return {file for file, home in enumerate(simulation.spec.homes) if home == str(site)}


def files_of(view: JobSnapshot, address: Address) -> set[int]:
    """The files that a node has trained."""
    return {int(n[-2:]) for report in view.reports.values() for n, at in report.placement.items() if at == str(address)}


def repeated(simulation: Simulation, view: JobSnapshot) -> list[str]:
    """The digests of all rounds' weights, trained again in one process from what the chain says."""
    spec, worker = simulation.spec, Worker()
    moments = replay.moments(spec, simulation.contents, worker)
    made = [trained_round.TrainedRound(0, trained_round.first_weights(spec))]
    for result in view.results[1:]:
        weights = {each.number: each.weights for each in made}
        made.append(replay.take_round(spec, moments, made[-1], worker, result.taken, weights))
    return [digest_of(each.weights) for each in made]


def require_honest(simulation: Simulation, view: JobSnapshot) -> None:
    """The job is done, its links are possible, and training again gives the same weights in every round."""
    assert (view.end, len(view.results)) == (DONE, simulation.spec.settings.rounds + 1)
    assert list(wrong_links(simulation.spec, view.results)) == []
    assert [result.weights for result in view.results] == repeated(simulation, view)


@cache
def undisturbed() -> tuple[Simulation, JobSnapshot]:
    """A finished job, for tests that only read."""
    simulation = Simulation()
    simulation.run()
    return simulation, simulation.look()


# --- rounds


def test_training_again_what_the_chain_names_gives_the_same_weights_in_every_round() -> None:
    require_honest(*undisturbed())


def test_a_slow_node_holds_up_no_round_and_its_late_updates_are_taken() -> None:
    simulation, view = undisturbed()
    of_slow_node = files_of(view, simulation.slow)
    late = {file for result in view.results for file, base in result.taken if result.round - 1 - base > 2}

    assert of_slow_node and late == of_slow_node
    assert all(report.seconds < SLOW * TRAINING_S * len(of_slow_node) / 2 for report in view.reports.values())


def test_no_update_is_ordered_that_no_round_can_take() -> None:
    """A site's gate refuses an order of a round that the job does not have."""
    simulation, _ = undisturbed()

    assert simulation.last_ordered == BUFFERED.rounds


def test_a_round_that_takes_every_file_is_a_round_of_a_star() -> None:
    together = Simulation(replace(BUFFERED, buffer=FILES, rounds=3))
    together.run()
    worker = Worker()
    star = replace(together.spec, settings=replace(BUFFERED, topology="star", rounds=3))
    weights = replay.rounds(star, replay.moments(star, together.contents, worker), worker)

    assert [result.weights for result in together.look().results] == [digest_of(each) for each in weights]


def test_an_update_that_is_too_old_is_thrown_away_and_said_and_other_nodes_train_its_files() -> None:
    simulation = Simulation(replace(BUFFERED, max_staleness=2, rounds=10), slow=200.0)
    simulation.run()
    view = simulation.look()

    require_honest(simulation, view)
    said = [line for report in view.reports.values() for line in report.disturbances]
    assert any("updates that started more than 2 rounds ago are thrown away: file-" in line for line in said)
    assert {file for result in view.results for file, _ in result.taken} == set(range(FILES))


def test_orders_are_planned_once_a_round_and_not_by_each_of_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[float] = []
    update = OrderPlan.update

    def count(plan: OrderPlan) -> None:
        planned.append(simulation.world.clock.now)
        update(plan)

    monkeypatch.setattr(OrderPlan, "update", count)
    simulation = Simulation(slow=100.0)
    simulation.run()

    assert len(planned) <= 1 + BUFFERED.rounds + simulation.world.clock.now / FILES_RETRY_S


def test_updates_that_were_never_ordered_are_not_said_to_be_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker trains one site's files, while the weights become too old from which the other sites would start."""
    monkeypatch.setattr(buffered, "ORDERS_MAX", 1)
    simulation = Simulation(replace(BUFFERED, buffer=1, max_staleness=1, rounds=12), slow=1.0, is_private=True)
    simulation.run()
    view = simulation.look()

    require_honest(simulation, view)
    assert {file for result in view.results for file, _ in result.taken} == set(range(FILES))
    said = [line.split() for report in view.reports.values() for line in report.disturbances if "thrown away" in line]
    files = [{int(word.strip(",")[-2:]) for word in words if word.startswith("file-")} for words in said]
    assert files and all(len({simulation.spec.homes[file] for file in each}) == 1 for each in files)


def test_the_digest_of_weights_is_computed_once_and_not_for_each_order(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: Counter[str] = Counter()

    def count(content: bytes) -> str:
        computed[digest := digest_of(content)] += 1
        return digest

    monkeypatch.setattr(round_coordinator, "digest_of", count)
    simulation = Simulation(slow=1.0)
    simulation.run()

    assert computed and set(computed.values()) == {1}


# --- kills


@pytest.mark.parametrize("rounds", [0, 5])
def test_a_killed_driver_changes_no_round_that_it_stored_and_a_node_goes_on_with_them(rounds: int) -> None:
    simulation = Simulation()
    simulation.run(until=lambda: len(simulation.rounds) > rounds)
    before = simulation.look().results
    simulation.world.kill(simulation.client)
    view = simulation.finish()

    require_honest(simulation, view)
    assert view.results[: len(before)] == before


def test_a_driver_that_takes_over_takes_the_updates_that_were_ordered_by_the_first_one() -> None:
    """Weights are deleted after two rounds, but not those from which updates start."""
    simulation = Simulation(replace(BUFFERED, rounds=8, keep_weights="2"))
    simulation.run(until=lambda: len(simulation.rounds) > 2)
    simulation.world.kill(simulation.client)
    view = simulation.finish()

    of_slow_node = files_of(view, simulation.slow)
    assert of_slow_node
    assert {(file, 0) for file in of_slow_node} <= {pair for result in view.results for pair in result.taken}
    assert max(simulation.trained.values()) == 1


def test_a_killed_trainer_has_its_files_trained_by_others_and_the_chain_goes_on() -> None:
    simulation = Simulation(replace(BUFFERED, rounds=18), repairs=True)
    simulation.run(until=lambda: len(simulation.rounds) > 2)
    before = simulation.look().results
    victim = simulation.machines[simulation.slow]
    victim.crash()
    view = simulation.finish()

    require_honest(simulation, view)
    assert view.results[: len(before)] == before
    assert {file for result in view.results[len(before) :] for file, _ in result.taken} == set(range(FILES))


def test_rounds_go_on_without_a_private_site_that_is_away_and_no_other_node_trains_its_files() -> None:
    simulation = Simulation(replace(BUFFERED, rounds=16, max_staleness=2), is_private=True, repairs=True)
    simulation.run(until=lambda: len(simulation.rounds) > 2)
    away, before = files_of_home(simulation, simulation.slow), simulation.look().results
    simulation.machines[simulation.slow].crash()
    view = simulation.finish()

    require_honest(simulation, view)
    assert away and not away & {file for result in view.results[len(before) + 1 :] for file, _ in result.taken}
    reported = {line for number in range(12, 17) for line in view.reports[number].disturbances}
    assert reported == {f"{simulation.slow} is away: its {len(away)} private files left out"}
    assert all(view.reports[number].disturbances for number in range(12, 17))


def test_a_site_that_comes_back_is_trained_again_while_another_one_stays_away() -> None:
    """The round needs the files of the site that comes back; a driver that takes over has seen neither of the two."""
    by_files = Counter(Simulation(is_private=True).spec.homes).most_common()
    (away, files), (back, _) = by_files[-2:]
    settings = replace(BUFFERED, rounds=8, buffer=FILES - files)
    simulation = Simulation(settings, slow=1.0, is_private=True, repairs=True)
    sites = {str(address): machine for address, machine in simulation.machines.items()}
    simulation.run(until=lambda: len(simulation.rounds) > 2)
    for site in (away, back):
        sites[site].freeze()
    simulation.world.kill(simulation.client)
    simulation.world.clock.run(simulation.world.clock.now + AWAY_S)
    before = simulation.look().results
    sites[back].thaw()
    view = simulation.finish()

    require_honest(simulation, view)
    taken = {file for result in view.results[len(before) + 1 :] for file, _ in result.taken}
    assert files_of_home(simulation, back) <= taken and not taken & files_of_home(simulation, away)


def test_a_site_that_does_not_answer_holds_up_none_of_the_orders_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is still a member of the ring, which is not maintained here, so that orders are sent to it again and again."""
    monkeypatch.setattr(buffered, "ORDERS_MAX", 1)
    simulation = Simulation(replace(BUFFERED, rounds=10), is_private=True)
    simulation.run(until=lambda: len(simulation.rounds) > 2)
    site = simulation.machines[simulation.slow]
    site.freeze()
    simulation.run()
    site.thaw()

    require_honest(simulation, simulation.finish())


def test_a_round_that_waits_for_a_drained_site_says_so_once_and_goes_on_when_the_site_is_resumed() -> None:
    simulation = Simulation(replace(BUFFERED, buffer=FILES, rounds=8), slow=1.0, is_private=True)
    entry, site = simulation.nodes[0].ref, str(simulation.slow)
    simulation.run(until=lambda: len(simulation.rounds) > 2)
    simulation.ask(set_drained(entry, simulation.ring, "wards", site, True, simulation.version()))
    simulation.run(until=lambda: bool(simulation.said))
    simulation.world.clock.run(simulation.world.clock.now + AWAY_S)
    simulation.ask(set_drained(entry, simulation.ring, "wards", site, False, simulation.version()))
    simulation.run()

    require_honest(simulation, simulation.look())
    own = len(files_of_home(simulation, simulation.slow))
    waiting = f"the buffer has {FILES - own} of {FILES} files, and {site} is drained: waiting"
    assert [line.split(": ", 1)[1] for line in simulation.said] == [waiting]


def test_a_pause_is_no_part_of_the_wait_for_a_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_waits, "SITES_WAIT_MAX_S", AWAY_S)
    simulation = Simulation(BUFFERED, slow=1.0, is_private=True)
    home = next(home for home in simulation.spec.homes if home != str(simulation.nodes[0].ref.address))
    site = next(machine for address, machine in simulation.machines.items() if str(address) == home)
    simulation.run(until=lambda: len(simulation.rounds) > 2)
    site.freeze()
    simulation.run(until=lambda: len(simulation.rounds) > 4)
    simulation.set_paused(True)
    simulation.run(until=lambda: any("is paused" in line for line in simulation.said))
    paused_at = simulation.world.clock.now
    simulation.world.clock.run(paused_at + 2 * AWAY_S)
    simulation.set_paused(False)
    simulation.run(until=lambda: any("goes on" in line for line in simulation.said))
    site.thaw()
    simulation.run()

    require_honest(simulation, simulation.finish())  # a site that is back may drive the job as well, until it looks


def test_an_order_that_fails_while_the_job_is_paused_ends_the_job() -> None:
    simulation = Simulation(slow=200.0)
    simulation.run(until=lambda: len(simulation.rounds) > 2)
    simulation.set_paused(True)
    simulation.run(until=lambda: any("is paused" in line for line in simulation.said))
    simulation.fail_orders()
    simulation.run()

    assert isinstance(simulation.ended[0], WorkFailed) and simulation.look().end == FAILED


def test_of_two_drivers_at_once_one_stops_and_the_chain_is_that_of_the_other() -> None:
    simulation = Simulation(replace(BUFFERED, rounds=12))
    simulation.run(until=lambda: len(simulation.rounds) > 2)
    second: list[Outcome] = []
    simulation.world.run(simulation.world.start(SECOND_CLIENT), "second", simulation.drive("second"), second.append)
    simulation.run()
    simulation.world.clock.run_while(lambda: not second, ENDS_WITHIN_S)
    outcomes = [simulation.ended[0], second[0]]

    require_honest(simulation, simulation.finish())
    assert sum(isinstance(outcome, Overtaken) for outcome in outcomes) == 1, outcomes


# --- reading the chain


def test_a_proof_holds_and_is_trained_again_and_a_round_that_took_another_update_is_found() -> None:
    simulation, view = undisturbed()
    parts = simulation.ask(collect_parts(simulation.nodes[0].ref, simulation.ring, simulation.spec.job))
    proof = check_proof(parts)

    assert not proof.problems
    assert all(finding.holds for finding in proof_replay.replay(proof, simulation.contents))
    assert all(finding.holds for finding in proof_replay.sample(proof, simulation.contents, 20, random.Random(0)))
    wrong = replace(view.results[2], taken=view.results[2].taken[1:])
    forged = replace(proof, results={**proof.results, 2: wrong})
    assert next(f.round for f in proof_replay.replay(forged, simulation.contents) if not f.holds) == 2


@pytest.mark.parametrize("number", [1, 8])
def test_an_audit_trains_a_round_again(number: int) -> None:
    simulation, view = undisturbed()

    finding = simulation.ask(audit.retrain(simulation.nodes[0].ref, simulation.ring, view, number, Worker()))

    assert finding.holds and "files trained again" in finding.what


def test_links_that_no_driver_can_have_written_are_named() -> None:
    spec = make_spec(Settings(topology="buffered", max_staleness=2))
    first = RoundResult(spec.job, 0, "", "aa" * 32, 4)

    def problem(*taken: tuple[tuple[int, int], ...]) -> str:
        later = [replace(first, round=number, taken=each) for number, each in enumerate(taken, 1)]
        return next((text for _, text in wrong_links(spec, [first, *later])), "")

    assert problem(((0, 0), (1, 0)), ((0, 1),)) == ""
    assert "takes 0 updates" in problem(())
    assert "file 99" in problem(((99, 0),))
    assert "cannot start in round 0" in problem(((0, 0),), ((0, 0),))
    assert "too old" in problem(((0, 0),), ((1, 0),), ((2, 0),), ((3, 0),))
    assert "takes 1 updates" in next(text for _, text in wrong_links(SPEC, [replace(first, taken=((0, 0),))]))


def test_all_readers_follow_the_longer_of_two_chains_and_of_equally_long_ones_the_same_one() -> None:
    job = Job(IDS, make_spec(Settings(topology="buffered")))

    def put(result: RoundResult, driver: str) -> RoundResult:
        told = RoundReport(job.spec.job, result.round, driver, 0.0, 0.0, 0.0, 0.0, 0.0, result=result.digest)
        for what, content in (("report", told.to_bytes()), ("result", result.to_bytes())):
            name = f"{what}-{result.round}"
            job.net.run(put_record(job.net.entry, RING, job.spec.job, name, content, next(job.versions)))
        return result

    first = put(RoundResult(job.spec.job, 0, "", "aa" * 32, 4), "first")
    ways = [replace(first, round=1, previous=first.digest, weights=each * 32, taken=((0, 0),)) for each in ("bb", "cc")]
    kept, left = sorted(ways, key=lambda way: way.digest)
    for way in (kept, left):
        put(way, way.weights)
    view = job.look()

    assert view.results == (first, kept) and view.last_report
    assert (
        job.net.run(read_snapshot(job.net.entry, RING, job.spec.job, with_reports=True)).reports[1].driver
        == kept.weights
    )
    longer = put(replace(left, round=2, previous=left.digest), "longer")
    assert job.net.run(read_snapshot(job.net.entry, RING, job.spec.job, view)).results == (first, left, longer)
    log = JobLog(job.spec, job.driver()._roster, lambda: next(job.versions))
    with pytest.raises(Overtaken, match="round 1 was completed by another driver"):
        job.net.run(log.require_last(kept))
    job.net.run(log.require_last(longer))


# --- values


@pytest.mark.parametrize("staleness", [0, 1, 3, 8, 10_000])
def test_a_stale_sum_counts_less_in_integers_whatever_its_size(staleness: int) -> None:
    totals = np.array([0, 1, -1, 12_345, -(1 << 40), (1 << 62), -(1 << 62)], np.int64)  # (n,)

    found = result_sums.discounted(totals, staleness)

    exactly = [int(total) * int((1 << 16) / (1 + staleness) ** 0.5) >> 16 for total in totals]
    assert found.tolist() == exactly


def test_the_weighted_sum_does_not_depend_on_the_grouping_of_equally_stale_updates() -> None:
    rng, base = np.random.default_rng(0), np.zeros(SPEC.design.connections, np.float32).tobytes()
    sums = rng.integers(-(1 << 40), 1 << 40, (3, SPEC.design.connections))  # (files, parameters)
    node, late = replay.NOBODY, {0: 2, 1: 2, 2: 0}

    def part(*files: int) -> PartialResult:
        total = sums[list(files)].sum(axis=0).astype("<i8").tobytes()
        return PartialResult(node, tuple(SPEC.files[file] for file in files), Progress("done"), total)

    apart = server_step.mean_of(SPEC, base, [part(2), part(1), part(0)], late)
    assert np.array_equal(apart, server_step.mean_of(SPEC, base, [part(0, 1), part(2)], late))
    assert not np.array_equal(apart, server_step.mean_of(SPEC, base, [part(0, 1), part(2)]))


def roster_of_three_sites() -> Roster:
    nodes = tuple(NodeRef(n, f"n{n}", 1) for n in range(1, 4))
    roster = Roster(RING, nodes[0], [str(nodes[file.index % 3].address) for file in SPEC.files])
    roster.update_members(nodes)
    return roster


def test_a_lost_node_is_forgiven_for_the_files_that_only_it_may_train_and_for_its_own_reason() -> None:
    roster = roster_of_three_sites()
    nodes = roster.nodes
    for node, file in zip(nodes, SPEC.files, strict=False):
        roster.mark_lost(node, "has taken too long")
        roster.mark_missing_file(node, file, "out of memory")
    roster.forgive_holders(SPEC.files[1:2])

    assert [roster.holders(file) for file in SPEC.files[:3]] == [(), (nodes[1],), ()]
    assert set(roster.reasons) == {str(nodes[0].address), str(nodes[2].address)}


def test_orders_of_nodes_that_did_not_answer_come_last_and_files_that_failed_are_ordered_again() -> None:
    roster, bases = roster_of_three_sites(), Bases(SPEC)
    plan = OrderPlan(SPEC, roster, bases, lambda: 0.0)

    def pop_all() -> dict[str, PlannedOrder]:
        return {roster.home(order.files[0]): order for order in iter(plan.pop, None)}

    first = pop_all()
    assert list(first) == ["n1:1", "n2:1", "n3:1"] and not pop_all()
    for home, order in first.items():
        plan.end(order, set() if home == "n1:1" else order.indices)
    plan.update()
    again = pop_all()
    assert again == {"n1:1": first["n1:1"]}  # the updates of the others wait in the buffer
    plan.end(again["n1:1"], set())
    bases.take(1, tuple((file, 0) for home in ("n2:1", "n3:1") for file in first[home].indices))
    plan.expire()
    assert [(home, order.base) for home, order in pop_all().items()] == [("n2:1", 1), ("n3:1", 1), ("n1:1", 0)]


def test_what_is_under_way_follows_from_the_chain() -> None:
    spec = make_spec(Settings(topology="buffered", max_staleness=2))
    bases = Bases(spec)

    assert bases.take(1, ((0, 0), (1, 0))) == bases.take(2, ((2, 0),)) == []
    assert [bases[file] for file in range(4)] == [1, 1, 2, 0]
    assert bases.take(3, ((3, 0),)) == list(range(4, len(spec.files)))
    assert bases.rounds == {1, 2, 3} and bases.freed == {0}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"verify": 0.5}, "--verify"),
        ({"quorum": 0.5}, "--quorum"),
        ({"fraction": 0.5}, "--fraction"),
        ({"halvings": 1}, "--halvings"),
        ({"placement": "random"}, "--placement random"),
        ({"rule": "fednova"}, "--rule fednova"),
        ({"rule": "median"}, "--rule median"),
        ({"secure_aggregation": True}, "--secure-aggregation"),
        ({"dp_noise": 1.0, "dp_clip": 1.0}, "--dp-noise"),
        ({"tiers": "a,b"}, "--tiers"),
        ({"topology": "star", "buffer": 3}, "--buffer is for --topology buffered, not for star"),
        ({"topology": "star", "max_staleness": 3}, "--max-staleness"),
    ],
)
def test_what_contradicts_buffered_rounds_is_refused_by_name(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(BadSpec, match=named):
        Settings(**{"topology": "buffered"} | settings)


def test_a_buffered_job_that_waits_for_sites_or_has_too_few_files_is_refused() -> None:
    spec = make_spec(Settings(topology="buffered"))
    private = replace(spec, pinned="wards", homes=("n:1",) * len(spec.files))

    for waiting in ({"wait_for": 7.0}, {"require": "n:1"}):
        with pytest.raises(BadSpec, match=f"--topology buffered cannot be combined with --{next(iter(waiting))[:4]}"):
            replace(private, settings=Settings(topology="buffered", **waiting))
    with pytest.raises(BadSpec, match="cannot be combined with --evaluate both: its rounds wait for no site"):
        replace(private, evaluate="both")
    with pytest.raises(BadSpec, match="--buffer is 99, and the job has only 9 files"):
        make_spec(Settings(topology="buffered", buffer=99))


def test_a_buffered_job_promises_a_chain_that_can_be_repeated_not_a_hash() -> None:
    spec = replace(make_spec(Settings(topology="buffered")), fingerprint="ee" * 32)

    assert (spec.repro, spec.why_recorded, spec.has_receipts, spec.bits) == ("recorded", "", True, "ee" * 32)
