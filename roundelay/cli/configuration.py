"""Options from flags, ROUNDELAY_* variables, a TOML file, and defaults, in this order of precedence.

Every option of a parser can be set in each of these ways. A key that no program has is refused, with the place
where it was found.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roundelay.cli import exits
from roundelay.cli.parser_base import Options, Parser, collects, is_switch, options_of
from roundelay.node.options import NO_OPTIONS, OPTION_PREFIX

CONFIG = f"{OPTION_PREFIX}CONFIG"
PROGRAMS = ("supernode", "compute_node", "client", "dashboard")  # the sections of a file
KeysOf = Callable[[str | None], frozenset[str]]  # the keys of a program's options, or of all programs'
UNSET: Any = object()  # the value of an option that the command line does not name
YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True)
class OptionValue:
    """A value from a file or a variable, not yet converted."""

    raw: Any
    origin: str
    where: str  # the same, for messages
    code: int  # the exit code if it cannot be used


def resolve(made: Parser, arguments: Sequence[str], keys_of: KeysOf) -> tuple[argparse.Namespace, dict[str, str]]:
    """Return the values of all options, and by key the origin of each. Raises Exit."""
    known = options_of(made)
    given = {**_from_file(_file(arguments), made, known, keys_of), **_from_environment(known, keys_of)}
    for key in given:
        known[key].required = False
    _add_negations(made, known)
    chosen = argparse.Namespace(**{a.dest: None if collects(a) else UNSET for a in known.values()})
    made.parse_args(arguments, chosen)
    return chosen, {key: _settle(chosen, action, given.get(key)) for key, action in known.items()}


def show(made: Parser, chosen: argparse.Namespace, origins: Mapping[str, str]) -> str:
    """Return each value with its origin: as lines for a --config file, or with --json as one object.

    A line also says what its value means, if the help names it: "native: as fast as ...; portable: equal bits ...".
    """
    actions = options_of(made)
    values = {key: _plain(getattr(chosen, action.dest)) for key, action in actions.items()}
    if getattr(chosen, "json", False):
        return json.dumps({key: {"value": value, "origin": origins[key]} for key, value in values.items()})
    lines = {
        key: f"# {key} is not set" if value is None else f"{key} = {json.dumps(value)}" for key, value in values.items()
    }
    width = max(map(len, lines.values()))
    meanings = {key: _meaning(action.help or "", values[key]) for key, action in actions.items()}
    return "\n".join(f"{line:<{width}}  # {origins[key]}{meanings[key]}" for key, line in lines.items())


def _meaning(text: str, value: object) -> str:
    """Return what a help text says of this choice: empty if it does not name it."""
    parts = text.partition(" (default: ")[0].split("; ")
    named = [part for part in parts if isinstance(value, str) and value and part.startswith(f"{value}: ")]
    return f"; {named[0]}" if named else ""


def _settle(chosen: argparse.Namespace, action: argparse.Action, given: OptionValue | None) -> str:
    """Set a value that the command line leaves open; return the value's origin."""
    if getattr(chosen, action.dest) not in (UNSET, None):
        return "command line"
    if given is None:
        setattr(chosen, action.dest, action.default)
        return "default"
    try:
        setattr(chosen, action.dest, _convert(action, given.raw))
    except (argparse.ArgumentTypeError, ValueError, TypeError) as error:
        raise exits.Exit(given.code, f"{given.where}: {error}") from error
    return given.origin


# --- from the file


def _file(arguments: Sequence[str]) -> Path | None:
    """Return the path given with --config or ROUNDELAY_CONFIG."""
    scout = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    scout.add_argument("--config", nargs="?", default=os.environ.get(CONFIG))
    path = scout.parse_known_args(list(arguments))[0].config
    return Path(path) if path else None


def _from_file(path: Path | None, made: Parser, known: Options, keys_of: KeysOf) -> dict[str, OptionValue]:
    """Read a file's top level, and over it the [section] of this program. Raises Exit for an unknown key."""
    if path is None:
        return {}
    program = made.program
    table = _read(path)
    sections = {key: value for key, value in table.items() if isinstance(value, dict)}
    for name in sections.keys() - PROGRAMS:
        raise exits.Exit(exits.DATA, f"{path}: [{name}]: not a section; there are {', '.join(PROGRAMS)}")
    given: dict[str, OptionValue] = {}
    for name, section in {"": {k: v for k, v in table.items() if k not in sections}, **sections}.items():
        for key, raw in section.items():
            where = f"{path}: {name + '.' * bool(name)}{key}"
            key = key.replace("_", "-")
            if not (key in known and name in ("", program)):
                _require(key, keys_of(name or None), where, exits.DATA)
            elif name or key not in given:
                given[key] = OptionValue(raw, f"{path}" + f" [{name}]" * bool(name), where, exits.DATA)
    return given


def _read(path: Path) -> dict[str, Any]:
    import tomllib  # like difflib below, not needed at most starts

    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise exits.Exit(exits.NO_INPUT, f"--config: cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise exits.Exit(exits.DATA, f"{path}: not TOML: {error}") from error


# --- from the environment


def _from_environment(known: Options, keys_of: KeysOf) -> dict[str, OptionValue]:
    """Read the variables that are set and not empty. Raises Exit for an unknown one with our prefix."""
    given = {}
    for name, text in os.environ.items():
        if not text or not name.startswith(OPTION_PREFIX) or name.startswith((*NO_OPTIONS, CONFIG)):
            continue
        key = name.removeprefix(OPTION_PREFIX).lower().replace("_", "-")
        if key in known:
            given[key] = OptionValue(text, f"environment {name}", name, exits.USAGE)
        else:
            _require(key, keys_of(None), name, exits.USAGE)
    return given


def _require(key: str, keys: frozenset[str], where: str, code: int) -> None:
    """Raise Exit unless the key is known."""
    if key not in keys:
        hint = exits.nearest(key, keys) or "; --help-all lists all options"
        raise exits.Exit(code, f"{where}: no such option{hint}")


# --- values


def _convert(action: argparse.Action, raw: Any) -> Any:
    """Convert a value as the command line would. Raises ArgumentTypeError, ValueError, TypeError."""
    if is_switch(action):
        return _switch(raw)
    if collects(action):
        texts = raw.split(",") if isinstance(raw, str) else [_text(each) for each in raw]
        return [_typed(action, text) for text in texts]
    return _typed(action, _text(raw))


def _typed(action: argparse.Action, text: str) -> Any:
    value = action.type(text) if callable(action.type) else text
    if action.choices is not None and value not in action.choices:
        raise ValueError(f"{text!r} is not one of {', '.join(map(str, action.choices))}")
    return value


def _switch(raw: Any) -> bool:
    word = str(raw).lower()
    if isinstance(raw, (bool, str)) and word in YES + NO:
        return word in YES
    raise ValueError(f"{raw!r} is neither true nor false")


def _text(raw: Any) -> str:
    """Return a value as one would type it. Raises TypeError."""
    if isinstance(raw, list):
        return ",".join(map(_text, raw))
    if isinstance(raw, bool) or not isinstance(raw, (str, int, float)):
        raise TypeError(f"{raw!r} is not a value of this option")
    return str(raw)


def _plain(value: Any) -> Any:
    """Return a value as JSON and TOML write it; None if there is none."""
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value] or None
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _add_negations(made: Parser, known: Options) -> None:
    """Add --no-NAME for every switch, to turn off what a file or a variable turned on."""
    for key, action in known.items():
        if is_switch(action) and f"no-{key}" not in known:
            made.add_argument(f"--no-{key}", dest=action.dest, action="store_false", help=argparse.SUPPRESS)
