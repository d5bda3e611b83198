"""All jobs of the ring: one chart of their errors, a comparison of their models, and each job's lineage."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from roundelay.client.report import Round
from roundelay.dashboard.charts import Series, chart_scene
from roundelay.dashboard.model import RingState, title_of
from roundelay.dashboard.palette import COLOURS
from roundelay.dashboard.scene import Scene
from roundelay.dashboard.tables import add_count, matches, pick, row, table
from roundelay.federation import records
from roundelay.federation.setting_texts import all_texts, chosen_texts, differing
from roundelay.federation.snapshot import JobSnapshot

DIFFERING_MAX = 4  # other jobs in a comparison of settings
COMPARED_MAX = 12  # jobs on the chart, the latest
LINKS_SHOWN = 6  # of a chain, besides round 0


def jobs_scene(ring_state: RingState, chosen: str, wanted: str = "") -> Scene:
    """Draw the jobs that match, the latest first; finished ones of one recipe show whether their models are equal."""
    scene = Scene()
    if not ring_state.jobs:
        scene.add("none", "p", "", "No job yet: launch one under Training, or with client.py train.", cls="hint")
        return scene
    found = [snapshot for snapshot in reversed(ring_state.jobs) if _is_wanted(snapshot, wanted)]
    add_count(scene, wanted, len(found), len(ring_state.jobs), "jobs")
    if not found:
        return scene
    headings = ("job", "state", "round", "error", "time", "settings that were chosen", "files", "model")
    body = table(scene, "jobs", headings, "Jobs of the ring")
    for snapshot in found:
        name, settings = f"job-{snapshot.job}", snapshot.spec.settings
        error = snapshot.kept.error_text.removeprefix("error ") if snapshot.rounds_done else "-"
        row(
            scene,
            name,
            body,
            (
                "",
                snapshot.state,
                f"{snapshot.rounds_done} of {settings.rounds}",
                error,
                f"{sum(report.seconds for report in snapshot.reports.values()):.1f} s",
                _settings_text(snapshot),
                str(len(snapshot.spec.files)),
                verdict(snapshot, ring_state.jobs),
            ),
            cls=f"pick{' chosen' if snapshot.job == chosen else ''}",
            data_act="job",
            data_value=snapshot.job,
        )
        pick(scene, f"{name}-0", "job", snapshot.job, title_of(snapshot))
    return scene


def _settings_text(snapshot: JobSnapshot) -> str:
    chosen = chosen_texts(replace(snapshot.spec.settings, name=""))
    return ", ".join(f"{name} {value}" for name, value in chosen.items()) or "defaults"


def _is_wanted(snapshot: JobSnapshot, wanted: str) -> bool:
    names = (file.name for file in snapshot.spec.files)
    return matches(wanted, title_of(snapshot), snapshot.job, snapshot.state, _settings_text(snapshot), *names)


def differences_scene(ring_state: RingState, chosen: str) -> Scene:
    """Show the settings in which the chosen job differs from the latest others, and what came of it."""
    scene = Scene()
    one = ring_state.job(chosen)
    others = [snapshot for snapshot in reversed(ring_state.jobs) if snapshot.job != chosen][:DIFFERING_MAX]
    if one is None or not others:
        return scene
    jobs = [one, *others]
    scene.add("title", "h3", "", f"Job {title_of(one)} beside others: settings that differ")
    found = differing([all_texts(replace(each.spec.settings, name="")) for each in jobs])
    if not found:
        scene.add("same", "p", "", "No setting differs.", cls="hint")
    body = table(scene, "differing", ("", *(title_of(each) for each in jobs)), "Settings that differ")
    for name, values in found.items():
        row(scene, f"setting-{name}", body, (name.replace("_", "-"), *(value or "none" for value in values)))
    errors = [f"{each.kept.error:.4f}" if each.rounds_done else "-" for each in jobs]
    row(scene, "differing-error", body, ("validation error", *errors))
    row(scene, "differing-model", body, ("model", *(verdict(each, ())[:8] for each in jobs)))
    return scene


def as_csv(snapshot: JobSnapshot) -> str:
    """Return a job's rounds as a table: the columns of `client.py train --history`, as far as a report has them."""
    rows = [
        Round(result, snapshot.reports[result.round]).to_json()
        for result in snapshot.results[1:]
        if result.round in snapshot.reports
    ]
    text = io.StringIO()
    if rows:
        plain = [name for name, value in rows[0].items() if isinstance(value, int | float | str)]
        writer = csv.DictWriter(text, plain, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()


def verdict(snapshot: JobSnapshot, jobs: Sequence[JobSnapshot]) -> str:
    """Show the digest of the model, and whether equal jobs have made the same bytes."""
    if snapshot.end != records.DONE or not snapshot.rounds_done:
        return "-"
    mine = snapshot.kept.weights
    others = [
        other
        for other in jobs
        if other.job != snapshot.job
        and other.end == records.DONE
        and other.rounds_done
        and recipe(other) == recipe(snapshot)
    ]
    if not others:
        return mine[:8]
    unlike = [other for other in others if other.kept.weights != mine]
    if unlike:
        return f"{mine[:8]} ≠ job {unlike[0].job[:8]}"
    return f"{mine[:8]} = job {others[-1].job[:8]}"


def recipe(snapshot: JobSnapshot) -> str:
    """Return everything that determines the model: the spec without its nonce, driver and name."""
    raw = asdict(snapshot.spec) | {"nonce": "", "detached": False}
    raw["settings"] |= {"name": ""}
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()


def compare_scene(ring_state: RingState, chosen: str) -> Scene:
    """Draw the errors of all jobs, round by round, on one chart."""
    jobs = [snapshot for snapshot in ring_state.jobs if snapshot.rounds_done][-COMPARED_MAX:]
    lines = [
        Series(
            f"{title_of(snapshot)}{' (chosen)' if snapshot.job == chosen else ''}",
            tuple((float(r.round), r.error) for r in snapshot.results[1:]),
            (number + 4) % COLOURS,
            number,
        )
        for number, snapshot in enumerate(jobs)
    ]
    rounds = max((snapshot.spec.settings.rounds for snapshot in jobs), default=1)
    return chart_scene("Validation error of all jobs", lines, rounds)


def lineage_scene(ring_state: RingState, chosen: str) -> Scene:
    """Draw the chain from model to files: each result names the one before it by digest, the first the spec."""
    scene = Scene()
    snapshot = ring_state.job(chosen)
    if snapshot is None:
        scene.add("hint", "p", "", "Select a job to trace its model back to its files.", cls="hint")
        return scene
    scene.add("title", "h3", "", f"Lineage of job {title_of(snapshot)}")
    scene.add("chain", "ol", cls="chain")
    links = list(reversed(snapshot.results))
    kept = snapshot.kept.round if snapshot.rounds_done else 0
    if kept not in (0, snapshot.rounds_done):
        scene.add("kept", "li", "chain", f"the model that is kept: round {kept}, {snapshot.kept.weights[:12]}")
    hidden = links[LINKS_SHOWN:-1]
    for result in (*links[:LINKS_SHOWN], *links[LINKS_SHOWN:][-1:]):
        if hidden and result.round == 0:
            scene.add(
                "hidden", "li", "chain", f"{len(hidden)} more results, each naming the one before it", cls="faint"
            )
        what = (
            f"round {result.round}: model {result.weights[:12]}"
            if result.round
            else (f"round 0: initial weights {result.weights[:12]}, and the features' moments")
        )
        before = f", after result {result.previous[:12]}" if result.previous else ""
        scene.add(f"link-{result.round}", "li", "chain", f"{what}{before}")
    begun = f", begun from model {snapshot.spec.initial[:12]}" if snapshot.spec.initial else ""
    scene.add("spec", "li", "chain", f"spec {snapshot.job[:12]}{begun}")
    body = table(scene, "files", ("file", "rows", "SHA-256", "owner now"), "Files of the job")
    for file in snapshot.spec.all_files:
        owner = ring_state.owner(file.name)
        row(
            scene,
            f"file-{file.index}",
            body,
            (file.name, str(file.rows), file.digest[:16], owner.name if owner is not None else "-"),
        )
    return scene
