"""The options of a job, made from the fields of roundelay.federation.settings.Settings."""

from __future__ import annotations

import argparse
from dataclasses import fields
from functools import partial
from typing import Any

from roundelay.cli.parser_base import Parser
from roundelay.client.option_text import COMMON, read_setting
from roundelay.federation.errors import BadSpec
from roundelay.federation.setting_texts import show
from roundelay.federation.settings import Settings, option


def add_settings(made: Parser) -> None:
    """Add one option for every setting of a job; --help shows the common ones."""
    for each in fields(Settings):
        add = made.add_argument if each.name in COMMON else made.more
        flag = option(each.name)
        about = f"{each.metadata['about']} (default: {show(each.default) or 'none'})"
        if each.default is False:
            add(flag, dest=each.name, action="store_true", help=each.metadata["about"])
        elif each.default is True:
            add(flag, dest=each.name, action=argparse.BooleanOptionalAction, default=True, help=about)
        else:
            add(
                flag,
                dest=each.name,
                metavar=each.name[0].upper(),
                type=partial(_typed_setting, each.name),
                default=each.default,
                choices=each.metadata.get("choices"),
                help=about,
            )


def explicit_settings(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that were given, not those left at their default."""
    origins = {each.name: chosen.origins[option(each.name).removeprefix("--")] for each in fields(Settings)}
    return {name: getattr(chosen, name) for name, origin in origins.items() if origin != "default"}


def _typed_setting(name: str, text: str) -> Any:
    """Read a setting as an argparse type."""
    try:
        return read_setting(name, text)
    except (BadSpec, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix(f"{option(name)} is ")) from error
