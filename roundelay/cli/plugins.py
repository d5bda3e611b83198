"""client.py plugins: list the plugins of installed packages, with the modules that nodes must allow for them."""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.cli import exits, parser_base
from roundelay.ml.plugins import KINDS, installed
from roundelay.node import shown


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line."""
    about = "List the models, optimizers, rules, ... that installed packages provide."
    made = parser_base.Parser("client.py plugins", about, "python3 client.py plugins", arguments)
    made.add_argument("--json", action="store_true", help="print them as JSON")
    return made


def run(chosen: parser_base.Namespace) -> int:
    """Print the list."""
    found = {kind: installed(kind) for kind in KINDS}
    if chosen.json:
        print(shown.as_json(found))
        return 0
    for kind, names in found.items():
        for name, full in names.items():
            exits.say(f"{kind:<13} {name:<20} {full}")
    if not any(found.values()):
        exits.say("no plugins are installed; docs/plugins.md shows how to write one")
    return 0
