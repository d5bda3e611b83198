"""The training form: a field for every setting and data option of a job, made from their definitions.

A field is shown while it has an effect, and the form as a whole is a command line as well.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import Field as DataclassField
from dataclasses import dataclass, fields
from typing import Any

from roundelay.client.option_text import COMMON, flag, read_setting
from roundelay.client.requests import DataOptions
from roundelay.federation.errors import BadSpec
from roundelay.federation.rules import RULES
from roundelay.federation.setting_texts import show
from roundelay.federation.settings import Settings, option
from roundelay.ml.choices import PERSONAL_METHODS

VALUE_CHARACTERS_MAX = 10_000  # of a field
GUESSED = "guessed"  # the choice that leaves an option at its default
OF_TOPOLOGY = {
    "exchanges": "gossip",
    "tiers": "tree",
    "buffer": "buffered",
    "max_staleness": "buffered",
}  # settings that have an effect in one topology only
OF_PERSONAL = {"personal_epochs": PERSONAL_METHODS[1:], "ditto_lambda": ("ditto",)}  # the same of methods
_DEFAULTS = {each.name: each.default for each in fields(Settings)}
DATA_OPTIONS = tuple(each.name for each in fields(DataOptions))


@dataclass(frozen=True)
class Field:
    """One field. label: its option, in words; kind: text, choice or switch; default: as it is typed."""

    name: str
    label: str
    kind: str
    about: str
    default: str | bool
    choices: tuple[str, ...] = ()
    common: bool = False  # shown at once; the others on demand


def form_fields() -> list[Field]:
    """Return a field for every setting, the common ones first."""
    made = [_field(each) for each in fields(Settings)]
    return sorted(made, key=lambda each: not each.common)


def data_fields() -> list[Field]:
    """Return a field for every data option."""
    return [_field(each) for each in fields(DataOptions)]


def typed_value(value: object) -> str | bool:
    """Return what a widget holds as typed; a browser may send any value for it."""
    return value if isinstance(value, bool) else str("" if value is None else value)[:VALUE_CHARACTERS_MAX]


def settings_of(typed: Mapping[str, str | bool]) -> Settings:
    """Return the settings of a completed form. Raises BadSpec."""
    unknown = typed.keys() - {each.name for each in fields(Settings)}
    if unknown:
        raise BadSpec(f"no such setting: {', '.join(sorted(unknown))}")
    return Settings(**{name: _setting(name, value) for name, value in typed.items()})


def data_options_of(typed: Mapping[str, str | bool]) -> DataOptions:
    """Return the data options of a completed form; an empty field means its default. Raises BadSpec."""
    if unknown := typed.keys() - set(DATA_OPTIONS):
        raise BadSpec(f"no such option: {', '.join(sorted(unknown))}")
    by_name = {each.name: each for each in fields(DataOptions)}
    given = {name: value.strip() if isinstance(value, str) else value for name, value in typed.items()}
    return DataOptions(
        **{name: _data_option(by_name[name], value) for name, value in given.items() if value not in ("", GUESSED)}
    )


def applies(name: str, typed: Mapping[str, str | bool]) -> bool:
    """Return whether a setting has an effect beside the others."""
    takers = [rule for rule, about in RULES.items() if name in about.takes]
    topology = OF_TOPOLOGY.get(name)
    if name in OF_PERSONAL:
        return typed["personal"] in OF_PERSONAL[name]
    return (not takers or typed["rule"] in takers) and topology in (None, typed["topology"])


def command(
    data: str, validation: str, init: str, typed: Mapping[str, str | bool], reading: Mapping[str, str | bool]
) -> str:
    """Return the command that does what the completed form does."""
    words = ["client.py", "train", data, *([validation] if validation else [])]
    if init:
        words += ["--init", init]
    for each in (*form_fields(), *data_fields()):
        value = typed.get(each.name, reading.get(each.name, each.default))
        if value == each.default or (each.name in typed and not applies(each.name, typed)):
            continue
        name = option(each.name) if each.name in typed else flag(each.name)
        words += [name] if isinstance(value, bool) else [name, value.strip()]
    return f"python3 {shlex.join(words)}"


def problem(name: str, typed: str | bool) -> str | None:
    """Return the command line's error message for the value of a setting; None if it is valid."""
    try:
        _setting(name, typed)
    except BadSpec as error:
        return str(error).removeprefix("--")
    return None


def _setting(name: str, typed: str | bool) -> Any:
    if isinstance(typed, bool) != isinstance(_DEFAULTS[name], bool):
        raise BadSpec(f"{option(name)}: unexpected value {typed!r:.40}")
    try:
        return typed if isinstance(typed, bool) else read_setting(name, typed.strip())
    except ValueError as error:
        raise BadSpec(f"{option(name)}: {error}") from error


def _data_option(each: DataclassField[Any], typed: str | bool) -> Any:
    if isinstance(typed, bool) != isinstance(each.default, bool):
        raise BadSpec(f"{flag(each.name)}: unexpected value {typed!r:.40}")
    if isinstance(typed, bool):
        return typed
    try:
        value = each.metadata["read"](typed)
    except ValueError as error:
        raise BadSpec(f"{flag(each.name)}: {error}") from error
    if each.metadata["choices"] and value not in each.metadata["choices"]:
        raise BadSpec(f"{flag(each.name)} is {value}, expected one of {', '.join(each.metadata['choices'])}")
    return value


def _field(each: DataclassField[Any]) -> Field:
    about, common, default = each.metadata["about"], each.name in COMMON, show(each.default)
    label = flag(each.name) if each.name in DATA_OPTIONS else option(each.name)
    label = label.removeprefix("--").replace("-", " ")
    if isinstance(each.default, bool):
        return Field(each.name, label, "switch", about, each.default, common=common)
    if choices := each.metadata.get("choices"):
        choices = choices if default else (GUESSED, *choices)
        return Field(each.name, label, "choice", about, default or GUESSED, choices, common)
    return Field(each.name, label, "text", about, default, common=common)
