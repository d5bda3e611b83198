"""The fault suite's plans, checks and report, without a ring."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos import hostile, liars, matrix, report, rows, sites, sites_flower, sites_nvflare
from chaos.cuts import CUTS, Cut, plan_cuts
from chaos.faults import Outcome, Plan, Tally, make_plans, percentile, replay
from chaos.history import History, judge
from chaos.hostility import golden
from chaos.hostility.case import CaseResult
from chaos.hostility.fuzzer import Fuzzer
from chaos.nemesis import ROLES
from chaos.scenario import ScenarioResult
from chaos.sites_peers import ROUND_TIMEOUT_S, Patience, PeerFound
from roundelay.federation.effects import Clocks
from roundelay.federation.site_waits import SiteWaits
from roundelay.node.failpoints import parse
from roundelay.rpc.calls import COMPUTE_NODE, SAY_HELLO, SUPERNODE
from roundelay.testing.waiting import Stuck


def test_a_runs_plan_depends_on_the_seed_and_not_on_the_number_of_runs() -> None:
    assert make_plans(7, 3) == make_plans(7, 12)[:3]
    assert make_plans(7, 3) != make_plans(8, 3)
    assert {plan.role for plan in make_plans(7, len(ROLES))} == set(ROLES)


def test_a_failed_run_is_reported_with_the_command_that_replays_it() -> None:
    plan = Plan(4, "owner", 0.5, 1)
    tally = Tally(7, outcomes=[Outcome(plan, finished=True, equal=False)])
    again = replay(tally, plan)

    assert tally.to_json()["failures"] == [{"run": 4, "role": "owner", "moment": 0.5, "error": "", "replay": again}]
    assert again == "python -m chaos faults --seed 7 --runs 5 --only 4"
    assert replay(Tally(7, has_kits=True), plan) == f"{again} --kits"


@pytest.mark.parametrize(("per_cent", "expected"), [(50, 2.0), (99, 4.0), (100, 4.0)])
def test_a_percentile_is_one_of_the_values(per_cent: int, expected: float) -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], per_cent) == expected
    assert percentile([], per_cent) is None


def test_every_case_of_the_matrix_names_a_failpoint() -> None:
    cases = matrix.cases()

    assert len(cases) == len(set(cases))
    assert parse(";".join(f"{point}=exit" for point in dict.fromkeys(case.point for case in cases)))


def test_the_checker_counts_acknowledged_puts_and_wrong_bytes() -> None:
    history = History()
    history.record("put", "a", "digest", "ok")
    history.record("put", "b", "digest", "NodeUnreachable")
    history.record("get", "a", "digest", "other bytes")

    found = judge(history, ["a"])

    assert history.acknowledged() == {"a": "digest"}
    assert (found["acknowledged"], found["not_acknowledged"], found["other_bytes"], found["lost"]) == (1, 1, 1, 1)


def test_a_scenario_that_raises_has_not_held_and_the_error_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "KEPT_LOGS", tmp_path)

    def broken(folder: Path) -> ScenarioResult:
        """Raise an error."""
        raise OSError("no disk")

    result = rows.run("broken", broken)

    assert (result.held, result.fault) == (False, "Raise an error.")
    assert [each.line for each in result.console] == ["OSError: no disk"]


def test_the_report_names_the_pieces_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "KEPT", tmp_path / "kept.json")
    row = {"fault": "a node killed", "promise": "the same model", "held": True, "skipped": "", "figures": {"kills": 1}}
    piece = {"rows": [row | {"console": [{"console": "client0", "line": "no answer"}]}], "made": "today", "commit": "c"}
    name = next(iter(report.PARTS["rows"]))
    report.keep({name: piece})

    text = report.document({"rows": report.merged("rows", [piece])}, report.kept())

    assert "| a node killed | the same model | yes | kills 1 |" in text
    assert "client0: no answer" in text
    assert f"**Incomplete: 1 of {len(report.PARTS['rows'])} pieces of `rows` have been run**" in text
    assert "**Incomplete: 0 of 1 pieces of `far` have been run**" in text


def test_the_report_runs_what_has_no_result_or_what_is_named() -> None:
    results: dict[str, report.Found] = {piece: {} for piece in report.PIECES if piece != "row-ctrl_c"}

    assert report.pieces_to_run((), False, results) == ["row-ctrl_c"]
    assert report.pieces_to_run(("row-resets", "far"), False, results) == ["far", "row-resets"]
    assert report.pieces_to_run(("matrix",), False, results) == list(report.PARTS["matrix"])
    assert report.pieces_to_run((), True, results) == list(report.PIECES)


def test_a_row_that_is_run_again_leaves_the_results_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "KEPT", tmp_path / "kept.json")
    for value, piece in enumerate(("row-ctrl_c", "far", "row-resets", "row-ctrl_c")):
        report.keep({**report.kept(), piece: {"value": value}})

    assert report.kept() == {"far": {"value": 1}, "row-resets": {"value": 2}, "row-ctrl_c": {"value": 3}}


def test_the_page_of_the_fault_suite_is_the_one_that_its_kept_results_make() -> None:
    results = report.kept()
    found = {part: report.merged(part, report.results_of(part, results)) for part in report.PARTS}

    written, made = (
        text.split("\n## ", 1)[1] for text in (report.DOCUMENT.read_text(), report.document(found, results))
    )

    assert written == made


def test_every_scenario_has_a_name_of_its_own_and_says_what_it_does() -> None:
    known = rows.registry()

    assert len(known) > 30
    assert all(scenario.__doc__ for scenario in known.values())


def test_a_changed_message_depends_on_the_seed_alone() -> None:
    node = golden.STRANGER

    def messages(seed: int) -> list[bytes]:
        fuzzer = Fuzzer(seed, [node.address])
        return [fuzzer._message(golden.golden(node)) for _ in range(50)]

    assert messages(1) == messages(1) != messages(2)


def test_there_is_a_typical_message_of_every_call() -> None:
    typical = [*golden.golden(golden.STRANGER), *golden.golden_of_supernode()]

    assert {each.call for each in typical} == {*COMPUTE_NODE.values(), *SUPERNODE.values(), SAY_HELLO}


def test_every_case_has_a_name_of_its_own_and_says_what_it_sends() -> None:
    known = hostile.cases()

    assert len(known) == sum(len(module.CASES) for module in hostile.MODULES) >= 25
    assert all(case.__doc__ for case in known.values())


def test_a_case_that_did_not_hold_is_listed() -> None:
    outcome = hostile.Outcome(1, cases=[CaseResult("one"), CaseResult("other", why=["lost node0"])])

    assert outcome.to_json()["failing"] == ["other"]
    assert not outcome.held


@pytest.mark.parametrize("kits", [False, True])
def test_the_document_about_liars_shows_every_case_and_marks_what_does_not_hold(kits: bool) -> None:
    case = {"jobs": 2, "liars": 2, "named": 1, "accused": 0, "honest_models": 2, "work": 2.0, "held": True}
    found: liars.Found = {part: case | {"held": part != "pair"} for part in liars.PARTS}
    found["share"] |= {"found_in_time": 1, "rounds": [3]}
    found["processes"] |= {"cost": 2.1, "cost_without_liars": 1.9}
    page = liars.document(found | {"kits": kits})

    assert all(f"| {about} |" in page for about in liars.ABOUT.values())
    assert page.count("| **no** |") == 1
    assert ("chaos liars --kits" in page) == kits


def test_sites_that_cannot_run_here_do_not_count_as_a_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sites, "missing", lambda: "not root")

    assert sites.main([]) == 69
    assert "chaos sites cannot run here: not root" in capsys.readouterr().err


def test_a_site_that_a_round_waits_for_is_not_yet_left_out() -> None:
    said = list[str]()
    waits = SiteWaits(Clocks(lambda: 0.0, lambda: 0), 600.0, tell=said.append)
    waits.begin("site-0:8001", "did not answer")
    left_out = "round 4: site-0:8001 is away: its 1 private file left out"

    assert "left out at" in said[0]
    assert sites.LEFT_OUT.findall("\n".join([f"job 4f0c8d12: {said[0]}", left_out])) == [left_out]


def test_the_document_about_sites_has_other_systems_beside_us_where_they_are_installed() -> None:
    cuts = [Cut(0, 1, 0.5, 2.0), Cut(1, 2, 0.5, 60.0)]
    found = sites.Found(rounds=20, sites=8, cuts=cuts, killed=["site 1 in round 13"])
    alone = sites.document(found, 20, "512,512", [])
    found.peers[sites_flower.TITLE] = PeerFound("Flower 1.0, deployed", 20, {3: 2, 7: 1}, cuts, 700.0)
    found.peers[sites_nvflare.TITLE] = None
    beside = sites.document(found, 20, "512,512", [])

    assert "| what | found | Flower, deployed | NVFlare, swarm |" in alone
    assert "| rounds | 20 of 20 | not installed | not installed |" in alone
    assert "| what | found | Flower 1.0, deployed | NVFlare, swarm |" in beside
    assert "| rounds | 20 of 20 | 20 of 20 | not installed |" in beside
    assert "| sites left out of a round | none | 3, in 2 rounds | not installed |" in beside
    assert sites_flower.ABOUT[0] in beside and sites_nvflare.ABOUT[0] not in beside


def test_a_system_that_stopped_early_is_reported_with_its_own_words() -> None:
    rows = PeerFound("NVFlare 2.0, swarm", 7, {}, [], 300.0, "no reply from site-3").rows(20)

    assert rows["rounds"] == "7 of 20, then stopped: no reply from site-3"


def test_a_system_is_given_time_for_each_round_and_for_all_of_them() -> None:
    patience = Patience(0.0)
    for rounds in range(1, 5):
        patience.check(rounds, rounds * 600.0)
    with pytest.raises(Stuck, match="no further round within 12 minutes"):
        patience.check(4, 2400.0 + ROUND_TIMEOUT_S + 1)
    with pytest.raises(Stuck, match="after 40 minutes"):
        patience.check(5, 2401.0)


def test_a_plan_cuts_each_site_in_rounds_of_their_own_for_different_times() -> None:
    plan = plan_cuts(3, 20, 60.0, seed=1)

    for site in range(3):
        own = [cut for cut in plan if cut.site == site]
        assert len({cut.round for cut in own}) == len({cut.seconds for cut in own}) == CUTS
        assert (min(cut.seconds for cut in own), round(max(cut.seconds for cut in own))) == (2.0, 60)
