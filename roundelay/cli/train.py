"""client.py train: the command line. What it runs is in `training`, which --help does not wait for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from importlib.util import find_spec

from roundelay.cli import data_options, exits, parser_base, settings
from roundelay.cli.loading import importing
from roundelay.cli.parser_base import path
from roundelay.cli.ring_address import ring_address
from roundelay.client.errors import InvalidRequest, MissingExtra
from roundelay.client.requests import PRESETS
from roundelay.federation.settings import EVALUATE_CHOICES, plugin_names, why_not_repeatable


def run(chosen: parser_base.Namespace) -> int:
    """Check the options against each other, begin a local ring, and train. Raises Exit, ClientError."""
    check_options(chosen)
    with ExitStack() as stack:
        starting = None
        if chosen.local is not None:
            from roundelay.client.local import begin_ring

            starting = begin_ring(chosen.local, stack, plugin_names(vars(chosen)))
        with importing():
            from roundelay.cli import training  # after it: this takes as long as the ring's start

        return training.train(chosen, starting)


def check_options(chosen: parser_base.Namespace) -> None:
    """Raise Exit or InvalidRequest for options that contradict each other, and for missing data."""
    ring_address(chosen)
    if chosen.local is not None:
        _check_local(chosen)
    _check_effects(chosen)
    if chosen.private is None and chosen.data is None:
        raise exits.Exit(
            exits.USAGE, "client.py train: no training data. For example: client.py ./letters validate_letters.txt"
        )
    if chosen.proof is not None:
        _check_proof(chosen)
    if chosen.curve is not None and find_spec("matplotlib") is None:
        raise MissingExtra("--curve needs matplotlib: python3 -m pip install 'roundelay[plots]'")
    if chosen.validation is not None and chosen.held_out is not None:
        raise exits.Exit(
            exits.USAGE, f"{chosen.validation} cannot be combined with --validation {chosen.held_out}: name one file"
        )


def _check_effects(chosen: parser_base.Namespace) -> None:
    """Raise InvalidRequest for an option on the command line that would have no effect."""
    own_ring = "--local: a local ring has its own" if chosen.local is not None else ""
    has_rows = chosen.private is None and (chosen.validation is not None or chosen.held_out is not None)
    linear = "--model softmax, which has no hidden layer" if chosen.model == "softmax" else ""
    reasons = {
        "supernode": own_ring,
        "nodes": own_ring,
        "kit": own_ring,
        "holdout": "a validation file: rows are held out where there is none" if has_rows else "",
        "momentum": "--optimizer adam, which has its own" if chosen.optimizer == "adam" else "",
        "hidden": linear,
        "dropout": linear,
    }
    for key, reason in reasons.items():
        if reason and chosen.origins[key] == "command line":
            raise InvalidRequest(f"--{key} cannot be combined with {reason}")


def _check_proof(chosen: parser_base.Namespace) -> None:
    if chosen.detach:
        raise InvalidRequest("--proof cannot be combined with --detach: later, use  client.py export JOB --proof FILE")
    if reason := why_not_repeatable(chosen.topology, chosen.quorum, chosen.private or "", chosen.dp_noise):
        raise InvalidRequest(f"--proof: {reason}")


def _check_local(chosen: parser_base.Namespace) -> None:
    reasons = {
        "--bootstrap": "a local ring is a new one" if chosen.bootstrap is not None else "",
        "--detach": "a local ring ends with the client" if chosen.detach else "",
        "--private": "a local ring has no private data" if chosen.private is not None else "",
    }
    for other, reason in reasons.items():
        if reason:
            raise exits.Exit(exits.USAGE, f"--local cannot be combined with {other}: {reason}")


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line."""
    made = parser_base.Parser(
        "client.py train",
        "Train a model on the files of a folder, on the ring.",
        "python3 client.py ./letters validate_letters.txt --rounds 50",
        arguments,
    )
    made.add_argument(
        "data", nargs="?", type=path, metavar="DATA", help="folder of training files, or a data set (see --dataset)"
    )
    made.add_argument(
        "validation",
        nargs="?",
        type=path,
        metavar="VALIDATION",
        help="validation file, as given or inside DATA (default: the set's test part, or a held-out part)",
    )
    data_options.add_to(made)
    made.more("--validation", dest="held_out", type=path, metavar="FILE", help="same as VALIDATION")
    made.more(
        "--private",
        "--pinned",
        metavar="NAME",
        help="train on the private data that nodes have published under NAME; no file leaves its node",
    )
    made.more(
        "--evaluate",
        choices=EVALUATE_CHOICES,
        help="who validates a job on private data: the client on VALIDATION, the sites on the rows that they hold out "
        "(--holdout), or both (default: client with a VALIDATION, else sites)",
    )
    made.add_argument(
        "--preset", choices=PRESETS, help="settings of published figures, instead of settings that follow from the data"
    )
    settings.add_settings(made)
    parser_base.add_ring_options(made)
    made.add_argument("--local", type=int, metavar="N", help="run on a ring of N nodes on this machine")
    made.add_argument("--dashboard", action="store_true", help="show the job in a browser, until Ctrl-C")
    made.add_argument("--json", action="store_true", help="print one JSON object on one line")
    made.add_argument(
        "--out",
        type=parser_base.model_output,
        metavar="FILE",
        help="save the model (.npz, .safetensors), and a model card",
    )
    made.add_argument(
        "--proof", type=parser_base.output, metavar="FILE", help="write a proof of the job, which  verify  checks"
    )
    made.add_argument("--init", type=path, metavar="FILE", help="continue from a saved model")
    made.add_argument("--detach", action="store_true", help="print the job's id and exit; the ring drives the job")
    made.more("--history", type=parser_base.output, metavar="FILE", help="write one line a round (CSV)")
    made.more("--curve", type=parser_base.output, metavar="FILE", help="draw the learning curve (PNG; extra plots)")
    made.more("--timing", type=parser_base.output, metavar="FILE", help="write how long the job and each round took")
    parser_base.add_end_with_parent(made)
    made.complete, made.surplus = _complete, "; to train on several files, name the folder that holds them"
    return made


def _complete(chosen: parser_base.Namespace, origins: dict[str, str]) -> None:
    """Choose the settings that are left open for --show-config, if data are named. Raises ClientError."""
    if chosen.data is None or chosen.private is not None:
        return
    with importing():
        from roundelay.cli import training

    training.settings_from_data(chosen, origins)
