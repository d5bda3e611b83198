"""One job: its state, each file and the node that trains it, error and loss by round, recovered failures."""

from __future__ import annotations

from collections import Counter

from roundelay.chord.requests import TrainingStatus
from roundelay.dashboard.charts import Series, chart_scene
from roundelay.dashboard.model import RingState, title_of
from roundelay.dashboard.scene import Scene
from roundelay.dashboard.tables import add_count, matches, row, table
from roundelay.federation import records
from roundelay.federation.records import RoundReport
from roundelay.federation.snapshot import JobSnapshot
from roundelay.federation.spec import JobSpec

LINES_SHOWN = 3  # of a round's failures
DISTURBED_MAX = 12  # rounds that are listed, the latest
FILES_MAX = 256
LANES_MAX = 32  # nodes of a round, the slowest


def job_scene(ring_state: RingState, job: str) -> Scene:
    """Show the job's heading and its bar."""
    scene = Scene()
    snapshot = ring_state.job(job)
    if snapshot is None:
        scene.add(
            "none", "p", "", "No job yet. Launch one below, or with client.py: it shows here either way.", cls="hint"
        )
        return scene
    rounds = snapshot.spec.settings.rounds
    scene.add("head", "div", cls="jobhead")
    scene.add("name", "code", "head", title_of(snapshot), title=snapshot.job)
    scene.add("state", "span", "head", snapshot.state, cls=f"state {snapshot.state}")
    scene.add("count", "span", "head", f"round {snapshot.rounds_done} of {rounds}")
    if snapshot.rounds_done:
        scene.add("error", "span", "head", f"validation {_kept(snapshot)}")
        scene.add("driver", "span", "head", f"driven by {_driver(snapshot)}", cls="faint")
    ahead = _ahead(ring_state, snapshot)
    if ahead:
        scene.add("queue", "span", "head", f"{ahead} ahead of it in the queue", cls="faint")
    most = snapshot.rounds_done if snapshot.end == records.DONE else rounds  # a job may stop early
    scene.add("bar", "progress", value=snapshot.rounds_done, max=most, aria_label="progress of the job")
    if snapshot.reason:
        scene.add("reason", "p", "", snapshot.reason, cls="wrong")
    return scene


def error_scene(snapshot: JobSnapshot | None) -> Scene:
    """Draw the validation error by round; disturbed rounds and the one that is kept are marked."""
    if snapshot is None:
        return Scene()
    points = tuple((float(r.round), r.error) for r in snapshot.results[1:])
    marks = [(float(r.round), _what_happened(r)) for r in _disturbed(snapshot)]
    what = error_name(snapshot.spec)
    lines = [Series(what, points, 5)]
    if snapshot.rounds_done:
        kept = snapshot.kept
        lines.append(Series(f"kept: round {kept.round}", ((float(kept.round), kept.error),), 2, 2))
    return chart_scene(f"{what[0].upper()}{what[1:]} by round", lines, snapshot.spec.settings.rounds, marks)


def loss_scene(snapshot: JobSnapshot | None) -> Scene:
    """Draw the loss by round, in validation and in training."""
    if snapshot is None:
        return Scene()
    reports = [snapshot.reports[n] for n in sorted(snapshot.reports) if n > 0]
    lines = [
        Series("validation loss", tuple((float(r.round), r.validation_loss) for r in reports), 4),
        Series("training loss", tuple((float(r.round), r.training_loss) for r in reports), 2, 1),
    ]
    return chart_scene("Loss by round", lines, snapshot.spec.settings.rounds)


def files_scene(ring_state: RingState, snapshot: JobSnapshot | None, wanted: str = "") -> Scene:
    """Draw the files whose names match: tiles in the colours of the nodes that train them, filled by their epochs."""
    scene = Scene()
    if snapshot is None:
        return scene
    epochs = snapshot.spec.settings.epochs
    now = _training_now(ring_state) if snapshot == ring_state.running else {}
    placed = snapshot.reports[max(snapshot.reports)].placement if snapshot.reports else {}
    owners = {str(member.ref.address): member for member in ring_state.nodes}
    scene.add("title", "h3", "", "Files, and the nodes that train them")
    found = [file for file in snapshot.spec.files if matches(wanted, file.name)]
    add_count(scene, wanted, len(found), len(snapshot.spec.files), "files")
    if len(found) > FILES_MAX:
        how = "filter further" if wanted.strip() else "filter"
        scene.add("first", "p", "", f"the first {FILES_MAX} of {len(found)} files; {how} to see others", cls="hint")
    scene.add("tiles", "ul", cls="tiles", aria_label="files and the nodes that train them")
    for file in found[:FILES_MAX]:
        address, doing = now.get(file.name, (placed.get(file.name, ""), None))
        member = owners.get(address) or ring_state.owner(file.name)
        colour = f" owner-{ring_state.colours[member.ref]}" if member is not None else ""
        where = f"on {member.name}" if member is not None else "nowhere yet"
        about = "not in training"
        if doing:
            about = f"round {doing.round}, epoch {doing.epoch} of {epochs}, {doing.scores}"
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


def lanes_scene(ring_state: RingState, snapshot: JobSnapshot | None) -> Scene:
    """Draw the latest round by node: how long its trainer worked, of the round's time; the slowest first."""
    scene = Scene()
    reports = snapshot.reports if snapshot is not None else {}
    report = reports[max(reports)] if reports else None
    if report is None or not report.trained_s:
        return scene
    whole = max(report.seconds, *report.trained_s.values()) or 1.0
    owners = {str(member.ref.address): member for member in ring_state.nodes}
    files = Counter(report.placement.values())
    scene.add("title", "h3", "", f"Round {report.round} by node: training, of {whole:.2f} s in all")
    body = table(scene, "lanes", ("node", "files", "trained", "share of the round"), "The latest round by node")
    by_time = sorted(report.trained_s.items(), key=lambda each: (-each[1], each[0]))
    for place, (address, seconds) in enumerate(by_time[:LANES_MAX]):
        member = owners.get(address)
        name, share = f"lane-{place}", 100 * seconds / whole
        row(scene, name, body, (member.name if member else address, str(files[address]), f"{seconds:.3f} s", ""))
        colour = f" owner-{ring_state.colours[member.ref]}" if member is not None else ""
        scene.add(f"{name}-lane", "div", f"{name}-3", cls="lane", role="img", aria_label=f"{share:.0f} %")
        scene.add(f"{name}-busy", "span", f"{name}-lane", cls=f"busy{colour}", style=f"width:{share:.1f}%")
    return scene


def disturbed_scene(snapshot: JobSnapshot | None) -> Scene:
    """List the rounds with failures or notices, and how each failure was repaired."""
    scene = Scene()
    reports = _disturbed(snapshot) if snapshot is not None else []
    if not reports:
        return scene
    scene.add("title", "h3", "", f"Disturbed rounds: {len(reports)}")
    body = table(scene, "disturbed", ("round", "failure and recovery", "driver"), "Disturbed rounds")
    for report in reversed(reports[-DISTURBED_MAX:]):
        row(scene, f"round-{report.round}", body, (str(report.round), _what_happened(report), report.driver))
    return scene


def _training_now(ring_state: RingState) -> dict[str, tuple[str, TrainingStatus]]:
    """Return by file the address of the node that trains it now, and its progress."""
    found = [(member, member.status.training) for member in ring_state.nodes if member.answers]
    return {doing.file: (str(member.ref.address), doing) for member, doing in found if doing and doing.file}


def error_name(spec: JobSpec) -> str:
    """Return what the error of a job's rounds is."""
    return "validation error" if spec.task == "classification" else "validation RMSE"


def _disturbed(snapshot: JobSnapshot) -> list[RoundReport]:
    return [snapshot.reports[n] for n in sorted(snapshot.reports) if _what_happened(snapshot.reports[n])]


def _what_happened(report: RoundReport) -> str:
    lines = (*report.disturbances, *report.notices)
    more = f"and {len(lines) - LINES_SHOWN} more" if len(lines) > LINES_SHOWN else ""
    return "; ".join(filter(None, (*lines[:LINES_SHOWN], more)))


def _kept(snapshot: JobSnapshot) -> str:
    """Return the validation error of the model that the job keeps, and its round if that is not the last."""
    kept = snapshot.kept
    return kept.error_text + f" in round {kept.round}" * (kept.round != snapshot.rounds_done)


def _driver(snapshot: JobSnapshot) -> str:
    return snapshot.reports[max(snapshot.reports)].driver if snapshot.reports else "nobody yet"


def _ahead(ring_state: RingState, snapshot: JobSnapshot) -> int:
    """Return the jobs that were published before this one and have not ended."""
    if snapshot.end or snapshot.results:
        return 0
    earlier = ring_state.jobs[: ring_state.jobs.index(snapshot)]
    return sum(not other.end for other in earlier)
