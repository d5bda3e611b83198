"""The options of a job, made from the fields of roundelay.federation.spec.Settings."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from roundelay.cli import exits
from roundelay.cli.options import Parser, checked
from roundelay.federation.errors import BadSpec
from roundelay.federation.settings import Settings, check, option

COMMON = ("model", "rounds", "epochs", "hidden", "eta")  # the others show in --help-all


def add_to(made: Parser) -> None:
    """One option for every setting of a job."""
    for each in fields(Settings):
        add = made.add_argument if each.name in COMMON else made.more
        flag = option(each.name)
        about = f"{each.metadata['about']} (default: {_show(each.default)})"
        if each.default is False:
            add(flag, dest=each.name, action="store_true", help=each.metadata["about"])
        elif each.default is True:
            add(flag, dest=each.name, action=argparse.BooleanOptionalAction, default=True, help=about)
        else:
            add(
                flag,
                dest=each.name,
                metavar=each.name[0].upper(),
                type=checked(_setting(each.name, each.default)),
                default=each.default,
                choices=each.metadata.get("choices"),
                help=about,
            )


def chosen_in(options: argparse.Namespace, recommended: Mapping[str, Any] | None = None) -> Settings:
    """The settings that were asked for, else as recommended, else the default. Raises Exit for what is out of range."""
    chosen = {f.name: getattr(options, f.name) for f in fields(Settings)}
    for name, value in (recommended or {}).items():
        if options.origins[option(name).removeprefix("--")] == "default":
            chosen[name] = value
    if chosen.get("course"):
        chosen["optimizer"] = "gd"
    try:
        return Settings(**chosen)
    except BadSpec as error:
        raise exits.Exit(exits.USAGE, str(error)) from error


def _setting(name: str, default: Any) -> Callable[[str], Any]:
    """What reads a setting, and says at once what is out of its range."""
    read = reader(default)

    def typed(text: str) -> Any:
        value = read(text)
        try:
            check(name, value)
        except BadSpec as error:
            raise ValueError(str(error)) from error
        return value

    return typed


def reader(default: Any) -> Callable[[str], Any]:
    """Reads a setting whose default is this from what was typed; what it makes raises ValueError."""
    if isinstance(default, tuple):
        return lambda text: tuple(_integer(part) for part in text.split(","))
    readers: dict[type, Callable[[str], Any]] = {int: _integer, float: _decimal, str: str}
    return readers[type(default)]


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is no whole number") from None


def _decimal(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None


def _show(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
