"""Every option by flag, environment, file and default, in this order; what nobody knows is refused by its name."""

from __future__ import annotations

import argparse
import tomllib
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from roundelay.cli import commands, dashboard, exits, main, parser_base, registry, train
from roundelay.cli import compute_node as node_line
from roundelay.cli import supernode as supernode_line
from roundelay.federation.settings import Settings
from tests.processes import Outcome, client_here, run_here

TRAIN = ("letters", "validate_letters.txt")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "c.toml"


def shown(*arguments: object) -> dict[str, dict[str, object]]:
    """What --show-config says of each option."""
    found: dict[str, dict[str, object]] = client_here(*arguments, "--show-config", "--json").json
    return found


def test_flag_before_environment_before_file_before_default(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("rounds = 7\nepochs = 7\neta = 0.7\n")
    monkeypatch.setenv("ROUNDELAY_ROUNDS", "3")
    monkeypatch.setenv("ROUNDELAY_EPOCHS", "3")

    found = shown(*TRAIN, "--config", file, "--epochs", "2")

    assert {key: tuple(found[key].values()) for key in ("epochs", "rounds", "eta", "batch")} == {
        "epochs": (2, "command line"),
        "rounds": (3, "environment ROUNDELAY_ROUNDS"),
        "eta": (0.7, str(file)),
        "batch": (32, "default"),
    }


def test_each_value_is_shown_with_its_origin_a_line_each(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("eta = 0.7\n")
    monkeypatch.setenv("ROUNDELAY_ROUNDS", "3")

    lines = client_here(*TRAIN, "--config", file, "--epochs", "2", "--show-config").out.splitlines()

    origins = {line.split("  #")[0].strip(): line.rpartition("# ")[2] for line in lines}
    assert {value: origins[value] for value in ("rounds = 3", "epochs = 2", "momentum = 0.9", "eta = 0.7")} == {
        "rounds = 3": "environment ROUNDELAY_ROUNDS",
        "epochs = 2": "command line",
        "momentum = 0.9": "default",
        "eta = 0.7": str(file),
    }
    (arithmetic,) = [line for line in lines if line.startswith("arithmetic")]
    assert "# default; native: as fast as each machine computes, equal bits on equal processors" in arithmetic
    assert len(lines) == len(parser_base.options_of(train.parser([])))


@pytest.mark.parametrize("program", [main.client, main.supernode, main.compute_node])
def test_what_is_shown_is_a_file_that_sets_the_same(program: object, file: Path) -> None:
    first = run_here(program, "--show-config").out  # type: ignore[arg-type]
    file.write_text(first)

    second = run_here(program, "--config", file, "--show-config").out  # type: ignore[arg-type]

    assert len(tomllib.loads(first)) > 4
    assert tomllib.loads(second) == tomllib.loads(first)
    assert str(file) in second


def test_every_option_of_every_program_can_be_set_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of a default, given as a variable, comes to the default again."""
    for make in (train.parser, node_line.parser, supernode_line.parser):
        made = make([])
        for key, action in parser_base.options_of(made).items():
            if action.default in (None, ()) or parser_base.is_switch(action):
                continue
            text = ",".join(map(str, action.default)) if isinstance(action.default, tuple) else str(action.default)
            with monkeypatch.context() as patched:
                patched.setenv("ROUNDELAY_" + key.upper().replace("-", "_"), text)
                chosen = main.parse(make([]), TRAIN if make is train.parser else ())
            assert getattr(chosen, action.dest) == action.default, key


def test_every_setting_of_a_job_is_an_option() -> None:
    dests = {action.dest for action in parser_base.options_of(train.parser([])).values()}

    assert {field.name for field in fields(Settings)} <= dests


def test_every_subcommand_is_known_to_the_configuration() -> None:
    """A new one cannot be forgotten: its options count as known keys, and it has something to run."""
    assert set(main.SUBCOMMANDS) == set(commands.WORDS)
    assert all(callable(import_module(f"roundelay.cli.{word}").run) for word in main.SUBCOMMANDS)
    assert {"fingers", "retrain", "rounds", "json"} <= registry.keys_of("client")
    assert {"stabilize-every", "load-delay"} <= registry.keys_of(None) - registry.keys_of("client")


def test_sections_are_for_one_program_and_stand_over_the_rest(file: Path) -> None:
    file.write_text(
        "port = 1\nhost = '10.0.0.1'\n[supernode]\nport = 2\n[compute_node]\nport = 3\ndata_dir = 'd'\n"
        "[client]\nrounds = 4\n"
    )

    def of(program: object) -> dict[str, object]:
        return tomllib.loads(run_here(program, "--config", file, "--show-config").out)  # type: ignore[arg-type]

    assert (of(main.supernode)["port"], of(main.supernode)["host"]) == (2, "10.0.0.1")
    assert (of(main.compute_node)["port"], of(main.compute_node)["data-dir"]) == (3, "d")
    assert of(main.client)["rounds"] == 4


def test_the_dashboard_has_a_section_of_its_own(file: Path) -> None:
    file.write_text("[dashboard]\nport = 8181\nlab = 3\n")

    assert main.parse(dashboard.parser([]), ["--config", str(file)]).port == 8181
    assert shown(*TRAIN, "--config", file)["momentum"]["origin"] == "default"
    file.write_text("[dashboard]\nlabb = 3\n")
    with pytest.raises(exits.Exit, match=r"dashboard\.labb: no such option"):
        main.parse(dashboard.parser([]), ["--config", str(file)])


def test_switches_are_turned_on_anywhere_and_off_by_a_flag(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("detach = true\njson = true\ncourse-trainer = false\n")
    monkeypatch.setenv("ROUNDELAY_COURSE_TRAINER", "yes")

    chosen = main.parse(train.parser([]), [*TRAIN, "--config", str(file), "--no-detach"])

    assert (chosen.detach, chosen.json, chosen.course) == (False, True, True)


def test_the_file_can_be_named_by_a_variable_and_an_empty_variable_is_none(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("hidden = [32, 16]\n")
    monkeypatch.setenv("ROUNDELAY_CONFIG", str(file))
    monkeypatch.setenv("ROUNDELAY_ROUNDS", "")

    chosen = main.parse(train.parser([]), TRAIN)

    assert (chosen.hidden, chosen.rounds) == ((32, 16), 50)


def test_a_required_option_may_stand_in_the_file(file: Path, tmp_path: Path) -> None:

    file.write_text(f"out = '{tmp_path}/m.npz'\n")

    assert main.parse(commands.export([]), ["0" * 64, "--config", str(file)]).out == tmp_path / "m.npz"


def test_options_that_take_several_values_take_them_from_anywhere(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made() -> parser_base.Parser:
        made = parser_base.Parser("client.py x", "", "", [])
        made.add_argument("--tag", action="append", type=int)
        made.add_argument("--many", nargs="*", type=int, default=[])
        return made

    file.write_text("tag = [1, 2]\nmany = [3]\n")
    monkeypatch.setattr(main, "_known_keys", lambda _: frozenset({"tag", "many"}))

    def chosen(*arguments: str) -> argparse.Namespace:
        return main.parse(made(), arguments)

    assert (chosen().tag, chosen().many) == (None, [])
    assert (chosen("--config", str(file)).tag, chosen("--config", str(file)).many) == ([1, 2], [3])
    assert chosen("--config", str(file), "--tag", "9").tag == [9]
    monkeypatch.setenv("ROUNDELAY_TAG", "4,5")
    assert chosen("--config", str(file)).tag == [4, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("roundz = 3\n", "roundz: no such option; did you mean rounds?"),
        ("[client]\nroundz = 3\n", "client.roundz: no such option; did you mean rounds?"),
        ("[client]\nstabilize-every = 3\n", "client.stabilize-every: no such option"),  # a node's
        ("[compute_node]\nrounds = 3\n", "compute_node.rounds: no such option"),
        ("[nodes]\n", "[nodes]: not a section"),
        ("rounds = 0\n", "rounds: 0, expected 1 to 10000"),
        ("rounds = true\n", "rounds: True is not a value of this option"),
        ("rounds = 2026-11-22\n", "is not a value of this option"),
        ("json = 3\n", "json: 3 is neither true nor false"),
        ("optimizer = 'sdg'\n", "optimizer: sdg, expected one of sgd"),
        ("rounds = \n", "not TOML: "),
        ("help = true\n", "help: no such option"),
        ("config = 'other.toml'\n", "config: no such option"),
    ],
)
def test_what_a_file_may_not_say_is_refused_with_file_and_key(text: str, message: str, file: Path) -> None:
    file.write_text(text)

    outcome = client_here(*TRAIN, "--config", file)

    assert outcome.code == 65
    assert outcome.err.startswith(str(file))
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ROUNDELAY_ROUND", "3", "ROUNDELAY_ROUND: no such option; did you mean rounds?"),
        ("ROUNDELAY_QWXZ", "3", "ROUNDELAY_QWXZ: no such option; --help-all"),
        ("ROUNDELAY_ROUNDS", "many", "ROUNDELAY_ROUNDS: 'many' is not a whole number"),
        ("ROUNDELAY_JSON", "perhaps", "ROUNDELAY_JSON: 'perhaps' is neither true nor false"),
    ],
)
def test_what_a_variable_may_not_say_is_refused_by_its_name(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    outcome = client_here(*TRAIN)

    assert (outcome.code, message in outcome.err) == (64, True), outcome.err


@pytest.mark.parametrize("name", ["ROUNDELAY_STATE_DIR", "ROUNDELAY_BITS", "ROUNDELAY_FINGERS"])
def test_another_programs_variable_is_nothing_to_us(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "7")

    assert client_here(*TRAIN, "--show-config").code == 0


@pytest.mark.parametrize("path", ["missing.toml", "."])
def test_a_file_that_cannot_be_read_is_named(path: str, tmp_path: Path) -> None:
    outcome = client_here(*TRAIN, "--config", tmp_path / path)

    assert outcome.code == 66
    assert outcome.err.startswith(f"--config: cannot read {tmp_path / path}")


def test_a_node_is_told_its_supernode_by_word_flag_or_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    def supernode_of(*arguments: str) -> str:
        return str(main.parse(node_line.parser([]), arguments).supernode)

    assert supernode_of("8001", "ring.local") == supernode_of("--supernode", "ring.local") == "ring.local:9091"
    assert supernode_of("8001", "::1", "77") == "[::1]:77"
    monkeypatch.setenv("ROUNDELAY_SUPERNODE", "elsewhere:5")
    assert (supernode_of("8001"), supernode_of("8001", "here", "6")) == ("elsewhere:5", "here:6")


def test_a_local_ring_is_not_configured_by_variables_that_are_meant_for_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from roundelay.node.subprocesses import child_environment

    monkeypatch.setenv("ROUNDELAY_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("ROUNDELAY_TEST_MARK", "m")

    assert "ROUNDELAY_STATE_DIR" not in child_environment()
    assert child_environment()["ROUNDELAY_TEST_MARK"] == "m"


def test_help_comes_before_what_is_wrong_with_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUNDELAY_ROUNDS", "many")

    outcome: Outcome = client_here("train", "--help")

    assert (outcome.code, "--rounds" in outcome.out) == (0, True)
