"""What client.py train does: prepare the data, submit the job, watch it, write its results."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import fields, replace

from roundelay.cli import data_options, exits, parser_base
from roundelay.cli.cancel import cancelled
from roundelay.cli.result_files import save_with_card, write_files
from roundelay.cli.ring_address import ring_address
from roundelay.cli.ring_entry import open_ring
from roundelay.cli.screen import Screen
from roundelay.cli.settings import explicit_settings
from roundelay.client.error_translation import translated_errors
from roundelay.client.errors import ClientError, JobFailed
from roundelay.client.job import Job
from roundelay.client.option_text import flag
from roundelay.client.preparation import PreparedRequest, prepare
from roundelay.client.report import JobReport, write_curve, write_history, write_timing
from roundelay.client.requests import DataOptions, TrainRequest
from roundelay.federation.settings import Settings, option
from roundelay.node import operating_system
from roundelay.node.dashboard_process import of_ring, start_page
from roundelay.node.local import StartingRing
from roundelay.node.parent import end_with_parent


def train(chosen: parser_base.Namespace, starting: StartingRing | None) -> int:
    """Train, on a local ring if one is starting. Raises Exit, ClientError."""
    if chosen.end_with_parent:
        end_with_parent()
    screen = Screen(json_only=chosen.json)
    with ExitStack() as stack:
        stack.enter_context(screen)
        prepared = stack.enter_context(prepare(request_of(chosen), screen))
        if starting is not None:
            await_ring(starting, chosen, screen)
        return run(chosen, prepared, screen, stack)


def request_of(chosen: parser_base.Namespace) -> TrainRequest:
    """Return the request that the options make. Raises InvalidRequest."""
    given = data_options.chosen_in(chosen)
    if chosen.private is not None:  # values from a file or the environment are meant for other jobs
        origins = {name: chosen.origins[flag(name).removeprefix("--")] for name in given}
        given = {name: value for name, value in given.items() if origins[name] == "command line"}
    return TrainRequest(
        chosen.data,
        chosen.validation or chosen.held_out,
        explicit_settings(chosen),
        DataOptions(**given),
        chosen.init,
        chosen.private or "",
        chosen.detach,
        evaluate=chosen.evaluate or "",
        preset=chosen.preset or "",
    )


def settings_from_data(chosen: parser_base.Namespace, origins: dict[str, str]) -> None:
    """Replace the settings that are left open by those that follow from the data. Raises ClientError."""
    chosen.origins = origins
    with prepare(request_of(chosen)) as prepared:
        if prepared.settings is None:  # private data are found on the ring
            return
        for each in fields(Settings):
            value, key = getattr(prepared.settings, each.name), option(each.name).removeprefix("--")
            if origins[key] == "default" and value != getattr(chosen, each.name):
                setattr(chosen, each.name, value)
                origins[key] = f"preset {chosen.preset}" if chosen.preset else "chosen for the data"


def run(chosen: parser_base.Namespace, prepared: PreparedRequest, screen: Screen, stack: ExitStack) -> int:
    """Submit the job, and watch it to its end. Raises Exit, ClientError."""
    ring = stack.enter_context(open_ring(chosen, screen))
    if chosen.dashboard:
        supernode, nodes = ring_address(chosen).entry_points()
        with translated_errors():
            screen.note(f"dashboard at {start_page(of_ring(supernode, nodes, chosen.nodes, chosen.kit), stack)}")
    job = ring.submit(prepared)
    called = f" ({job.name})" if job.name else ""
    screen.note(f"job {job.id}{called} on {job.nodes} node{'s' * (job.nodes != 1)}")
    if chosen.detach:
        print(job.id)
        return 0
    report = watch(job, screen, prepared.began, chosen.local is not None)
    try:
        write(chosen, report, job)
    finally:
        screen.result(report)
    if not chosen.out:
        screen.note(_where_the_model_is(chosen, report))
    if chosen.dashboard:
        stay(screen)
    return 0


def watch(job: Job, screen: Screen, began: float, is_local: bool = False) -> JobReport:
    """Show a job to its end, which Ctrl-C makes its cancellation; return its report. Raises Exit, ClientError."""
    try:
        screen.watch(job)
    except exits.Interrupted:
        if is_local:
            screen.note(f"job {job.id} ends with its local ring: no model was saved")
        else:
            cancel(job, screen)
        raise
    except JobFailed as error:
        raise exits.Exit(exits.FAILED, f"the job failed: {error}") from error
    return replace(job.result(), seconds=time.monotonic() - began)


def _where_the_model_is(chosen: parser_base.Namespace, report: JobReport) -> str:
    """Return a line that says how to get the model."""
    if chosen.local is not None:
        return "the model ends with its local ring; to keep one:  --out model.npz"
    job = report.spec.settings.name or report.spec.job[:8]
    return f"to save the model:  python3 client.py export {job} --out model.npz"


def stay(screen: Screen) -> None:
    """Keep the dashboard up until Ctrl-C."""
    screen.note("the dashboard and a local ring stay up until Ctrl-C")
    with suppress(exits.Interrupted):
        operating_system.wait_for_signals()


def cancel(job: Job, screen: Screen) -> None:
    """Cancel the job after Ctrl-C, so that the ring does not continue it; say what is left of it."""
    try:
        screen.note(cancelled(job.cancel()))
    except ClientError as error:
        screen.note(
            f"job {job.id} may not have been cancelled, and then the ring continues it: {error}. "
            f"Try  python3 client.py cancel {job.id}"
        )


def await_ring(starting: StartingRing, chosen: parser_base.Namespace, screen: Screen) -> None:
    """Wait until the local ring has converged, and enter it from now on. Raises RingUnavailable."""
    screen.note(f"starting a ring of {chosen.local} node{'s' * (chosen.local > 1)} on this machine")
    with translated_errors():
        ring = starting.wait()
    chosen.supernode, chosen.nodes, chosen.kit = ring.supernode, ring.node_list, None


def write(chosen: parser_base.Namespace, report: JobReport, job: Job) -> None:
    """Write the files that were asked for. Raises ClientError."""
    write_files(
        [
            (chosen.out, lambda path: save_with_card(path, report)),
            (chosen.history, lambda path: write_history(path, report)),
            (chosen.timing, lambda path: write_timing(path, report)),
            (chosen.curve, lambda path: write_curve(path, report)),
            (chosen.proof, job.export_proof),
        ]
    )
