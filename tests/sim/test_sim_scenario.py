"""Scenarios: rings form, suffer faults and heal, and the seed decides everything."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from roundelay.chord import protocol
from roundelay.chord.effects import Procedure
from roundelay.chord.invariants import check, view_of
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.cli import simulate
from roundelay.sim.journal import EventJournal
from roundelay.sim.lookups import Lookups
from roundelay.sim.options import CALM, SimOptions, drawn
from roundelay.sim.scenario import HEALS_WITHIN_S, Scenario, ScenarioReport
from roundelay.sim.soak import Failed, play, soak

ROOT = Path(__file__).parents[2]
SMALL = SimOptions(seed=3, nodes=8, successors=3, faults_s=10.0, partition_s=4.0, crashes=3)


def _journal(options: SimOptions) -> tuple[bytes, EventJournal]:
    sink = io.BytesIO()
    journal = EventJournal(sink)
    report = play(options, journal)
    assert isinstance(report, ScenarioReport), report
    return sink.getvalue(), journal


def test_the_same_seed_gives_the_same_journal_byte_for_byte() -> None:
    first, journal = _journal(SMALL)
    second, _ = _journal(SMALL)

    assert first == second
    assert journal.digest == hashlib.sha256(first).hexdigest()
    assert journal.lines == first.count(b"\n") > 1000


def test_another_seed_gives_another_journal() -> None:
    assert _journal(SMALL)[0] != _journal(replace(SMALL, seed=4))[0]


def test_another_process_with_other_hashes_writes_the_same_journal(tmp_path: Path) -> None:
    journals = []
    for hash_seed in ("1", "2"):
        file = tmp_path / hash_seed
        command = [
            sys.executable,
            "-m",
            "roundelay",
            "simulate",
            "scenario",
            *SMALL.flags().split(),
            "--journal",
            str(file),
        ]
        subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            timeout=60,
        )
        journals.append(file.read_bytes())

    assert journals[0] == journals[1]


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_ring_of_24_nodes_survives_the_faults_of_its_seed(seed: int) -> None:
    outcome = play(drawn(seed), EventJournal())

    assert isinstance(outcome, ScenarioReport), str(outcome)


def test_the_invariant_always_holds_if_only_dead_nodes_are_silent() -> None:
    options = replace(CALM, seed=5, crashes=10, restart_s=2.0, successors=3)
    assert options.silence_is_death

    outcome = play(options, EventJournal())

    assert isinstance(outcome, ScenarioReport), str(outcome)


def test_a_partition_creates_two_rings_that_merge_after_it() -> None:
    scenario = Scenario(replace(CALM, seed=0, nodes=16, successors=3), EventJournal(), [])
    observed, clock = scenario.observed, scenario.observed.world.clock

    def rings() -> int:
        parts = {f.predicate: f for f in check([view_of(node) for node in observed.members], observed.ring.successors)}
        return 1 if parts["AtMostOneRing"].holds else 2

    def is_ideal() -> bool:
        return check([view_of(node) for node in observed.members], observed.ring.successors)[-1].holds

    scenario._form()
    observed.world.network.split(m.address for m in observed.machines[:8])
    clock.run(clock.now + 20.0)
    assert rings() == 2

    observed.world.network.join()
    clock.run_while(lambda: not is_ideal(), clock.now + HEALS_WITHIN_S)

    assert is_ideal()


@pytest.mark.parametrize("found_by", ["the dead that they remember", "the list of nodes"])
def test_two_rings_merge_without_a_supernode(found_by: str) -> None:
    """Without a supernode, peers once declared dead and the node list are the only ways to find another ring."""
    scenario = Scenario(replace(CALM, seed=1, nodes=16, successors=3), EventJournal(), [])
    observed, clock = scenario.observed, scenario.observed.world.clock
    listed = found_by == "the list of nodes"
    for machine in observed.machines:
        machine.listed = tuple(m.address for m in observed.machines) if listed else ()
    scenario._form()
    observed.supernode.crash()
    observed.world.network.split(m.address for m in observed.machines[:8])
    clock.run(clock.now + 20.0)
    for machine in observed.machines:
        assert machine.node is not None
        for dead in machine.node.failure_detector.dead if listed else ():
            machine.node.failure_detector.mark_alive(dead)  # forgotten, as by a restart

    observed.world.network.join()
    healed_s = clock.now
    clock.run_while(
        lambda: not check([view_of(node) for node in observed.members], 3)[-1].holds, healed_s + HEALS_WITHIN_S
    )

    assert len(observed.members) == 16
    assert check([view_of(node) for node in observed.members], 3)[-1].holds


def test_a_killed_node_comes_back_as_a_new_incarnation_with_its_identifier() -> None:
    scenario = Scenario(replace(CALM, nodes=6, successors=3), EventJournal(), [])
    machine = scenario.observed.machines[1]
    scenario._form()
    assert machine.node is not None
    before = machine.node.ref

    machine.crash()
    machine.boot()
    scenario._wait_until_converged("converged", HEALS_WITHIN_S)

    assert machine.node.ref == replace(before, incarnation=before.incarnation + 1)


def test_lookups_work_without_the_supernode() -> None:
    lookups = Lookups()
    scenario = Scenario(replace(CALM, nodes=8, successors=3), EventJournal(), [lookups])
    scenario._form()

    scenario.observed.supernode.crash()
    lookups.check(scenario.observed)

    assert "50 of 50 right" in lookups.summary()


# --- that it would find out


def test_a_ring_that_does_not_stabilize_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    def idle(node: ChordNode) -> Procedure[bool]:
        return False
        yield

    monkeypatch.setattr(protocol, "stabilize", idle)
    outcome = play(SMALL, EventJournal())

    assert isinstance(outcome, Failed)
    assert "not formed within" in outcome.reason


def test_a_list_that_loses_its_length_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ChordNode.set_successors

    def forget(node: ChordNode, head: NodeRef, tail: tuple[NodeRef, ...]) -> bool:
        changed = whole(node, head, tail)
        node.successors = node.successors[:-1]
        return changed

    monkeypatch.setattr(ChordNode, "set_successors", forget)
    outcome = play(SMALL, EventJournal())

    assert isinstance(outcome, Failed)
    assert "list of the wrong length" in outcome.reason


def test_an_error_of_our_own_code_is_a_failed_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChordNode, "neighbours", lambda self: 1 // 0)

    outcome = play(SMALL, EventJournal())

    assert isinstance(outcome, Failed)
    assert "ZeroDivisionError" in outcome.reason


def test_a_failed_run_names_the_command_that_replays_it() -> None:
    options = drawn(11, nodes=12)

    words = Failed(options, "something").replay.split()
    arguments = words[words.index("scenario") :]
    again = simulate.parser(arguments).parse_args(arguments)

    assert SimOptions(**{name: getattr(again, name) for name in options.__dataclass_fields__}) == options


def test_a_soak_ends_when_its_time_is_up() -> None:
    times = iter((0.0, 1.0, 2.0, 3.0))

    outcomes = list(soak(2.5, nodes=4, first_seed=1, clock=lambda: next(times)))

    assert [o.options.seed for o in outcomes] == [1, 2]


@pytest.mark.parametrize(("name", "value"), [("loss", 1.5), ("refusals", -0.1), ("crashes", -1), ("latency_s", -1.0)])
def test_an_invalid_option_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        SimOptions(**{name: value})  # type: ignore[arg-type]
