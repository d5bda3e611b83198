"""What options there are: a parser's own, and those of all programs, which may share one file and one environment."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import cache

Options = dict[str, argparse.Action]  # by key: the long flag, without its dashes
NAMES = ("supernode", "compute_node", "client", "dashboard")
NOT_CONFIGURABLE = ("help", "help-all", "config", "show-config")


def options_of(made: argparse.ArgumentParser) -> Options:
    """Those that can be configured."""
    found = {_key(action): action for action in made._actions if action.option_strings}
    return {
        key: action
        for key, action in found.items()
        if key not in NOT_CONFIGURABLE and (action.nargs != 0 or is_switch(action))
    }


def program_of(made: argparse.ArgumentParser) -> str:
    """`client.py train` is of the client, `python3 -m dashboard` of the dashboard."""
    words = made.prog.split()
    return words[words.index("-m") + 1].rpartition(".")[2] if "-m" in words else words[0].removesuffix(".py")


@cache
def keys_of(program: str | None) -> frozenset[str]:
    """All keys of a program, the client's subcommands together; without a name, of all programs."""
    return frozenset(key for made in _parsers() if program in (None, program_of(made)) for key in options_of(made))


def is_switch(action: argparse.Action) -> bool:
    """On or off, without a value?"""
    return action.nargs == 0 and (action.const is True or isinstance(action, argparse.BooleanOptionalAction))


def collects(action: argparse.Action) -> bool:
    """Does it take several values, one after the other?"""
    return action.nargs in ("*", "+") or isinstance(action, argparse._AppendAction)


def _parsers() -> Iterator[argparse.ArgumentParser]:
    """Of every command line that there is."""
    from roundelay.cli import commands, compute_node, dashboard, supernode  # which import this module's own users

    for make in (*commands.LINES.values(), compute_node.parser, supernode.parser, dashboard.parser):
        yield make([])


def _key(action: argparse.Action) -> str:
    """Its first long flag, without the dashes."""
    return next(flag for flag in action.option_strings if flag.startswith("--"))[2:]
