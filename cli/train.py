"""client.py train: route the files by hash, train them where they land, average, validate."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from chord.errors import ChordError
from chord.survey import survey
from cli import exits, options
from cli.entry import client_runtime, enter
from cli.given import Input, architecture, first_weights, make_spec, read_input
from cli.report import Report, Screen, write_history, write_timing
from federation.driver import Driver
from federation.errors import FederationError
from federation.placing import place
from federation.spec import JobSpec
from ml import mlp
from ml.data import Samples, moments_from_bytes, standardise
from ml.errors import InputMissing, MLError
from ml.readers.model import Model, load, save
from node.local import NODES_MAX, LocalRingFailed, start_local_ring


def main(arguments: Sequence[str]) -> int:
    chosen = options.parse(parser(arguments), arguments)
    settings = options.settings(chosen)
    screen = Screen(json_only=chosen.json)
    began = time.monotonic()
    try:
        given = read_input(chosen.data, chosen.validation)
        initial = load(chosen.init) if chosen.init else None
        spec = make_spec(settings, given, initial)
        if given.skipped:
            screen.note(f"not data, skipped: {', '.join(given.skipped)}")
        with ExitStack() as stack:
            stack.enter_context(screen)
            model, report = run(chosen, spec, given, first_weights(spec, initial), screen, stack)
    except InputMissing as error:
        raise exits.Exit(exits.NO_INPUT, str(error)) from error
    except MLError as error:
        raise exits.Exit(exits.DATA, str(error)) from error
    except LocalRingFailed as error:
        raise exits.Exit(exits.UNAVAILABLE, str(error)) from error
    except (ChordError, FederationError) as error:
        raise exits.Exit(exits.FAILED, f"the job failed: {error}") from error
    except exits.Interrupted:
        screen.note("cancelled: no model was made")
        raise
    report.seconds = time.monotonic() - began
    write(chosen, model, report)
    screen.result(report)
    return 0


def run(
    chosen: options.Namespace, spec: JobSpec, given: Input, weights: bytes, screen: Screen, stack: ExitStack
) -> tuple[Model, Report]:
    """From entering the ring to the trained model. Raises ChordError, FederationError."""
    if chosen.local is not None:
        start_ring(chosen, screen, stack)
    runtime = client_runtime()
    entry = enter(runtime, chosen)
    nodes = len(runtime.run(survey(entry.node)))
    screen.begin("storing", len(given.files) + 1)
    everything = (*given.files, given.validation)
    holders = runtime.run(place(entry.node, entry.ring, everything, given.contents, lambda _: screen.advance("")))
    screen.note(f"job {spec.job} on {nodes} nodes")
    report = Report(spec, nodes)
    screen.begin("training", spec.settings.rounds)
    validate = Validate(architecture(spec), given.samples)
    driver = Driver(spec, holders, validate, time.monotonic, lambda done: screen.round(report, done))
    trained, moments = runtime.run(driver.drive(weights))
    model = Model(
        architecture(spec), np.frombuffer(trained, "<f4").astype(np.float32),
        moments_from_bytes(moments) if moments else None,
    )
    report.model_sha256 = model.sha256
    return model, report


class Validate:
    """Weights on the validation file, which is standardised once."""

    def __init__(self, network: mlp.Architecture, samples: Samples) -> None:
        self._network = network
        self._samples = samples
        self._standardised: Samples | None = None

    def __call__(self, weights: bytes, moments: bytes) -> mlp.Evaluation:
        if self._standardised is None:
            raw = self._samples
            self._standardised = Samples(standardise(raw.x, moments_from_bytes(moments)), raw.y) if moments else raw
        return mlp.evaluate(self._network, np.frombuffer(weights, "<f4").astype(np.float32), self._standardised)


def start_ring(chosen: options.Namespace, screen: Screen, stack: ExitStack) -> None:
    """A ring of our own, which the stack ends."""
    if not 1 <= chosen.local <= NODES_MAX:
        raise exits.Exit(exits.USAGE, f"--local takes 1 to {NODES_MAX} nodes")
    screen.note(f"starting a ring of {chosen.local} node{'s' * (chosen.local > 1)} on this machine")
    ring = start_local_ring(chosen.local, stack)
    chosen.supernode, chosen.nodes = ring.supernode, ring.node_list


def write(chosen: options.Namespace, model: Model, report: Report) -> None:
    """The files that were asked for."""
    try:
        if chosen.out:
            save(chosen.out, model)
        if chosen.history:
            write_history(chosen.history, report)
        if chosen.timing:
            write_timing(chosen.timing, report)
    except OSError as error:
        raise exits.Exit(exits.CANNOT_CREATE, f"cannot write {error.filename}: {error.strerror}") from error


def parser(arguments: Sequence[str]) -> options.Parser:
    made = options.parser("client.py train", "Train a model on the files of a folder, on the ring.",
                          "python3 client.py ./letters validate_letters.txt --rounds 50", arguments)
    made.add_argument("data", type=Path, metavar="DIR", help="folder of training files")
    made.add_argument("validation", metavar="FILE", help="validation file: as given, or inside DIR")
    options.add_settings(made)
    options.add_ring_options(made)
    made.add_argument("--local", type=int, metavar="N", help="start a ring of N nodes here, and stop it at the end")
    made.add_argument("--json", action="store_true", help="print one line, one JSON object")
    made.add_argument("--out", type=Path, metavar="FILE", help="save the model (.npz)")
    made.add_argument("--init", type=Path, metavar="FILE", help="continue from a saved model")
    made.more("--history", type=Path, metavar="FILE", help="write one line a round (CSV)")
    made.more("--timing", type=Path, metavar="FILE", help="write the seconds that the job took")
    return made
