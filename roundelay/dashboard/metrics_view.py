"""The metrics of a finished model: the confusion matrix, and precision, recall, F1 and AUC of each class.

The scale is one hue that grows darker (lighter in the dark), and every cell has its number, so no
information depends on colour. Correct predictions are framed.
"""

from __future__ import annotations

from roundelay.dashboard.scene import Scene
from roundelay.dashboard.tables import row, table
from roundelay.federation import records
from roundelay.federation.snapshot import JobSnapshot
from roundelay.ml.metrics import FitMetrics, Metrics

CLASSES_MAX = 40  # shown: those with the most errors
LABEL_MAX = 24  # characters of a class's name
MANY_MIN, SHORT_MAX = 12, 3  # classes with labels as short as this stand close to each other
STEPS = 5  # of the scale; page.css has them: .heat-1 ... .heat-5


def is_measurable(snapshot: JobSnapshot | None) -> bool:
    """Return whether a job's model can be measured: it is done, and the round that it keeps has been read."""
    return snapshot is not None and snapshot.end == records.DONE and snapshot.is_over


def metrics_scene(metrics: Metrics | FitMetrics | None, complaint: str = "", waiting: bool = False) -> Scene:
    """Draw the confusion matrix, true classes in rows and predicted ones in columns; then a line for each class.

    Of a regression, show its errors.
    """
    scene = Scene()
    if metrics is None:
        if complaint:
            scene.add("complaint", "p", "", f"The metrics are not available: {complaint}", cls="hint")
        elif waiting:
            scene.add(
                "waiting", "p", "", "Waiting for the model and its validation data ...", cls="hint", role="status"
            )
        return scene
    if isinstance(metrics, FitMetrics):
        _add_fit(scene, metrics)
        return scene
    scene.add("title", "h3", "", "Confusion matrix")
    shown = shown_classes(metrics)
    fewer = f", the {len(shown)} classes with the most errors" if len(shown) < len(_met(metrics)) else ""
    scene.add(
        "about",
        "p",
        "",
        f"Rows are true classes, columns predicted classes{fewer}: {metrics.rows} rows for "
        f"validation, accuracy {metrics.accuracy:.4f}, macro F1 {metrics.macro_f1:.4f}.",
        cls="hint",
    )
    _add_matrix(scene, metrics, shown)
    _add_classes(scene, metrics, shown)
    if metrics.thresholds:
        _add_thresholds(scene, metrics)
    return scene


def _add_fit(scene: Scene, metrics: FitMetrics) -> None:
    scene.add("title", "h3", "", "Errors of the regression")
    scene.add("about", "p", "", f"{metrics.rows} rows for validation; errors in the unit of the target.", cls="hint")
    body = table(scene, "fit", ("RMSE", "MAE", "R2"), "Errors of the regression")
    row(scene, "fit-row", body, (f"{metrics.rmse:.6g}", f"{metrics.mae:.6g}", f"{metrics.r2:#.4g}"))


def shown_classes(metrics: Metrics) -> list[int]:
    """Return the classes that occur or were predicted, in order; of too many, those with the most errors."""
    met = _met(metrics)
    mistakes = {
        c: sum(metrics.confusion[c]) + sum(r[c] for r in metrics.confusion) - 2 * metrics.confusion[c][c] for c in met
    }
    return sorted(sorted(met, key=lambda c: (-mistakes[c], c))[:CLASSES_MAX])


def heat(count: int, rows: int) -> int:
    """Return a share of a class's rows as a step of the scale: 0 for none, STEPS for all."""
    return -(-STEPS * count // rows) if rows else 0


def _met(metrics: Metrics) -> list[int]:
    return [c for c, line in enumerate(metrics.confusion) if any(line) or any(r[c] for r in metrics.confusion)]


def _add_matrix(scene: Scene, metrics: Metrics, shown: list[int]) -> None:
    scene.add("box", "div", cls="scroll", tabindex="0", role="region", aria_label="Confusion matrix")
    labels = [_label(metrics, c) for c in shown]
    is_tight = len(shown) >= MANY_MIN and max(map(len, labels)) <= SHORT_MAX
    headings = ["" if is_tight else "true \\ predicted", *labels]
    body = table(scene, "matrix", headings, "Confusion matrix", "box", "confusion many" if is_tight else "confusion")
    for true in shown:
        line = scene.add(f"line-{true}", "tr", body)
        scene.add(f"name-{true}", "th", line, _label(metrics, true), scope="row")
        for said in shown:
            count = metrics.confusion[true][said]
            right = " right" if true == said else ""
            scene.add(
                f"cell-{true}-{said}",
                "td",
                line,
                str(count) if count else "·",
                title=f"{count} of {sum(metrics.confusion[true])} rows of {_label(metrics, true)}",
                cls=f"heat-{heat(count, sum(metrics.confusion[true]))}{right}",
            )


def _add_classes(scene: Scene, metrics: Metrics, shown: list[int]) -> None:
    scene.add("more", "details")
    scene.add("more-title", "summary", "more", "Precision, recall, F1 and AUC of each class")
    body = table(scene, "classes", ("class", "rows", "precision", "recall", "F1", "AUC"), "Metrics by class", "more")
    for number in shown:
        each = metrics.classes[number]
        auc = "-" if each.auc is None else f"{each.auc:.4f}"
        row(
            scene,
            f"class-{number}",
            body,
            (each.label, str(each.rows), *(f"{value:.4f}" for value in (each.precision, each.recall, each.f1)), auc),
        )


def _add_thresholds(scene: Scene, metrics: Metrics) -> None:
    scene.add("other", "details")
    scene.add("other-title", "summary", "other", f"Other thresholds than 0.5 for {_label(metrics, 1)}")
    headings = ("probability", "predicted", "precision", "recall", "specificity", "F1")
    body = table(scene, "thresholds", headings, "What other thresholds give", "other")
    for number, each in enumerate(metrics.thresholds):
        shares = (f"{share:.4f}" for share in (each.precision, each.recall, each.specificity, each.f1))
        row(scene, f"threshold-{number}", body, (f"{each.probability:g}", str(each.predicted), *shares))


def _label(metrics: Metrics, number: int) -> str:
    label = metrics.classes[number].label
    return label if len(label) <= LABEL_MAX else f"{label[: LABEL_MAX - 1]}…"
