"""The training form: a field for every setting of a job, made from and checked by the settings themselves.

How data are read has fields as well: those options of `client.py train`, which its own parser checks.
"""

from __future__ import annotations

from argparse import Action
from collections.abc import Mapping
from dataclasses import Field as SpecField
from dataclasses import dataclass, fields
from typing import Any

from roundelay.cli import train
from roundelay.cli.settings import COMMON, reader
from roundelay.federation.errors import BadSpec
from roundelay.federation.settings import Settings, check

DATA_OPTIONS = ("dataset", "holdout", "parts", "classes", "label", "missing", "side", "colour")
GUESSED = "guessed"  # the choice that leaves an option away


@dataclass(frozen=True)
class Field:
    """One field. kind: text, choice or switch; default: as it is typed."""

    name: str
    kind: str
    about: str
    default: str | bool
    choices: tuple[str, ...] = ()
    common: bool = False  # shown at once; the others on demand


def form_fields() -> list[Field]:
    """In the order of the settings, the common ones first."""
    made = [_field(each) for each in fields(Settings)]
    return sorted(made, key=lambda each: not each.common)


def data_fields() -> list[Field]:
    """How the data are read, as the command line has it."""
    actions = {each.dest: each for each in train.parser(["--help-all"])._actions}
    return [_option(actions[name]) for name in DATA_OPTIONS]


def data_words(typed: Mapping[str, str | bool]) -> list[str]:
    """The same as words of the command line; what is left open is left away. Raises BadSpec."""
    if unknown := typed.keys() - set(DATA_OPTIONS):
        raise BadSpec(f"no such option: {', '.join(sorted(unknown))}")
    named = {name: value.strip() if isinstance(value, str) else value for name, value in typed.items()}
    return [
        f"--{name}" if value is True else f"--{name}={value}"
        for name, value in named.items()
        if value not in ("", False, GUESSED)
    ]


def problem(name: str, typed: str | bool) -> str | None:
    """What is wrong with a value, in the words of the command line; None where it may stand."""
    try:
        check(name, read(name, typed))
    except BadSpec as error:
        return str(error).removeprefix("--")
    return None


def settings_of(typed: Mapping[str, str | bool]) -> Settings:
    """The settings that a filled form means. Raises BadSpec."""
    unknown = typed.keys() - {each.name for each in fields(Settings)}
    if unknown:
        raise BadSpec(f"no such setting: {', '.join(sorted(unknown))}")
    return Settings(**{name: read(name, value) for name, value in typed.items()})


def read(name: str, typed: str | bool) -> Any:
    """A value of a setting's own type. Raises BadSpec."""
    default = next(each.default for each in fields(Settings) if each.name == name)
    if isinstance(default, bool) or isinstance(typed, bool):
        return typed
    try:
        return reader(default)(typed.strip())
    except ValueError as error:
        raise BadSpec(f"--{name}: {error}") from error


def _option(each: Action) -> Field:
    about = (each.help or "") % vars(each)
    if each.nargs == 0:
        return Field(each.dest, "switch", about, bool(each.default))
    shown = "" if each.default is None else str(each.default)
    if each.choices:
        return Field(each.dest, "choice", about, shown or GUESSED, (*(() if shown else (GUESSED,)), *each.choices))
    return Field(each.dest, "text", about, shown)


def _field(each: SpecField[Any]) -> Field:
    about, common = each.metadata["about"], each.name in COMMON
    if isinstance(each.default, bool):
        return Field(each.name, "switch", about, each.default, common=common)
    if choices := each.metadata.get("choices"):
        return Field(each.name, "choice", about, str(each.default), tuple(choices), common)
    shown = ",".join(map(str, each.default)) if isinstance(each.default, tuple) else str(each.default)
    return Field(each.name, "text", about, shown, common=common)
