"""client.py forget JOB FILE...: train the job that never had these files, from the same seed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from roundelay.cli import parser_base
from roundelay.cli.loading import importing


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line."""
    made = parser_base.Parser(
        "client.py forget",
        "Train the job that never had some of its files: exact unlearning.",
        "python3 client.py forget JOB letters_7.txt --out model.npz",
        arguments,
    )
    parser_base.add_job(made)
    made.add_argument("files", nargs="+", metavar="FILE", help="names of training files, as the job has them")
    made.add_argument(
        "--out", type=parser_base.model_output, metavar="FILE", help="save the model (.npz, .safetensors), and its card"
    )
    made.add_argument("--detach", action="store_true", help="print the job's id and exit; the ring drives the job")
    parser_base.add_ring_options(made)
    made.add_argument("--json", action="store_true", help="print one JSON object on one line")
    return made


def run(chosen: parser_base.Namespace) -> int:
    """Submit the job, and watch it to its end. Raises Exit, ClientError."""
    with importing():
        from roundelay.cli import training
        from roundelay.cli.result_files import save_with_card, write_files
        from roundelay.cli.ring_entry import open_ring
        from roundelay.cli.screen import Screen
    began, screen = time.monotonic(), Screen(json_only=chosen.json)
    with open_ring(chosen, screen) as ring, screen:
        old = ring.job(chosen.job)
        job = ring.forget(old, chosen.files, detach=chosen.detach)
        screen.note(f"job {job.id} is job {old.id} without {', '.join(chosen.files)}")
        if chosen.detach:
            print(job.id)
            return 0
        report = training.watch(job, screen, began)
        try:
            write_files([(chosen.out, lambda path: save_with_card(path, report))])
        finally:
            screen.result(report)
    return 0
