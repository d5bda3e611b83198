"""The training form: a field for every setting of a job, made from and checked by the settings themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field as SpecField
from dataclasses import dataclass, fields
from typing import Any

from cli.options import COMMON_SETTINGS, reader
from federation.errors import BadSpec
from federation.spec import Settings, check


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


def _field(each: SpecField[Any]) -> Field:
    about, common = each.metadata["about"], each.name in COMMON_SETTINGS
    if isinstance(each.default, bool):
        return Field(each.name, "switch", about, each.default, common=common)
    if choices := each.metadata.get("choices"):
        return Field(each.name, "choice", about, str(each.default), tuple(choices), common)
    shown = ",".join(map(str, each.default)) if isinstance(each.default, tuple) else str(each.default)
    return Field(each.name, "text", about, shown, common=common)
