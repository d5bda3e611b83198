"""The scale benchmark counts every message, and its fits say how good they are."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import counted_node, scale_real, scale_simulated
from bench.figures import Line, broken_limits
from bench.message_counter import Tally, count_messages
from bench.scale_growth import Cost, RingCosts, fit_line, growth
from bench.scale_predicted import predict
from bench.simulated import LINK, simulate
from bench.topologies import simulated
from roundelay.chord.effects import Ask, AskAll, Procedure, Sleep
from roundelay.chord.errors import NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours
from roundelay.node.subprocesses import child_environment, command
from roundelay.testing import process_stats
from roundelay.testing.waiting import Stuck, until

ME, PEER = NodeRef(1, "me", 1, 1), NodeRef(2, "peer", 1, 1)


class Sizes:
    """A request has 100 bytes, a reply 10, an error one."""

    def question(self, ask: Ask) -> int:
        return 100

    def answer(self, ask: Ask, outcome: Any) -> int:
        return 1 if isinstance(outcome, Exception) else 10


def procedure() -> Procedure[str]:
    yield Sleep(1.0)
    yield Ask(ME, GetNeighbours())
    yield AskAll([Ask(PEER, GetNeighbours()), Ask(ME, GetNeighbours())])
    try:
        yield Ask(PEER, GetNeighbours())
    except NodeUnreachable:
        return "silent"
    return "answered"


def test_counting_messages_changes_nothing_and_counts_only_the_wire() -> None:
    tally = Tally()
    running = count_messages(ME, procedure(), Sizes(), tally)

    effects = [running.send(outcome) for outcome in (None, None, "mine", ["theirs", "mine"])]
    with pytest.raises(StopIteration) as ended:
        running.throw(NodeUnreachable("silent"))

    assert [type(effect) for effect in effects] == [Sleep, Ask, AskAll, Ask]
    assert ended.value.value == "silent"
    assert (tally.requests, tally.messages, tally.bytes) == (2, 4, 100 + 10 + 100 + 1)


def test_a_fit_distinguishes_a_line_from_scatter() -> None:
    line, scatter = fit_line([1, 2, 3, 4], [5, 7, 9, 11]), fit_line([1, 2, 3, 4], [1, 9, 0, 8])

    assert (line.base, line.step, line.r2) == (3.0, 2.0, 1.0)
    assert str(line) == "3 + 2" and scatter.r2 < 0.5


def test_a_larger_simulated_ring_has_longer_lookups_and_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale_simulated, "ARC", 20)
    monkeypatch.setattr(scale_simulated, "MAINTENANCE_S", 5.0)

    small, large = scale_simulated._of_size(40), scale_simulated._of_size(320)

    assert small.lookup.messages < large.lookup.messages
    assert 10 < small.join.messages < large.join.messages
    assert small.join.bytes > 100 * small.join.messages
    assert large.lookup.seconds >= large.lookup.messages * 0.025, "50 ms of each message, half of them for certain"
    assert 0.5 < small.calls < 8 and small.bytes > small.calls * 100


def test_costs_that_grow_faster_than_chord_promises_break_the_limit() -> None:
    def grown(power: int) -> list[str]:
        found = [
            RingCosts(n, Cost(n**0.1, 1, 1), Cost(bits**power, 1, 1), 3.0, 100.0)
            for bits, n in ((bits, 2**bits) for bits in (10, 11, 12, 13))
        ]
        return [line.held for line in growth(found).lines[2:4]]

    assert grown(2) == ["yes", "yes"]
    assert grown(4)[1] == "no"


def test_a_round_of_a_job_takes_longer_over_narrow_links_and_makes_the_same_model() -> None:
    wide, narrow = (simulate(20, "star", replace(LINK, bandwidth_mbit_s=mbit_s), 64) for mbit_s in (0.0, 0.2))

    assert wide["model_sha256"] == narrow["model_sha256"]
    assert narrow["apart_s"] > wide["apart_s"] + 1.0
    assert wide["bytes"] >= wide["driver_bytes"] * 0.99 > 20_000


def test_the_topologies_benchmark_uses_the_same_simulation() -> None:
    row = simulated(10, "tree")

    assert (row.nodes, row.simulated, row.passed_on, row.driver_orders) == (10, True, 9, 1)
    assert 0 < row.depth < 9 and row.driver_bytes > 1000


def test_a_programs_calls_are_counted_from_outside(tmp_path: Path) -> None:
    count = tmp_path / "calls"
    wrapped = [sys.executable, counted_node.__file__, str(count), *command("status"), "--bootstrap", "127.0.0.1:1"]

    subprocess.run(wrapped, env=child_environment(), timeout=60, check=False, capture_output=True)

    assert counted_node.calls(count) == 1


def test_the_simulator_predicts_more_hops_and_as_many_calls_on_a_larger_ring() -> None:
    small, large = (predict(count, calm_s=5.0, idle_s=10.0, lookups=100) for count in (4, 12))

    assert 0 < small.hops < large.hops < 4
    assert 1 < small.calls < large.calls < 8


def test_rings_of_real_nodes_are_measured_at_the_same_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in (("CALM_S", 0.0), ("IDLE_S", 0.5), ("LOOKUPS", 5), ("FILES", 4), ("ROUNDS", 2)):
        monkeypatch.setattr(scale_real, name, value)

    tables = scale_real.measure(tmp_path, (2, 3))

    assert [table.title for table in tables] == ["2 real nodes", "3 real nodes"]
    for table, count in zip(tables, (2.0, 3.0), strict=True):
        figures = {line.what: line.ours for line in table.lines}
        assert figures["trainers as it ends"] == figures["nodes that say that they have left"] == count
        assert figures["processes of theirs that go on"] == 0.0


def test_a_ring_that_gets_stuck_breaks_a_limit_and_is_measured_no_further(tmp_path: Path) -> None:
    def stick() -> list[Line]:
        raise Stuck("no ring of two nodes")

    with ExitStack() as stack:
        ring = scale_real.RealRing(tmp_path, 2, stack)
        for phase in (stick, lambda: [Line("a figure of a ring that is stuck", "", 1.0)]):
            ring.add(phase)

        assert broken_limits([ring.table()]) == ["2 real nodes: stuck: no ring of two nodes"]
        assert len(ring.table().lines) == 1


def test_a_process_that_waits_to_be_reaped_does_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE) as child:
        assert process_stats.is_running(child.pid)
        assert process_stats.proportional_kib(os.getpid()) > 1000
        until(lambda: not process_stats.is_running(child.pid), "the child ends", 20.0)
        assert Path(f"/proc/{child.pid}").exists(), "the process has been reaped already"

    assert not process_stats.is_running(child.pid)
