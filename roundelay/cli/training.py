"""What client.py train does: route the files by hash, train them where they land, average, validate."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

from roundelay.chord.crawl import list_members
from roundelay.chord.errors import ChordError
from roundelay.cli import exits, options, private_data
from roundelay.cli.connection import Connection, itself
from roundelay.cli.entry import client_runtime, enter, ways_in
from roundelay.cli.follow import fill, follow
from roundelay.cli.job_input import JobInput, kind_of, make_spec, read_data
from roundelay.cli.local import allow_model
from roundelay.cli.model_card import write_card
from roundelay.cli.presets import recommended
from roundelay.cli.report import JobReport, measured, model_of, write_curve, write_history, write_timing
from roundelay.cli.screen import Screen
from roundelay.cli.settings import chosen_in
from roundelay.federation import jobs, records
from roundelay.federation.driver import Driver
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import FederationError, JobEnded, NoSuchJob, Overtaken, TooManyJobs
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.upload import upload_files
from roundelay.ml.errors import InputMissing, MLError
from roundelay.ml.readers.saved_model import SavedModel, load, save
from roundelay.node.dashboard_process import of_ring, start_page
from roundelay.node.errors import LocalRingFailed
from roundelay.node.local import StartingRing
from roundelay.node.parent import end_with_parent
from roundelay.node.runtime import Stopped

CLOCKS = Clocks(time.monotonic, time.time_ns)
TURN_LOOK_EVERY_S = 0.5
CANCEL_TRIES = 3

FindJob = Callable[[Connection], tuple[JobSpec, JobInput]]


def train(chosen: options.Namespace, ring: StartingRing | None) -> int:
    """From the user's files to the trained model, on a ring of our own if there is one."""
    if chosen.end_with_parent:
        end_with_parent()
    screen = Screen(json_only=chosen.json)
    began = time.monotonic()
    try:
        settings = chosen_in(chosen, {} if chosen.pinned else recommended(kind_of(chosen), chosen.model))
        with ExitStack() as stack:
            stack.enter_context(screen)
            allow_model(settings.model)
            initial = load(chosen.init) if chosen.init else None
            make_job = pinned_job if chosen.pinned else own_job
            job = make_job(chosen, settings, initial, screen, stack)
            if ring is not None:
                await_ring(ring, chosen, screen)
            return run(chosen, job, initial, screen, stack, began)
    except InputMissing as error:
        raise exits.Exit(exits.NO_INPUT, str(error)) from error
    except MLError as error:
        raise exits.Exit(exits.DATA, str(error)) from error
    except LocalRingFailed as error:
        raise exits.Exit(exits.UNAVAILABLE, str(error)) from error
    except TooManyJobs as error:
        raise exits.Exit(exits.REFUSED, str(error)) from error
    except (ChordError, FederationError) as error:
        raise exits.Exit(exits.FAILED, f"the job failed: {error}") from error


def own_job(
    chosen: options.Namespace, settings: Settings, initial: SavedModel | None, screen: Screen, stack: ExitStack
) -> FindJob:
    """On the user's data: what is wrong with them is said before a ring is sought. Raises MLError."""
    given = read_data(chosen, settings.seed, stack, screen.bar("preparing"))
    spec = make_spec(settings, given, initial, chosen.detach)
    if given.skipped:
        screen.note(f"not data, skipped: {', '.join(given.skipped)}")
    return lambda _: (spec, given)


def pinned_job(
    chosen: options.Namespace, settings: Settings, initial: SavedModel | None, screen: Screen, stack: ExitStack
) -> FindJob:
    """On files that others keep: the ring says which there are. Raises MLError."""
    validation = private_data.read(chosen.held_out, stack, screen.bar("preparing"))

    def find(access: Connection) -> tuple[JobSpec, JobInput]:
        given, homes = private_data.find_files(access, chosen.pinned, settings.model, validation)
        return make_spec(settings, given, initial, chosen.detach, chosen.pinned, homes), given

    return find


def run(
    chosen: options.Namespace,
    find_job: FindJob,
    initial: SavedModel | None,
    screen: Screen,
    stack: ExitStack,
    began: float,
) -> int:
    """From entering the ring to the trained model. Raises ChordError, FederationError."""
    runtime = client_runtime()
    enter(runtime, chosen)  # says at once what to start, where there is no ring
    if chosen.dashboard:
        screen.note(f"dashboard at {start_page(of_ring(*ways_in(chosen), chosen.nodes), stack)}")
    access = Connection(runtime, chosen, screen)
    spec, given = find_job(access)
    publish(access, spec, given, initial)
    nodes = len(access.ask(lambda entry: list_members(entry.node)))
    screen.note(f"job {spec.job} on {nodes} node{'s' * (nodes != 1)}")
    if chosen.detach:
        print(spec.job)
        return 0
    report = JobReport(spec, nodes)
    try:
        drive(access, spec, report)
    except exits.Interrupted:
        if chosen.local is None:
            cancel(access, spec.job)
        else:
            screen.note(f"job {spec.job} ends, and its ring with it: no model was saved")
        runtime.stopping.set()  # what still runs beside has nothing more to say
        raise
    report.seconds = time.monotonic() - began
    report.metrics = measured(report, given.validation_samples())
    write(chosen, report)
    screen.result(report)
    if chosen.dashboard:
        stay(screen)
    return 0


def stay(screen: Screen) -> None:
    """Until Ctrl-C, for whoever looks at the page."""
    screen.note("the page, and a ring of --local, stay until Ctrl-C")
    with suppress(exits.Interrupted):
        signal.pause()


def publish(access: Connection, spec: JobSpec, given: JobInput, initial: SavedModel | None) -> None:
    """Every file in all copies, then the job itself. Raises ChordError, TooManyJobs."""
    stored: set[str] = set()

    def tell(file: TrainingFile) -> None:
        if file.digest not in stored:
            access.screen.advance("")
        stored.add(file.digest)

    files = [f for f in (*given.files, given.validation) if f.digest in given.contents]  # pinned ones stay away
    version = CLOCKS.version()
    access.screen.begin("storing", len(files))
    access.ask(lambda entry: upload_files(entry.node, entry.ring, files, given.contents, version, tell))
    if initial is not None:
        weights = initial.weights.astype("<f4").tobytes()
        access.ask(lambda entry: jobs.put_record(entry.node, entry.ring, spec.job, "weights-0", weights, version))
    access.ask(lambda entry: jobs.publish(entry.node, entry.ring, spec, version))


def drive(access: Connection, spec: JobSpec, report: JobReport) -> None:
    """Wait for the job's turn, then drive it; the ring hears all the while that somebody does."""
    screen, entry = access.screen, access.ask(itself)
    driver = Driver(
        spec, entry.ring, entry.node, "client", CLOCKS, lambda result, r: screen.round(report, result, r), screen.note
    )
    access.runtime.start(
        "beat", driver.heartbeat(), lambda error: screen.note(f"the ring no longer hears of us: {error}")
    )
    wait_for_turn(access, spec.job)
    screen.begin("training", spec.settings.rounds)
    try:
        results = access.runtime.run(driver.drive())
        report.weights, report.moments = driver.weights, bytes.fromhex(results[0].moments)
    except (JobEnded, NoSuchJob):
        follow(access, report)
    except Overtaken as error:
        screen.note(f"{error}: it drives on")
        follow(access, report)
        fill(access, report)  # the round that we have shown is not the one that counts
    except ChordError as error:
        screen.note(f"out of touch with the ring: {error}. Whoever owns the job's key drives it on")
        follow(access, report)
    if len(report.rounds) < spec.settings.rounds:
        fill(access, report)  # some were made by others, before our turn


def wait_for_turn(access: Connection, job: str) -> None:
    """Until the jobs published before this one have ended; says its place in the queue when that changes."""
    said = 0
    while ahead := access.ask(lambda entry: jobs.jobs_ahead(entry.node, entry.ring, job)):
        if len(ahead) != said:
            few = f"{len(ahead)} job{'s' * (len(ahead) != 1)}"
            access.screen.note(f"waiting: {few} before this one, first {ahead[0][:8]}")
            said = len(ahead)
        time.sleep(TURN_LOOK_EVERY_S)


def cancel(access: Connection, job: str) -> None:
    """Ctrl-C: the ring is told, so that nobody drives the job on; the user, what is left of it."""
    from roundelay.cli.cancel import cancelled  # brings what verifies a chain, which an undisturbed job does without

    version, note = CLOCKS.version(), access.screen.note
    try:
        access.ask(
            lambda entry: jobs.put_record(entry.node, entry.ring, job, records.CANCELLED, b"by its client", version),
            CANCEL_TRIES,
        )
        note(cancelled(access.ask(lambda entry: read_snapshot(entry.node, entry.ring, job), CANCEL_TRIES)))
    except (ChordError, FederationError, Stopped) as error:
        note(
            f"job {job} may not be cancelled, and then the ring drives it on: {error}. "
            f"Try  python3 client.py cancel {job}"
        )


def await_ring(ring: StartingRing, chosen: options.Namespace, screen: Screen) -> None:
    """Our own ring, which has been coming up: from now on it is the one that we enter. Raises LocalRingFailed."""
    screen.note(f"starting a ring of {chosen.local} node{'s' * (chosen.local > 1)} on this machine")
    found = ring.wait()
    chosen.supernode, chosen.nodes = found.supernode, found.node_list


def write(chosen: options.Namespace, report: JobReport) -> None:
    """The files that were asked for."""
    try:
        if chosen.out:
            save(chosen.out, model_of(report))
            write_card(chosen.out, model_of(report).sha256, report)
        if chosen.history:
            write_history(chosen.history, report)
        if chosen.timing:
            write_timing(chosen.timing, report)
        if chosen.curve:
            write_curve(chosen.curve, report)
    except ImportError as error:
        raise exits.Exit(exits.UNAVAILABLE, "--curve needs matplotlib: python3 -m pip install '.[plots]'") from error
    except OSError as error:
        raise exits.Exit(exits.CANNOT_CREATE, f"cannot write {error.filename}: {error.strerror}") from error
