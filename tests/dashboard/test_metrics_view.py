"""The confusion matrix as people, and those who hear the page, read it."""

from __future__ import annotations

import numpy as np

from roundelay.dashboard.metrics_view import CLASSES_MAX, STEPS, heat, is_measurable, metrics_scene, shown_classes
from roundelay.dashboard.scene import Scene
from roundelay.ml.metrics import Metrics, measure
from tests.dashboard.sights import job


def metrics(true: list[int], said: list[int], classes: int, labels: tuple[str, ...] = ()) -> Metrics:
    return measure(np.eye(classes)[said], np.array(true), labels)


def cells(scene: Scene, name: str) -> list[str]:
    return [piece.text for key, piece in scene.pieces.items() if key.startswith(name)]


def test_rows_are_what_it_is_and_columns_what_it_was_taken_for() -> None:
    scene = metrics_scene(metrics([0, 0, 0, 1], [0, 0, 1, 1], 2, ("iris", "rose")))

    assert cells(scene, "cell-0-") == ["2", "1"]
    assert cells(scene, "cell-1-") == ["·", "1"]
    assert cells(scene, "name-") == ["iris", "rose"]


def test_each_number_has_headings_of_its_row_and_column_and_what_is_right_is_marked_besides_by_its_colour() -> None:
    pieces = metrics_scene(metrics([0, 0, 0, 1], [0, 0, 1, 1], 2)).pieces

    assert pieces["name-0"].attributes["scope"] == "row"
    assert pieces["matrix-heading-1"].attributes["scope"] == "col"
    assert pieces["matrix-caption"].text == "Confusion matrix"
    right = {name for name, piece in pieces.items() if "right" in piece.attributes.get("class", "").split()}
    assert right == {"cell-0-0", "cell-1-1"}


def test_classes_that_neither_occur_nor_were_predicted_are_left_out() -> None:
    assert shown_classes(metrics([3, 3, 5], [3, 7, 5], 26)) == [3, 5, 7]


def test_of_very_many_classes_those_with_the_most_mistakes_are_shown_and_the_page_says_so() -> None:
    true = list(range(100))
    said = [c if c < 90 else c - 1 for c in true]
    made = metrics(true, said, 100)

    assert len(shown_classes(made)) == CLASSES_MAX
    assert set(range(89, 100)) <= set(shown_classes(made))
    assert f"the {CLASSES_MAX} classes with the most errors" in metrics_scene(made).pieces["about"].text


def test_a_matrix_of_many_short_labels_fits_and_one_of_long_labels_scrolls() -> None:
    for labels, fits in ((tuple("abcdefghijklmnopqrst"), True), (("a long label", *"bcdefghijklmnopqrst"), False)):
        matrix = metrics_scene(metrics(list(range(20)), list(range(20)), 20, labels)).pieces["matrix"]

        assert ("many" in matrix.attributes["class"].split()) is fits


def test_the_scale_tells_none_from_one_and_most_from_all() -> None:
    assert [heat(count, 1000) for count in (0, 1, 200, 201, 1000)] == [0, 1, 1, 2, STEPS]
    assert heat(0, 0) == 0


def test_before_a_job_is_measured_there_is_nothing_and_a_refusal_is_told() -> None:
    assert not metrics_scene(None).pieces
    assert "no node answers" in cells(metrics_scene(None, "no node answers"), "complaint")[0]


def test_a_model_is_measured_when_the_round_that_its_job_keeps_has_been_read() -> None:
    assert is_measurable(job(10, "done"))
    assert not is_measurable(job(9, "done")), "the last of its ten rounds has not been read"
    assert not is_measurable(job(10)) and not is_measurable(job(10, "cancelled")) and not is_measurable(None)
