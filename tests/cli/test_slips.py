"""Slips of a person who types: misspelled words, empty names, ~, numbers out of range."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import roundelay
from roundelay.cli import main
from roundelay.cli.parser_base import path
from roundelay.ml.design import Design
from roundelay.ml.readers.saved_model import SavedModel
from tests.processes import client_here, run_here


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("statsu",), "there is no subcommand statsu, nor a folder or file; did you mean status?"),
        (("stats",), "did you mean status?"),
        (("train", "letters", "--epocs", "3"), "did you mean --epochs?"),
        (("inspect", "letters", "--holdout", "0.2"), "unrecognized arguments: --holdout 0.2 (see --help)"),
        (("forget", "last", "a", "--holdout", "0.2"), "unrecognized arguments: --holdout 0.2 (see --help)"),
        (("status", "--version"), "unrecognized arguments: --version (see --help)"),
        (("train", ""), "an empty name"),
        (("train", "letters", ""), "an empty name"),
        (("status", "--nodes", ""), "an empty name"),
        (("ring", "two"), "argument N: 'two' is not a whole number"),
        (("prepare", "letters", "out", "--seed", "-1"), "argument --seed: -1, expected 0 or more"),
        (("partition", "letters", "out", "--seed", "-1"), "argument --seed: -1, expected 0 or more"),
        (("audit", "last", "--retrain", "-1"), "argument --retrain: -1, expected 0 or more"),
        (("verify", "job.zip", "--seed", "-1"), "argument --seed: -1, expected 0 or more"),
        (("simulate", "scenario", "--nodes", "0"), "nodes is 0, expected 1 or more"),
        (("simulate", "soak", "--nodes", "0"), "argument --nodes: 0, expected 1 or more"),
    ],
)
def test_a_slip_is_named_with_what_was_meant(words: tuple[str, ...], hint: str) -> None:
    outcome = client_here(*words)

    assert outcome.code == 64
    assert hint in outcome.err


def test_a_value_out_of_range_is_named_once() -> None:
    assert "argument --fraction: 3.0, expected more than 0.0" in client_here("train", "x", "--fraction", "3.0").err


def test_the_home_folder_can_be_named_where_no_shell_replaces_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")

    assert path("~/letters") == Path("/home/ada/letters")


@pytest.mark.parametrize("program", [main.client, main.roundelay, main.supernode, main.compute_node])
def test_every_program_has_a_version(program: object) -> None:
    assert run_here(program, "--version").out == f"roundelay {roundelay.__version__}\n"  # type: ignore[arg-type]


def test_an_identifier_is_assigned_once() -> None:
    outcome = run_here(main.supernode, "--bits", "3", "--id", "0,0,3")

    assert (outcome.code, "names an identifier twice" in outcome.err) == (64, True)


def test_the_classes_of_the_letters_are_letters() -> None:
    design = Design((16, 26), "softmax")

    assert SavedModel(design, np.zeros(1, np.float32), None).class_names[25] == "Z"
    assert SavedModel(Design((4, 3), "softmax"), np.zeros(1, np.float32), None).class_names == ("0", "1", "2")


def test_the_summary_of_a_partition_has_a_line_for_each_file(tmp_path: Path) -> None:
    (tmp_path / "rows").write_text("1,2,0\n3,4,1\n5,6,1\n")

    shown = client_here("partition", tmp_path, "--files", "2", "--summary").out.splitlines()

    assert [line.split()[0] for line in shown] == ["file", "part-0", "part-1"]
