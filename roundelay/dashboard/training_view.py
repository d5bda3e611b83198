"""One job as it goes: its state, every file and who trains it, error and loss over the rounds, what was healed."""

from __future__ import annotations

from roundelay.chord.requests import TrainingStatus
from roundelay.dashboard.charts import Series, chart_scene
from roundelay.dashboard.model import RingState
from roundelay.dashboard.scene import Scene
from roundelay.dashboard.tables import row, table
from roundelay.federation.records import RoundReport
from roundelay.federation.snapshot import JobSnapshot

DISTURBED_MAX = 12  # rounds that are listed, the latest
FILES_MAX = 256


def job_scene(picture: RingState, job: str) -> Scene:
    """The job's head line and its bar."""
    scene = Scene()
    sighting = picture.job(job)
    if sighting is None:
        scene.add(
            "none", "p", "", "No job yet. Launch one below, or with client.py: it shows here either way.", cls="hint"
        )
        return scene
    rounds = sighting.spec.settings.rounds
    scene.add("head", "div", cls="jobhead")
    scene.add("name", "code", "head", sighting.job[:8], title=sighting.job)
    scene.add("state", "span", "head", sighting.state, cls=f"state {sighting.state}")
    scene.add("count", "span", "head", f"round {sighting.rounds_done} of {rounds}")
    if sighting.rounds_done:
        scene.add("error", "span", "head", f"validation error {sighting.results[-1].error:.4f}")
        scene.add("driver", "span", "head", f"driven by {_driver(sighting)}", cls="faint")
    ahead = _ahead(picture, sighting)
    if ahead:
        scene.add("queue", "span", "head", f"{ahead} before it in the queue", cls="faint")
    scene.add("bar", "progress", value=sighting.rounds_done, max=rounds, aria_label="how far the job has come")
    if sighting.reason:
        scene.add("reason", "p", "", sighting.reason, cls="wrong")
    return scene


def error_scene(sighting: JobSnapshot | None) -> Scene:
    """Validation error by round; rounds that were disturbed are marked."""
    if sighting is None:
        return Scene()
    points = tuple((float(r.round), r.error) for r in sighting.results[1:])
    marks = [(float(r.round), "; ".join(r.disturbances)) for r in _disturbed(sighting)]
    line = Series("validation error", points, 5)
    return chart_scene("Validation error by round", [line], sighting.spec.settings.rounds, marks)


def loss_scene(sighting: JobSnapshot | None) -> Scene:
    """Loss by round, in validation and in training."""
    if sighting is None:
        return Scene()
    reports = [sighting.reports[n] for n in sorted(sighting.reports) if n > 0]
    lines = [
        Series("validation loss", tuple((float(r.round), r.validation_loss) for r in reports), 4),
        Series("training loss", tuple((float(r.round), r.training_loss) for r in reports), 2, 1),
    ]
    return chart_scene("Loss by round", lines, sighting.spec.settings.rounds)


def files_scene(picture: RingState, sighting: JobSnapshot | None) -> Scene:
    """Every file as a tile in the colour of who trains it, filled as far as its epochs have come."""
    scene = Scene()
    if sighting is None:
        return scene
    epochs = sighting.spec.settings.epochs
    now = _training_now(picture) if sighting == picture.running else {}
    placed = sighting.reports[max(sighting.reports)].placement if sighting.reports else {}
    owners = {str(sight.ref.address): sight for sight in picture.nodes}
    scene.add("tiles", "ul", cls="tiles", aria_label="files and who trains them")
    for file in sighting.spec.files[:FILES_MAX]:
        address, doing = now.get(file.name, (placed.get(file.name, ""), None))
        sight = owners.get(address) or picture.owner(file.name)
        colour = f" owner-{picture.colours[sight.ref]}" if sight is not None else ""
        where = f"on {sight.name}" if sight is not None else "nowhere yet"
        about = "not in training"
        if doing:
            scores = f"accuracy {doing.accuracy:.3f}, loss {doing.loss:.4f}"
            about = f"round {doing.round}, epoch {doing.epoch} of {epochs}, {scores}"
        tile = scene.add(
            f"tile-{file.index}",
            "li",
            "tiles",
            cls=f"tile{colour}{' busy' if doing else ''}",
            title=f"{file.name} {where}: {about}",
        )
        scene.add(
            f"fill-{file.index}",
            "span",
            tile,
            cls="fill",
            style=f"width:{100 * doing.epoch / epochs if doing else 0:.0f}%",
        )
        scene.add(f"name-{file.index}", "span", tile, file.name, cls="tilename")
    return scene


def disturbed_scene(sighting: JobSnapshot | None) -> Scene:
    """Rounds in which something went wrong, and how it was healed."""
    scene = Scene()
    reports = _disturbed(sighting) if sighting is not None else []
    if not reports:
        return scene
    scene.add("title", "h3", "", f"Disturbed rounds: {len(reports)}")
    body = table(scene, "disturbed", ("round", "what happened, and was healed", "driver"), "Disturbed rounds")
    for report in reversed(reports[-DISTURBED_MAX:]):
        row(scene, f"round-{report.round}", body, (str(report.round), "; ".join(report.disturbances), report.driver))
    return scene


def _training_now(picture: RingState) -> dict[str, tuple[str, TrainingStatus]]:
    """By file: the address of the node that trains it now, and how far."""
    found = [(sight, sight.status.training) for sight in picture.nodes if sight.answers]
    return {doing.file: (str(sight.ref.address), doing) for sight, doing in found if doing and doing.file}


def _disturbed(sighting: JobSnapshot) -> list[RoundReport]:
    return [sighting.reports[n] for n in sorted(sighting.reports) if sighting.reports[n].disturbances]


def _driver(sighting: JobSnapshot) -> str:
    return sighting.reports[max(sighting.reports)].driver if sighting.reports else "nobody yet"


def _ahead(picture: RingState, sighting: JobSnapshot) -> int:
    """Jobs that were published before this one and have not ended."""
    if sighting.end or sighting.results:
        return 0
    earlier = picture.jobs[: picture.jobs.index(sighting)]
    return sum(not other.end for other in earlier)
