"""The training loss of each file, as the page last saw it: the largest first."""

from __future__ import annotations

from roundelay.dashboard.model import RingState, Score
from roundelay.dashboard.scene import Scene
from roundelay.dashboard.tables import matches, row, table
from roundelay.federation.snapshot import JobSnapshot

LOSSES_MAX = 32  # shown: the largest


def losses_scene(ring_state: RingState, snapshot: JobSnapshot | None, wanted: str = "") -> Scene:
    """List the files whose loss nodes have told while this dashboard watched."""
    scene = Scene()
    if snapshot is None:
        return scene
    scores = {file: score for (job, file), score in ring_state.scores.items() if job == snapshot.job}
    if not scores:
        return scene
    found = {file: score for file, score in scores.items() if matches(wanted, file, score.address)}
    worst = sorted(found.items(), key=lambda each: (-each[1].training.loss, each[0]))[:LOSSES_MAX]
    scene.add("title", "h3", "", "Training loss by file")
    scene.add("about", "p", "", _about(len(scores), len(snapshot.spec.files), len(found), len(worst)), cls="hint")
    if worst:
        _add_rows(scene, worst)
    return scene


def _add_rows(scene: Scene, worst: list[tuple[str, Score]]) -> None:
    top = max(score.training.loss for _, score in worst) or 1.0
    body = table(scene, "losses", ("file", "node", "round", "epoch", "loss", ""), "Training loss by file")
    for place, (file, score) in enumerate(worst):
        name, doing = f"loss-{place}", score.training
        row(scene, name, body, (file, score.address, str(doing.round), str(doing.epoch), f"{doing.loss:.4f}", ""))
        scene.add(f"{name}-lane", "div", f"{name}-5", cls="lane", aria_hidden="true")
        scene.add(f"{name}-bar", "span", f"{name}-lane", cls="busy", style=f"width:{100 * doing.loss / top:.1f}%")


def _about(seen: int, files: int, found: int, shown: int) -> str:
    """Say where the losses are from, and which of them are listed."""
    parts = [f"As nodes told it after an epoch, when this dashboard last asked: {seen} of {files} files"]
    if found < seen:
        parts.append(f"{found} match the filter")
    if shown < found:
        parts.append(f"the {shown} with the largest loss are listed")
    return "; ".join(parts) + "."
