"""client.py export JOB: save the model that a job keeps, as of its latest round; a site's own model; or a proof."""

from __future__ import annotations

from roundelay.cli import parser_base
from roundelay.cli.ring_entry import open_ring
from roundelay.client.errors import InvalidRequest
from roundelay.client.job import Job
from roundelay.client.job_runner import rounds_of
from roundelay.client.model_card import write_card
from roundelay.client.report import JobReport, save_model
from roundelay.node import shown


def run(chosen: parser_base.Namespace) -> int:
    """Save what was asked for. Raises ClientError."""
    _check_options(chosen)
    about: dict[str, object] = {}
    lines = []
    with open_ring(chosen) as ring:
        job = ring.job(chosen.job)
        if chosen.proof:
            job.export_proof(chosen.proof, not chosen.without_identities)
            about |= {"job": job.id, "proof": str(chosen.proof)}
            lines.append(
                f"proof of job {job.id}: {chosen.proof}; to check it:  python3 client.py verify {chosen.proof}"
            )
        if chosen.out and chosen.site:
            saved = _save_site_model(job, chosen)
            about |= saved
            lines.append(f"the site's own model, of job {job.id}: {chosen.out}, model {saved['model_sha256']}")
        elif chosen.out:
            lines += [
                f"note: job {new} is this job without some of its files; the model here has been trained on them"
                for new in job.snapshot().forgotten_by
            ]
            saved = _save_model(job, chosen)
            about |= saved
            which = f"round {saved['round']} of job {job.id} ({saved['state']})"
            lines.append(f"{which}: {chosen.out}, model {saved['model_sha256']}")
            if job.spec.settings.personal == "head":
                lines.append("note: its last layer is untrained, as each site has its own: use --site DIR at a site")
    if chosen.json:
        print(shown.as_json(about))
    else:
        for line in lines:
            print(shown.text(line))
    return 0


def _check_options(chosen: parser_base.Namespace) -> None:
    """Raise InvalidRequest for options that contradict each other."""
    if not chosen.out and not chosen.proof:
        raise InvalidRequest("client.py export: name a file for the model, --out FILE, or for a proof, --proof FILE")
    if chosen.site and not chosen.out:
        raise InvalidRequest("--site needs --out FILE")
    if chosen.max_file_bytes is not None and not chosen.site:
        raise InvalidRequest("--max-file-bytes is for --site DIR: no other data are read")
    if chosen.without_identities and not chosen.proof:
        raise InvalidRequest("--without-identities is for --proof FILE")


def _save_site_model(job: Job, chosen: parser_base.Namespace) -> dict[str, object]:
    """Save the own model of the site whose private data are here. Raises ClientError."""
    model = job.personal_model(chosen.site, chosen.max_file_bytes)
    save_model(chosen.out, model, chosen.format)
    return {"job": job.id, "personal": job.spec.settings.personal, "model_sha256": model.sha256}


def _save_model(job: Job, chosen: parser_base.Namespace) -> dict[str, object]:
    """Save the model of the round that the job keeps, and its card. Raises ClientError."""
    snapshot = job.snapshot()
    model = job.model(snapshot)
    rounds, metrics = tuple(rounds_of(snapshot)), job.metrics(snapshot)
    report = JobReport(job.spec, job.nodes, rounds, model, metrics=metrics, personal=snapshot.personal)
    save_model(chosen.out, model, chosen.format)
    if report.rounds:
        write_card(chosen.out, report)
    kept = snapshot.kept
    return {
        "job": job.id,
        "state": snapshot.state,
        "round": kept.round,
        "validation_error": kept.error,
        "model_sha256": model.sha256,
    }
