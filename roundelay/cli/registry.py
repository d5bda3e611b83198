"""The registry of options: which keys each program knows, since all may share one file and one environment."""

from __future__ import annotations

from functools import cache

from roundelay.cli import commands, compute_node, supernode
from roundelay.cli.parser_base import options_of

MAKERS = (*map(commands.parser_of, commands.WORDS), compute_node.parser, supernode.parser)


@cache
def keys_of(program: str | None) -> frozenset[str]:
    """Return the keys of a program's options, the client's subcommands together; None: those of all programs."""
    parsers = [parser for make in MAKERS if (parser := make([])).is_configurable]
    return frozenset(key for parser in parsers if program in (None, parser.program) for key in options_of(parser))
