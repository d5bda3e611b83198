"""Where the value of an option comes from: its flag, ROUNDELAY_*, a TOML file, or its default, in this order.

It knows no option by name: whatever a parser has can be set in each of these ways. Nothing is
guessed: a key that none of the programs has is refused, with the place where it stands.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roundelay.cli import exits, registry
from roundelay.node.options import NO_OPTIONS, OPTION_PREFIX

CONFIG = f"{OPTION_PREFIX}CONFIG"
BESIDE = "dashboard"  # stands beside this package, not above it: its options are not known here
UNSET: Any = object()  # the value of an option that the command line does not name
YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True)
class OptionValue:
    """A value from outside the command line, as it stands there."""

    raw: Any
    origin: str
    where: str  # the same, for messages
    code: int  # how a program ends that cannot use it


def resolve(made: argparse.ArgumentParser, arguments: Sequence[str]) -> tuple[argparse.Namespace, dict[str, str]]:
    """The values of all options, and by key the origin of each. Raises Exit."""
    known = registry.options_of(made)
    given = {**_from_file(_file(arguments), made, known), **_from_environment(known)}
    for key in given:
        known[key].required = False
    _add_negations(made, known)
    chosen = argparse.Namespace(**{a.dest: None if registry.collects(a) else UNSET for a in known.values()})
    made.parse_args(arguments, chosen)
    return chosen, {key: _settle(chosen, action, given.get(key)) for key, action in known.items()}


def show(made: argparse.ArgumentParser, chosen: argparse.Namespace, origins: Mapping[str, str]) -> str:
    """Each value with its origin: lines that a --config file may hold, or with --json one object."""
    values = {key: _plain(getattr(chosen, action.dest)) for key, action in registry.options_of(made).items()}
    if getattr(chosen, "json", False):
        return json.dumps({key: {"value": value, "origin": origins[key]} for key, value in values.items()})
    lines = {
        key: f"# {key} is not set" if value is None else f"{key} = {json.dumps(value)}" for key, value in values.items()
    }
    width = max(map(len, lines.values()))
    return "\n".join(f"{line:<{width}}  # {origins[key]}" for key, line in lines.items())


def _settle(chosen: argparse.Namespace, action: argparse.Action, given: OptionValue | None) -> str:
    """Fill in what the command line has left open; returns the value's origin."""
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
    """Which one was given, if any."""
    scout = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    scout.add_argument("--config", nargs="?", default=os.environ.get(CONFIG))
    path = scout.parse_known_args(list(arguments))[0].config
    return Path(path) if path else None


def _from_file(path: Path | None, made: argparse.ArgumentParser, known: registry.Options) -> dict[str, OptionValue]:
    """Its top level, and over that its [section] of this program. Raises Exit for a key that nobody has."""
    if path is None:
        return {}
    program = registry.program_of(made)
    table = _read(path)
    sections = {key: value for key, value in table.items() if isinstance(value, dict)}
    for name in sections.keys() - registry.NAMES:
        raise exits.Exit(exits.DATA, f"{path}: [{name}]: no such program; sections are {', '.join(registry.NAMES)}")
    given: dict[str, OptionValue] = {}
    for name, section in {"": {k: v for k, v in table.items() if k not in sections}, **sections}.items():
        for key, raw in section.items():
            where = f"{path}: {name + '.' * bool(name)}{key}"
            key = key.replace("_", "-")
            if name == BESIDE and name != program:
                continue  # it checks its section itself
            if not (key in known and name in ("", program)):
                _require(key, registry.keys_of(name or None), where, exits.DATA)
            elif name or key not in given:
                given[key] = OptionValue(raw, f"{path}" + f" [{name}]" * bool(name), where, exits.DATA)
    return given


def _read(path: Path) -> dict[str, Any]:
    import tomllib  # as difflib below: most starts do without

    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise exits.Exit(exits.NO_INPUT, f"--config: cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise exits.Exit(exits.DATA, f"{path}: not TOML: {error}") from error


# --- from the environment


def _from_environment(known: registry.Options) -> dict[str, OptionValue]:
    """What is set and not empty. Raises Exit for a variable of our prefix that nobody has."""
    given = {}
    for name, text in os.environ.items():
        if not text or not name.startswith(OPTION_PREFIX) or name.startswith((*NO_OPTIONS, CONFIG)):
            continue
        key = name.removeprefix(OPTION_PREFIX).lower().replace("_", "-")
        if key in known:
            given[key] = OptionValue(text, f"environment {name}", name, exits.USAGE)
        else:
            _require(key, registry.keys_of(None), name, exits.USAGE)
    return given


def _require(key: str, keys: frozenset[str], where: str, code: int) -> None:
    """Raises Exit unless it is one of these."""
    if key not in keys:
        import difflib

        near = difflib.get_close_matches(key, sorted(keys), 1)
        hint = f"did you mean {near[0]}?" if near else "--help-all shows all that there are"
        raise exits.Exit(code, f"{where}: no such option; {hint}")


# --- values


def _convert(action: argparse.Action, raw: Any) -> Any:
    """As if it had been given on the command line. Raises ArgumentTypeError, ValueError, TypeError."""
    if registry.is_switch(action):
        return _switch(raw)
    if registry.collects(action):
        texts = raw.split(",") if isinstance(raw, str) else [_text(each) for each in raw]
        return [_typed(action, text) for text in texts]
    return _typed(action, _text(raw))


def _typed(action: argparse.Action, text: str) -> Any:
    value = action.type(text) if callable(action.type) else text
    if action.choices is not None and value not in action.choices:
        raise ValueError(f"{text!r} is none of {', '.join(map(str, action.choices))}")
    return value


def _switch(raw: Any) -> bool:
    word = str(raw).lower()
    if isinstance(raw, (bool, str)) and word in YES + NO:
        return word in YES
    raise ValueError(f"{raw!r} is neither true nor false")


def _text(raw: Any) -> str:
    """What one would type. Raises TypeError."""
    if isinstance(raw, list):
        return ",".join(map(_text, raw))
    if isinstance(raw, bool) or not isinstance(raw, (str, int, float)):
        raise TypeError(f"{raw!r} is no value of this option")
    return str(raw)


def _plain(value: Any) -> Any:
    """For JSON, which is TOML too; None where there is nothing."""
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value] or None
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _add_negations(made: argparse.ArgumentParser, known: registry.Options) -> None:
    """--no-NAME for every switch: what a file or a variable has turned on, a flag can turn off."""
    for key, action in known.items():
        if registry.is_switch(action) and f"no-{key}" not in known:
            made.add_argument(f"--no-{key}", dest=action.dest, action="store_false", help=argparse.SUPPRESS)
