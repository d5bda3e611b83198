"""The drawings of rings and jobs: what must be seen in them."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from roundelay.chord.lookup import Route
from roundelay.chord.requests import Candidate, Status, TrainingStatus
from roundelay.dashboard import history_view, losses_view, sites_view, tables, training_view
from roundelay.dashboard.charts import POINTS_MAX, Series, chart_scene, thinned
from roundelay.dashboard.events import Event
from roundelay.dashboard.model import (
    IDLE,
    SCORES_MAX,
    TRAINING,
    UPDATING,
    RingState,
    Score,
    Scores,
    key_of,
    updated_scores,
)
from roundelay.dashboard.palette import COLOURS, assign
from roundelay.dashboard.ring_view import Chosen, ring_scene
from roundelay.dashboard.scene import Scene, difference
from roundelay.dashboard.views import View, rows_of_tab, visible_scenes
from roundelay.dashboard.watcher import Logged
from roundelay.federation.records import PersonalRecord
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.site_scores import SiteScore, SitesEvaluation
from tests.dashboard.sights import SUPERNODE, job, node, picture, sights

LOG = [Logged(1, 0.0, Event("joined", "a node")), Logged(2, 1.0, Event("gone", "a node"))]


def texts(scene: Scene) -> list[str]:
    return [piece.text for piece in scene.pieces.values() if piece.text]


def classes(scene: Scene, start: str) -> list[str]:
    found = (piece.attributes.get("class") for name, piece in scene.pieces.items() if name.startswith(start))
    return [each for each in found if each is not None]


@pytest.mark.parametrize("count", [1, 4, 64])
def test_every_node_is_on_the_circle_with_an_arc_and_a_name_to_be_heard(count: int) -> None:
    seen = picture(*range(0, 256, 256 // count))

    scene = ring_scene(seen, Chosen())

    assert len(classes(scene, "arc-")) == len(classes(scene, "node-")) == count
    assert all(
        "aria-label" in piece.attributes and piece.attributes["tabindex"] == "0"
        for name, piece in scene.pieces.items()
        if name.startswith("node-")
    )
    assert scene.pieces["svg"].attributes["aria-label"] == f"Chord ring of {count} nodes"


def test_without_a_ring_the_page_says_so() -> None:
    assert "waiting for a node to answer" in texts(ring_scene(RingState(node(0).address), Chosen()))


def test_the_chosen_nodes_fingers_are_drawn_each_node_once() -> None:
    seen = picture(0, 64, 128, 192)

    scene = ring_scene(seen, Chosen(node=key_of(node(0))))

    assert len(classes(scene, "finger-")) == 2  # 64 and 128
    assert "chosen" in scene.pieces[f"node-{key_of(node(0))}"].attributes["class"]


def test_a_silent_node_looks_different_from_one_that_is_paused_or_trains() -> None:
    seen = picture(0, 64, 128, 192, training=TrainingStatus("job", 1, "train", 2, "part-0", 2, 0.5, 1.0))
    seen = replace(seen, nodes=(replace(seen.nodes[0], answers=False), *seen.nodes[1:]))

    scene = ring_scene(seen, Chosen(paused=[node(64)]))

    found = classes(scene, "node-")
    assert "silent" in found[0] and "training" not in found[0]
    assert "paused" in found[1]
    assert "training" in found[2]


def test_a_lookup_is_shown_hop_by_hop() -> None:
    route = Route(200, (Candidate(node(0)), Candidate(node(128), 7)), (node(192),))
    hops = [len(classes(ring_scene(picture(0, 64, 128, 192), Chosen(route=route, hops=n)), "hop-")) for n in range(4)]

    assert hops == [0, 1, 2, 2]


def test_a_name_of_a_node_is_never_more_than_a_text() -> None:
    evil = replace(sights(0)[0], status=replace(sights(0)[0].status, node=node(0, "<script>")))
    seen = replace(picture(0), nodes=(evil,), colours={evil.ref: 0})

    for scene in (ring_scene(seen, Chosen(node=key_of(evil.ref))), tables.nodes_scene(seen, key_of(evil.ref))):
        assert all("<" not in name and "<" not in piece.tag for name, piece in scene.pieces.items())
        assert any("<script>" in text for text in texts(scene))


def test_neighbours_differ_in_colour_and_nobody_changes_it() -> None:
    colours: dict[object, int] = {}
    for count in (1, 2, 3, 5, 9, 20, 64):
        nodes = [node(256 * i // count) for i in range(count)]
        before = colours
        colours = assign(before, nodes)  # type: ignore[arg-type, assignment]
        assert all(colours[n] == before[n] for n in nodes if n in before)
    order = [node(4 * i) for i in range(64)]
    fresh = assign({}, order)
    assert all(fresh[a] != fresh[b] for a, b in zip(order, order[1:] + order[:1], strict=True))
    assert set(fresh.values()) == set(range(COLOURS))


@pytest.mark.parametrize(
    ("jobs", "training", "phase"),
    [
        ((), None, IDLE),
        ((job(10, "done"),), None, IDLE),
        ((job(3),), TrainingStatus("job", 4, "train", 2), TRAINING),
        ((job(3),), None, UPDATING),
    ],
)
def test_the_phase_has_the_name_of_the_older_systems(
    jobs: tuple[object, ...], training: TrainingStatus | None, phase: str
) -> None:
    seen = picture(0, 128, jobs=jobs, training=training)  # type: ignore[arg-type]

    assert seen.phase == phase
    assert phase in texts(tables.summary_scene(seen))


def test_a_supernode_is_missed_where_the_ring_has_one() -> None:
    seen = replace(picture(0, 128), supernode_answers=False)

    assert "supernode away" in texts(tables.summary_scene(seen))
    assert "supernode away" not in texts(tables.summary_scene(replace(seen, supernode=None)))


def test_a_round_more_sends_little() -> None:
    before, after = (picture(0, 128, jobs=(job(n),)) for n in (4, 5))

    changes = difference(
        training_view.job_scene(before, before.jobs[0].job), training_view.job_scene(after, after.jobs[0].job)
    )

    assert 0 < len(changes) <= 4


def test_a_file_in_training_fills_as_its_epochs_go() -> None:
    seen = picture(0, jobs=(job(3),), training=TrainingStatus("job", 4, "train", 2, "part-1", 2, 0.5, 1.0))

    scene = training_view.files_scene(seen, seen.jobs[0])

    assert scene.pieces["fill-1"].attributes["style"] == "width:40%"
    assert scene.pieces["fill-0"].attributes["style"] == "width:0%"
    assert "epoch 2 of 5" in scene.pieces["tile-1"].attributes["title"]


def test_the_files_of_a_job_that_waits_are_not_filled_by_the_job_that_runs() -> None:
    doing = TrainingStatus("job", 4, "train", 2, "part-1", 2, 0.5, 1.0)
    seen = picture(0, jobs=(job(3), job(0, nonce="later")), training=doing)

    fills = [training_view.files_scene(seen, each).pieces["fill-1"].attributes["style"] for each in seen.jobs]

    assert fills == ["width:40%", "width:0%"]


def test_disturbed_rounds_are_listed_and_marked() -> None:
    disturbed = job(3, disturbed=("127.0.0.1:8010 was lost",))

    assert any("was lost" in text for text in texts(training_view.disturbed_scene(disturbed)))
    assert len(classes(training_view.error_scene(disturbed), "mark-")) == 3


def test_of_many_failures_of_one_round_the_first_are_shown_and_the_others_counted() -> None:
    lines = tuple(f"127.0.0.1:{port} was lost" for port in range(8000, 8037))

    (shown,) = [text for text in texts(training_view.disturbed_scene(job(1, disturbed=lines))) if "lost" in text]

    assert shown.count("was lost") == 3
    assert shown.endswith("; and 34 more")


def test_on_a_large_ring_labels_are_spread_over_the_circle() -> None:
    identifiers = [256 * number // 64 for number in range(64)]

    scene = ring_scene(picture(*identifiers), Chosen())

    assert len([name for name in scene.pieces if name.startswith("label-")]) == 22  # every third


def test_jobs_that_were_asked_for_the_same_say_whether_they_made_the_same() -> None:
    one, same, other = job(10, "done", "a"), job(10, "done", "b"), job(10, "done", "c", weights="bb")

    assert history_view.verdict(one, [one]) == "aaaaaaaa"
    assert history_view.verdict(one, [one, same]) == f"aaaaaaaa = job {same.job[:8]}"
    assert history_view.verdict(one, [one, same, other]) == f"aaaaaaaa ≠ job {other.job[:8]}"
    assert history_view.verdict(job(3), [one]) == "-"


def test_the_lineage_goes_from_the_model_to_the_files() -> None:
    seen = picture(0, 128, jobs=(job(10, "done"),))

    shown = texts(history_view.lineage_scene(seen, seen.jobs[0].job))

    assert any(text.startswith("round 10: model aaaa") for text in shown)
    assert any(text.startswith("round 0: initial weights") for text in shown)
    assert f"spec {seen.jobs[0].job[:12]}" in shown
    assert {"part-0", "part-1", "check"} <= set(shown)


def test_long_lines_are_thinned_and_keep_their_end() -> None:
    points = [(float(n), 1.0 / (n + 1)) for n in range(10_000)]

    assert len(thinned(points)) <= POINTS_MAX + 1
    assert thinned(points)[-1] == points[-1]


def test_a_round_more_of_a_long_line_sends_its_last_piece_only_and_no_point_is_left_out() -> None:
    points = tuple((float(n), 0.2 + 1.0 / n) for n in range(1, 201))
    before, after = (chart_scene("a chart", [Series("a line", points[:n])], 500) for n in (199, 200))

    changes = difference(before, after)

    assert {change[1] for change in changes} <= {"svg", "end-0", "line-0-12"}
    drawn = [piece.attributes["d"].split(" L") for name, piece in after.pieces.items() if name.startswith("line-0-")]
    assert sum(len(path) for path in drawn) == len(points) + len(drawn) - 1
    assert all(one[-1] == other[0].removeprefix("M") for one, other in pairwise(drawn))


@pytest.mark.parametrize("points", [(), ((1.0, 0.0),), ((1.0, float("nan")),), ((1.0, 1e-12), (2.0, 1e12))])
def test_no_chart_fails_over_its_numbers(points: tuple[tuple[float, float], ...]) -> None:
    assert chart_scene("a chart", [Series("a line", points)], 10).pieces


def test_the_log_shows_the_latest_first() -> None:
    shown = texts(tables.log_scene(LOG))

    assert [text for text in shown if text in ("+", "x")] == ["x", "+"]


def test_the_latest_round_is_shown_by_node_the_slowest_first() -> None:
    snapshot = job(2)
    report = replace(snapshot.reports[2], seconds=2.0, trained_s={"127.0.0.1:8000": 0.5, "127.0.0.1:8128": 1.5})
    seen = picture(0, 128, jobs=(replace(snapshot, reports={**snapshot.reports, 2: report}),))

    scene = training_view.lanes_scene(seen, seen.jobs[0])

    assert "Round 2 by node: training, of 2.00 s in all" in texts(scene)
    assert [text for text in texts(scene) if text.endswith(" s")] == ["1.500 s", "0.500 s"]
    assert scene.pieces["lane-0-busy"].attributes["style"] == "width:75.0%"
    assert not training_view.lanes_scene(seen, snapshot).pieces  # of a driver that did not report it


def test_jobs_are_compared_by_the_settings_in_which_they_differ() -> None:
    one, other = job(2, "done"), job(2, "done", nonce="x")
    other = replace(other, spec=replace(other.spec, settings=Settings(rounds=10, rule="fedprox", mu=0.1)))
    seen = picture(0, 128, jobs=(one, other))

    shown = texts(history_view.differences_scene(seen, one.job))

    assert {"rule", "fedavg", "fedprox", "mu", "0.01", "0.1", "validation error"} <= set(shown)
    assert "rounds" not in shown
    assert "rounds 10, rule fedprox, mu 0.1" in texts(history_view.jobs_scene(seen, one.job))


def test_the_page_shows_the_names_of_jobs() -> None:
    one, other = job(2, "done"), job(2, "done", nonce="x")
    named = replace(other, spec=replace(other.spec, settings=Settings(rounds=10, name="baseline")))
    seen = picture(0, 128, jobs=(one, named))

    listed = texts(history_view.jobs_scene(seen, one.job, "baseline"))

    title = f"{named.job[:8]} baseline"
    assert title in listed and one.job[:8] not in listed
    assert any(text.endswith(f" = job {one.job[:8]}") for text in listed), "a name changes no model"
    assert title in texts(history_view.differences_scene(seen, one.job))
    assert title in texts(training_view.job_scene(seen, named.job))


def test_the_rounds_of_a_job_are_a_table() -> None:
    head, *lines = history_view.as_csv(job(3)).splitlines()

    assert head.startswith("round,validation_error,")
    assert [line.split(",")[0] for line in lines] == ["1", "2", "3"]
    assert history_view.as_csv(job(0)) == ""


def test_a_view_without_jobs_says_what_to_do_and_draws_no_empty_chart() -> None:
    seen = picture(0, 128)

    assert "No job yet: launch one under Training, or with client.py train." in texts(history_view.jobs_scene(seen, ""))
    assert not [name for name in history_view.compare_scene(seen, "").pieces if name == "svg"]
    assert "No round is finished yet." in texts(history_view.compare_scene(seen, ""))


def test_the_sites_of_a_job_are_listed_with_their_own_models_the_largest_error_first() -> None:
    scores = (SiteScore("a:1", 20, 0.25, 0.7, 0.9), SiteScore("b:1", 30, 0.5, 0.4))
    found = SitesEvaluation(60, 0, sites=scores, hidden=1, absent=("c:1",), auc=0.75)
    snapshot = job(2, "done")
    reports = {**snapshot.reports, 2: replace(snapshot.reports[2], held_out=found)}
    own = SitesEvaluation(50, 0, sites=(replace(scores[0], error=0.05), replace(scores[1], error=0.125)))
    snapshot = replace(snapshot, reports=reports, personal=PersonalRecord(snapshot.job, 2, "ab" * 32, own))

    scene = sites_view.sites_scene(snapshot)

    assert "Round 2 at the sites: 60 rows held out" in texts(scene)
    told = "mean error of the sites 0.3750; AUC of all rows 0.7500; of their own models (none) 0.0875"
    assert f"{told}; 1 site is hidden because it holds out too few rows; 1 site did not answer" in texts(scene)
    rows = [[scene.pieces[f"site-{at}-{column}"].text for column in range(7)] for at in (0, 1)]
    assert rows[0] == ["b:1", "30", "0.5000", "0.4000", "-", "0.1250", "worst"]
    assert rows[1] == ["a:1", "20", "0.2500", "0.7000", "0.9000", "0.0500", ""]
    assert not sites_view.sites_scene(job(2)).pieces  # of a job that its client evaluates
    assert not sites_view.sites_scene(job(0)).pieces and not sites_view.sites_scene(None).pieces


def test_long_lists_are_filtered_by_words_in_any_case() -> None:
    seen = picture(0, 64, 128, 192, jobs=(job(2, "done"), job(1, nonce="x")))

    nodes = tables.nodes_scene(seen, "", "127.0.0.1:8064 IDLE")
    jobs = history_view.jobs_scene(seen, "", "running rounds")
    files = training_view.files_scene(seen, seen.jobs[0], "part-1")

    assert "1 of 4 nodes match" in texts(nodes) and classes(nodes, "n").count("pick") == 1
    assert "1 of 2 jobs match" in texts(jobs) and f"job-{seen.jobs[1].job}" in jobs.pieces
    assert "1 of 2 files match" in texts(files) and "tile-0" not in files.pieces and "tile-1" in files.pieces


def test_a_filter_that_nothing_matches_says_how_to_see_the_list_again() -> None:
    seen = picture(0, 64, jobs=(job(1),))

    assert "0 of 2 nodes match: clear the filter to see them" in texts(tables.nodes_scene(seen, "", "nowhere"))
    assert "0 of 1 jobs match: clear the filter to see them" in texts(history_view.jobs_scene(seen, "", "nowhere"))
    assert not any("match" in text for text in texts(tables.nodes_scene(seen, "", "  ")))


def test_files_beyond_those_that_are_drawn_are_found_by_the_filter() -> None:
    files = tuple(TrainingFile(i, f"part-{i}", f"{i:064x}", 10, 5) for i in range(300))
    snapshot = job(0)
    snapshot = replace(snapshot, spec=replace(snapshot.spec, files=files))

    first, found, many = (
        training_view.files_scene(picture(0), snapshot, wanted) for wanted in ("", "part-299", "part")
    )

    assert "the first 256 of 300 files; filter to see others" in texts(first) and "tile-299" not in first.pieces
    assert "tile-299" in found.pieces
    assert "the first 256 of 300 files; filter further to see others" in texts(many)


def test_the_loss_of_each_file_is_listed_as_it_was_last_told_the_largest_first() -> None:
    snapshot = job(3)
    seen = picture(0, 128, jobs=(snapshot,))

    def told(file: str, number: int, loss: float, of: str = snapshot.job) -> Status:
        return replace(seen.nodes[0].status, training=TrainingStatus(of, number, "train", 2, file, 5, 0.5, loss))

    scores: Scores = {}
    for status in (told("part-0", 1, 0.5), told("part-1", 2, 0.25), told("part-0", 2, 0.125), told("part-1", 1, 9.0)):
        scores = updated_scores(scores, [status])
    scores = updated_scores(scores, [told("part-0", 3, 1.0, "another job"), told("part-0", 3, math.nan)])

    scene = losses_view.losses_scene(replace(seen, scores=scores), snapshot)

    rows = [[scene.pieces[f"loss-{at}-{column}"].text for column in range(5)] for at in (0, 1)]
    assert rows[0] == ["part-1", "127.0.0.1:8000", "2", "5", "0.2500"]
    assert rows[1] == ["part-0", "127.0.0.1:8000", "2", "5", "0.1250"]
    assert scene.pieces["loss-1-bar"].attributes["style"] == "width:50.0%"
    filtered = losses_view.losses_scene(replace(seen, scores=scores), snapshot, "part-0")
    assert "loss-1" not in filtered.pieces and any("1 match" in text for text in texts(filtered))
    assert not losses_view.losses_scene(seen, snapshot).pieces  # of a job that nobody watched


def test_of_many_files_the_last_scores_are_remembered() -> None:
    status = sights(0)[0].status
    scores: Scores = {
        ("job", f"old-{number}"): Score("a:1", TrainingStatus("job", 1, "train", 1)) for number in range(SCORES_MAX)
    }

    scores = updated_scores(
        scores, [replace(status, training=TrainingStatus("job", 1, "train", 1, "new", 1, 0.5, 1.0))]
    )

    assert len(scores) == SCORES_MAX and ("job", "new") in scores and ("job", "old-0") not in scores


def test_a_page_without_nodes_says_what_to_start() -> None:
    away, empty = RingState(SUPERNODE), RingState(SUPERNODE, supernode_answers=True)

    assert any("Start it: python3 supernode.py" in text for text in texts(tables.nodes_scene(away, "")))
    assert any("The ring has no nodes yet" in text for text in texts(tables.nodes_scene(empty, "")))
    assert any("No node answers" in text for text in texts(tables.nodes_scene(RingState(None), "")))


@pytest.mark.parametrize("tab", ["nodes", "training", "lookup", "history", "lab"])
def test_each_tab_can_be_drawn_of_a_full_ring_and_of_none(tab: str) -> None:
    full = picture(0, 128, jobs=(job(2),))

    shown = visible_scenes(full, View(tab, job=full.jobs[0].job))

    assert {"ring", "summary"} < set(shown) == set(visible_scenes(RingState(None), View(tab)))
    assert rows_of_tab(full, View(tab, job=full.jobs[0].job)) == {"nodes": 2, "training": 2, "history": 1}.get(tab, 0)
