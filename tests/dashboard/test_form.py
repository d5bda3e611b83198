"""The training form is the command line's: the same fields, the same defaults, the same refusals."""

from __future__ import annotations

import shlex
from dataclasses import fields

import pytest

from roundelay.cli import main, train
from roundelay.client.option_text import COMMON
from roundelay.client.requests import DataOptions
from roundelay.dashboard import form
from roundelay.federation.errors import BadSpec
from roundelay.federation.settings import Settings

WRONG = [
    ("rounds", "0"),
    ("rounds", "many"),
    ("rounds", ""),
    ("eta", "-1"),
    ("eta", "nan"),
    ("hidden", "256,"),
    ("hidden", "99999"),
    ("momentum", "1.5"),
    ("quorum", "0"),
    ("optimizer", "lion"),
]


def defaults() -> dict[str, str | bool]:
    return {each.name: each.default for each in form.form_fields()}


def test_every_setting_has_a_field_and_the_defaults_are_the_command_lines() -> None:
    assert {each.name for each in form.form_fields()} == {each.name for each in fields(Settings)}
    assert form.settings_of(defaults()) == Settings()
    assert all(form.problem(name, value) is None for name, value in defaults().items())


def test_what_is_shown_at_once_is_what_help_shows() -> None:
    assert {each.name for each in form.form_fields() if each.common} == set(COMMON)


def test_a_form_left_as_it_is_reads_data_as_the_command_line_does_by_default() -> None:
    shown = {each.name: each.default for each in form.data_fields()}

    assert form.data_options_of(shown) == DataOptions()
    assert all(each.about for each in form.data_fields())


def test_what_is_filled_in_becomes_data_options() -> None:
    typed: dict[str, str | bool] = {"dataset": "csv", "label": " -2 ", "parts": "", "colour": True, "classes": "a,b"}

    assert form.data_options_of(typed) == DataOptions("csv", label="-2", colour=True, classes=("a", "b"))


@pytest.mark.parametrize(("name", "typed"), [("parts", "none"), ("holdout", "x"), ("dataset", "tiff"), ("side", "0")])
def test_a_wrong_data_option_is_refused_by_its_name(name: str, typed: str) -> None:
    with pytest.raises(BadSpec, match=f"--{name}"):
        form.data_options_of({name: typed})


@pytest.mark.parametrize(("name", "typed"), WRONG)
def test_a_wrong_value_is_refused_in_the_field_and_in_the_whole(name: str, typed: str) -> None:
    assert form.problem(name, typed)
    with pytest.raises(BadSpec):
        form.settings_of(defaults() | {name: typed})


def test_what_is_typed_is_read_as_on_the_command_line() -> None:
    made = form.settings_of(defaults() | {"hidden": "512, 256", "eta": "0.05", "optimizer": "adam"})

    assert (made.hidden, made.eta, made.optimizer) == ((512, 256), 0.05, "adam")


def test_a_field_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BadSpec, match="no such setting"):
        form.settings_of({"workers": "4"})


def test_a_field_is_shown_while_it_has_an_effect() -> None:
    assert not form.applies("mu", defaults())
    assert form.applies("mu", defaults() | {"rule": "fedprox"})
    assert not form.applies("exchanges", defaults() | {"topology": "tree"})
    assert form.applies("exchanges", defaults() | {"topology": "gossip"})
    assert form.applies("eta", defaults())
    assert not form.applies("ditto_lambda", defaults() | {"personal": "head"})
    assert form.applies("personal_epochs", defaults() | {"personal": "head"})


def test_the_form_is_a_command_line() -> None:
    typed = defaults() | {"rounds": "3", "server_eta": "0.5", "rule": "fedavgm", "mu": "7"}
    reading = {each.name: each.default for each in form.data_fields()} | {"label": "-2", "colour": True}

    said = shlex.split(form.command("my data", "", "m.npz", typed, reading))

    assert said[:4] == ["python3", "client.py", "train", "my data"]
    chosen = main.parse(train.parser(said[3:]), said[3:])
    assert (chosen.rounds, chosen.rule, chosen.server_eta) == (3, "fedavgm", 0.5)
    assert (str(chosen.init), chosen.label, chosen.colour) == ("m.npz", "-2", True)
    assert chosen.mu in (None, Settings().mu)


def test_a_form_left_as_it_is_is_the_shortest_command() -> None:
    reading = {each.name: each.default for each in form.data_fields()}

    assert form.command("letters", "v.txt", "", defaults(), reading) == "python3 client.py train letters v.txt"
