"""The options that say how a data set is read and split, made from the fields of DataOptions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import Field, fields
from typing import Any

from roundelay.cli.parser_base import Parser, checked
from roundelay.client.option_text import flag
from roundelay.client.requests import DataOptions
from roundelay.federation.setting_texts import show

SPLIT = ("holdout", "parts")  # how rows are divided into files, for commands that divide none


def add_to(parser: Parser, without: Sequence[str] = ()) -> None:
    """Add them, `without` some; all but --dataset show only in --help-all."""
    for each in fields(DataOptions):
        if each.name not in without:
            _add(parser.add_argument if each.name == "dataset" else parser.more, each)


def chosen_in(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return the values of the options, as DataOptions takes them."""
    return {each.name: getattr(chosen, each.name) for each in fields(DataOptions) if hasattr(chosen, each.name)}


def _add(add: Any, each: Field[Any]) -> None:
    name, about, default = flag(each.name), each.metadata["about"], show(each.default)
    if isinstance(each.default, bool):
        add(name, action="store_true", help=about)
        return
    add(
        name,
        type=checked(each.metadata["read"]),
        default=each.default,
        choices=each.metadata["choices"],
        metavar=each.metadata["metavar"],
        help=f"{about} (default: {default})" if default else about,
    )
