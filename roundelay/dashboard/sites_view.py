"""A job that its sites evaluate: rows, error, F1 and AUC of each site, and the error of its own model."""

from __future__ import annotations

from roundelay.dashboard.scene import Scene
from roundelay.dashboard.tables import row, table
from roundelay.federation.site_scores import SitesEvaluation
from roundelay.federation.snapshot import JobSnapshot

SITES_MAX = 128  # shown: those with the largest errors


def sites_scene(snapshot: JobSnapshot | None) -> Scene:
    """List the sites under the model that the job keeps, the largest error first."""
    scene = Scene()
    report = snapshot.reports.get(snapshot.kept.round) if snapshot is not None and snapshot.rounds_done else None
    if snapshot is None or report is None or not report.held_out.rows:
        return scene
    found, own = report.held_out, snapshot.personal.evaluation if snapshot.personal is not None else None
    names = list(found.sites[0].numbers) if found.sites else ["error"]
    own_errors = {each.site: each.error for each in own.sites} if own is not None else {}
    scene.add("title", "h3", "", f"Round {report.round} at the sites: {found.rows} rows held out")
    scene.add("about", "p", "", _about(found, own, snapshot.spec.settings.personal), cls="hint")
    headings = ("site", "rows", *names, *([f"{names[0]} of its own model"] if own is not None else []), "")
    body = table(scene, "sites", headings, "Sites of the job")
    for place, each in enumerate(sorted(found.sites, key=lambda site: (-site.error, site.site))[:SITES_MAX]):
        numbers = [*each.numbers.values(), *([own_errors.get(each.site)] if own is not None else [])]
        told = ["-" if value is None else f"{value:.4f}" for value in numbers]
        worst = "worst" if place == 0 and len(found.sites) > 1 else ""
        row(scene, f"site-{place}", body, (each.site, str(each.rows), *told, worst))
    return scene


def _about(found: SitesEvaluation, own: SitesEvaluation | None, method: str) -> str:
    """Say what the table leaves out, and what the sites have on average."""
    parts = []
    if found.mean_error is not None:
        parts.append(f"mean error of the sites {found.mean_error:.4f}")
    if found.auc is not None:
        parts.append(f"AUC of all rows {found.auc:.4f}")
    if method == "head":
        parts.append("each site with its own last layer")
    if own is not None and own.mean_error is not None:
        parts.append(f"of their own models ({method}) {own.mean_error:.4f}")
    if len(found.sites) > SITES_MAX:
        parts.append(f"the {SITES_MAX} with the largest errors are listed")
    return "; ".join([*parts, *found.left_out])
