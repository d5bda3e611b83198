"""Rounds on private data: a site that is cut off is waited for, gets its order again, and trains nothing twice."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from roundelay.chord.errors import NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.federation import records, site_drain
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import BadSpec, JobEnded
from roundelay.federation.requests import Collect, Order, TrainingFile
from roundelay.federation.roster import Roster
from roundelay.federation.site_waits import SiteWaits
from roundelay.federation.site_work import SiteWork
from roundelay.federation.throughput import BACKUP_AFTER_MIN_S
from tests.federation.inline_ring import Member
from tests.federation.scripted_nodes import ScriptedNodes
from tests.federation.test_driver import RING, SETTINGS, Job
from tests.federation.test_private_data import ADDRESSES, PinnedJob
from tests.federation.test_rounds import Round
from tests.killed import Killed

SITE = ADDRESSES[2]


class BlinkingJob(PinnedJob):
    """A job on private data, one site of which does not answer for a while from a round on."""

    def __init__(self, away_s: float, from_round: int = 2, at: type = Order, **settings: object) -> None:
        super().__init__(rounds=4, **settings)
        self.site = next(ref for ref in self.net.members if str(ref.address) == SITE)
        self.trained: Counter[tuple[str, int]] = Counter()  # orders that were computed, by site and round
        self.lines: list[str] = []
        self.took_s: list[float] = []  # of each round
        self._away_s, self._from_round, self._at = away_s, from_round, at
        self._left_at = math.inf
        self.net.before_answer = self._blink
        for ref, member in self.net.members.items():
            self._count(str(ref.address), member)

    def _count(self, address: str, member: Member) -> None:
        compute = member.compute

        def counted(effect: Any) -> Any:
            done = compute(effect)
            self.trained[address, effect.order.round] += 1
            return done

        member.compute = counted  # type: ignore[method-assign]

    def _blink(self, node: NodeRef, request: object) -> None:
        is_time = len(self.rounds) >= self._from_round - 1 and self._left_at == math.inf
        if is_time and node == self.site and isinstance(request, self._at):
            self._left_at = self.net.now
            self.net.dead.add(self.site)
        if self.net.now - self._left_at >= self._away_s:
            self.net.dead.discard(self.site)

    def driver(self) -> Any:
        made = super().driver()
        made._coordinator._log = made._coordinator.waits._tell = self.lines.append
        return made


def left_out(job: PinnedJob) -> list[tuple[int, ...]]:
    return [result.left_out for result, _ in job.rounds]


OF_SITE = tuple(f.index for f in PinnedJob().spec.files if f.name.startswith(f"{SITE}~"))
UNDISTURBED = PinnedJob(rounds=4).drive()


@pytest.mark.parametrize("topology", ["star", "tree"])
@pytest.mark.parametrize("at", [Order, Collect])
def test_a_site_that_blinks_is_waited_for_and_trains_nothing_twice(at: type, topology: str) -> None:
    job = BlinkingJob(away_s=40.0, at=at, topology=topology)

    assert job.drive() == UNDISTURBED

    assert left_out(job) == [()] * 4
    assert set(job.trained.values()) == {1}
    assert any(f"s for {SITE}" in line for _, report in job.rounds for line in report.disturbances)
    began, ended = job.lines
    assert began.startswith(f"waiting for {SITE} since 00:00:") and "it is left out at 00:01:" in began
    assert ended.startswith(f"{SITE} answers again, after 4")


def test_a_site_that_stays_away_is_waited_for_once_and_left_out_of_later_rounds_at_once() -> None:
    job = BlinkingJob(away_s=100.0, wait_for=30.0)
    ends = []
    job.rounds = Recorded(lambda: ends.append(job.net.now))

    job.drive()

    assert left_out(job) == [(), (), OF_SITE, OF_SITE]
    assert ends[1] - ends[0] >= 30.0 > ends[2] - ends[1]  # the wait belongs to the absence, not to the round


class Recorded(list[Any]):
    """A list that tells of each element that is added."""

    def __init__(self, tell: Any) -> None:
        self.tell = tell

    def append(self, each: Any) -> None:
        super().append(each)
        self.tell()


@pytest.mark.parametrize("settings", [{"require": f"{SITE},{ADDRESSES[0]}"}, {"quorum": 4.0}, {"quorum": 0.99}])
def test_no_round_ends_without_a_required_site_or_the_quorum(settings: dict[str, Any]) -> None:
    job = BlinkingJob(away_s=600.0, wait_for=10.0, **settings)

    assert job.drive() == UNDISTURBED

    assert left_out(job) == [()] * 4
    assert set(job.trained.values()) == {1}


def test_a_smaller_quorum_lets_a_round_go_on() -> None:
    job = BlinkingJob(away_s=math.inf, wait_for=10.0, quorum=3.0)

    job.drive()

    assert left_out(job) == [(), (), OF_SITE, OF_SITE]


def test_the_next_driver_does_not_wait_again_for_a_site_that_was_left_out() -> None:
    job = BlinkingJob(away_s=math.inf, wait_for=1000.0)
    first = job.driver()
    log, stop = first._log, []

    def commit(result: Any, *rest: Any) -> Any:
        yield from type(log).commit(log, result, *rest)
        if result.left_out:
            stop.append(job.net.now)
            raise Killed

    log.commit = commit
    with pytest.raises(Killed):
        job.net.run(first.drive())
    job.drive()

    assert left_out(job)[-1] == OF_SITE
    assert job.net.now - stop[0] < 1000.0


def test_a_job_that_is_cancelled_waits_no_longer() -> None:
    job = BlinkingJob(away_s=math.inf, require=SITE)
    driver, beat = job.driver(), job.net.before_answer

    def cancel(node: NodeRef, request: Any) -> None:
        beat(node, request)
        if job.net.now > 200.0:
            driver._watch.end = records.CANCELLED

    job.net.before_answer = cancel
    with pytest.raises(JobEnded):
        job.net.run(driver.drive())


def test_a_drained_site_is_given_no_new_order_and_not_waited_for() -> None:
    job = PinnedJob(rounds=4, wait_for=1000.0)
    driver = job.driver()
    log = driver._log

    def commit(result: Any, *rest: Any) -> Any:
        yield from type(log).commit(log, result, *rest)
        if result.round == 1:
            yield from site_drain.set_drained(job.net.entry, RING, "wards", SITE, True, next(job.versions))
            yield from driver._watch.beat()

    log.commit = commit  # type: ignore[assignment,method-assign]
    job.net.run(driver.drive())

    assert left_out(job) == [(), (), OF_SITE, OF_SITE]
    assert f"{SITE} is drained: its 2 private files left out" in job.rounds[3][1].disturbances
    assert job.net.now < 1000.0


def test_the_latest_record_says_whether_a_site_is_drained() -> None:
    job = PinnedJob()
    for version, drained in enumerate((True, False, True), 10):
        job.net.run(site_drain.set_drained(job.net.entry, RING, "wards", SITE, drained, version))
        found = job.net.run(site_drain.find_drained(job.net.entry, RING, "wards"))
        assert found == ({SITE} if drained else set())


def test_a_drained_site_stays_drained_while_nobody_answers_about_it() -> None:
    job = PinnedJob(wait_for=1000.0)
    job.net.run(site_drain.set_drained(job.net.entry, RING, "wards", SITE, True, next(job.versions)))
    driver = job.driver()
    job.net.run(driver._watch.look())
    assert driver._coordinator.waits.drained == {SITE}
    question = site_drain.question(RING, "wards", job.spec.homes)

    def fall_silent(node: NodeRef, request: Any) -> None:
        if request == question:
            raise NodeUnreachable("no answer yet")

    job.net.before_answer = fall_silent
    job.net.run(driver._watch.look())
    assert driver._coordinator.waits.drained == {SITE}

    job.net.before_answer = lambda node, request: None
    job.net.run(site_drain.set_drained(job.net.entry, RING, "wards", SITE, False, next(job.versions)))
    job.net.run(driver._watch.look())
    assert driver._coordinator.waits.drained == set()


def test_a_site_that_was_left_out_before_a_takeover_was_not_waited_for() -> None:
    told: list[str] = []
    waits = SiteWaits(Clocks(lambda: 50.0, lambda: 0), 60.0, tell=told.append)
    waits.expect_no_answer([SITE])

    assert waits.is_over(SITE)
    assert waits.end(SITE) == 0.0
    assert not told and not waits.is_over(SITE)


# --- a site that is slow


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_site_that_hangs_is_left_out_of_any_round_even_the_first(number: int) -> None:
    job = PinnedJob(rounds=3, wait_for=10.0)
    site = next(ref for ref in job.net.members if str(ref.address) == SITE)
    job.net.hold_up(site, lambda order: order.round == number)

    job.drive()

    assert left_out(job) == [() if each < number else OF_SITE for each in (1, 2, 3)]
    assert 10.0 <= job.net.now < 200.0


def test_a_job_that_is_cancelled_does_not_wait_for_a_required_site_that_hangs() -> None:
    job = PinnedJob(require=SITE)
    site = next(ref for ref in job.net.members if str(ref.address) == SITE)
    driver = job.driver()
    job.net.hold_up(site, lambda order: order.round == 1)

    def cancel(node: NodeRef, request: Any) -> None:
        if job.net.now > 200.0:
            driver._watch.end = records.CANCELLED

    job.net.before_answer = cancel
    with pytest.raises(JobEnded):
        job.net.run(driver.drive())


@pytest.mark.parametrize("number", [0, 1])
def test_a_job_that_is_cancelled_does_not_wait_for_sites_that_are_all_busy(number: int) -> None:
    """Until a site has finished, nobody knows how long an order should take."""
    require_end_when_cancelled(PinnedJob(), lambda order: order.round == number)


def require_end_when_cancelled(job: Job, is_held: Callable[[Order], bool]) -> None:
    """Have all nodes carry out nothing from such an order on, cancel the job, and expect that its driver stops soon."""
    driver, cancelled_at = job.driver(), list[float]()
    for ref in job.net.members:
        job.net.hold_up(ref, is_held)

    def cancel(node: NodeRef, request: Any) -> None:
        if not driver._watch.end and job.net.now > 20.0:
            driver._watch.end = records.CANCELLED
            cancelled_at.append(job.net.now)
        assert not cancelled_at or job.net.now < cancelled_at[0] + 5.0

    job.net.before_answer = cancel
    with pytest.raises(JobEnded):
        job.net.run(driver.drive())
    assert cancelled_at and not driver._roster.reasons, "no site is to blame"


def private_round(nodes: ScriptedNodes, wait_for_s: float = 0.0) -> Round:
    made = Round(nodes)
    waits = SiteWaits(Clocks(nodes.clock, lambda: round(nodes.now * 1e9)), wait_for_s)
    made.work = SiteWork(nodes.roster, made.estimate, nodes.clock, made.order, made.weights, waits)
    return made


def private_nodes() -> tuple[ScriptedNodes, NodeRef, list[TrainingFile]]:
    """Return nodes of which the second has the only copy of file 0 and hangs, and the third that of file 1."""
    nodes = ScriptedNodes()
    files = [nodes.file_of(1), nodes.file_of(2, 1)]
    homes = [str(nodes.refs[1].address), str(nodes.refs[2].address)]
    nodes.roster = Roster(nodes.ring, nodes.refs[0], homes)
    nodes.roster.update_members(tuple(nodes.refs))
    nodes.scripts[nodes.refs[1]].seconds = math.inf
    return nodes, nodes.refs[1], files


def test_a_site_that_does_not_answer_has_no_part_in_a_tree_until_it_answers() -> None:
    nodes, hung, files = private_nodes()
    round_ = private_round(nodes)
    round_.has_experience()
    assert set(round_.work.placed(files)) == {hung, nodes.refs[2]}

    round_.run(*files)
    assert set(round_.work.placed(files)) == {nodes.refs[2]}

    nodes.scripts[hung].seconds = 0.0
    round_.run(*files)
    assert set(round_.work.placed(files)) == {hung, nodes.refs[2]}


def test_a_site_that_hangs_is_named_and_left_out_within_seconds_and_used_again_when_it_answers() -> None:
    nodes, hung, files = private_nodes()
    round_ = private_round(nodes)
    round_.has_experience()
    nodes.roster.begin_round(1)

    assert round_.run(*files) == {1: "n2"}
    assert round_.missing == [files[0]]
    assert BACKUP_AFTER_MIN_S < nodes.now <= BACKUP_AFTER_MIN_S + 2
    (line,) = nodes.roster.disturbances
    assert line == "lost n1:5000: has not finished within 3.0 s, and no other node has its files"

    nodes.roster.begin_round(4)  # it is asked again: the order of before still runs, which costs no wait
    began = nodes.now
    assert private_round(nodes).run(*files) == {1: "n2"}
    assert nodes.now - began < BACKUP_AFTER_MIN_S
    assert nodes.roster.disturbances == ["lost n1:5000: has still not finished an order of an earlier round"]

    nodes.roster.begin_round(7)
    nodes.scripts[hung].seconds = 0.1
    assert private_round(nodes).run(*files) == {0: "n1", 1: "n2"}
    assert nodes.roster.disturbances == []


def test_a_slow_site_is_waited_for_beyond_the_time_that_its_order_should_take() -> None:
    nodes, slow, files = private_nodes()
    nodes.scripts[slow].seconds = 50.0
    round_ = private_round(nodes, wait_for_s=60.0)
    round_.has_experience()

    assert round_.run(*files) == {0: "n1", 1: "n2"}


# --- what is refused


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"require": "node-1:1"}, "--require node-1:1: no such site; the sites of wards are"),
        ({"quorum": 5.0}, "--quorum 5: wards has only 4 sites"),
        ({"quorum": 1.5}, "--quorum is 1.5, expected a fraction of the rows or a whole number of sites"),
        ({"require": "a\nb"}, "--require is 'a\\\\nb'"),
    ],
)
def test_settings_that_the_sites_cannot_meet_are_refused(settings: dict[str, Any], why: str) -> None:
    spec = PinnedJob().spec

    with pytest.raises(BadSpec, match=why):
        replace(spec, settings=replace(SETTINGS, **settings))


@pytest.mark.parametrize("name", ["--require", "--quorum", "--wait-for"])
def test_settings_of_sites_are_refused_without_private_data(name: str) -> None:
    values = {"--require": {"require": "n:1"}, "--quorum": {"quorum": 2.0}, "--wait-for": {"wait_for": 5.0}}
    spec = PinnedJob().spec

    with pytest.raises(BadSpec, match=f"{name}.* is for private data"):
        replace(spec, pinned="", homes=(), settings=replace(SETTINGS, **values[name]))  # type: ignore[arg-type]
