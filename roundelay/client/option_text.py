"""Values of settings and options read from text, as typed on a command line or in a form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from roundelay.federation.settings import Settings, check
from roundelay.ml.choices import MODELS, whole_number
from roundelay.ml.plugins import full_name

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}  # of a duration
COMMON = ("model", "rounds", "epochs", "hidden", "eta")  # shown first; the others on demand


def number(text: str) -> float:
    """Read a decimal number. Raises ValueError."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None


def seconds(text: str) -> float:
    """Read a duration: seconds, or a number with one of UNITS. Raises ValueError."""
    factor = UNITS.get(text[-1:])
    return number(text) if factor is None else factor * number(text[:-1])


def whole_numbers(text: str) -> tuple[int, ...]:
    """Read integers with commas between them. Raises ValueError."""
    return tuple(whole_number(part) for part in text.split(","))


def names(text: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    return tuple(filter(None, text.split(",")))


def read_setting(name: str, text: str) -> Any:
    """Read a setting, and check its range. Raises ValueError for what cannot be read, BadSpec."""
    setting = next(each for each in fields(Settings) if each.name == name)
    readers: dict[type, Callable[[str], Any]] = {int: whole_number, float: number, str: str, tuple: whole_numbers}
    read = seconds if setting.metadata.get("unit") == "duration" else readers[type(setting.default)]
    value = full_setting(name, read(text))
    check(name, value)
    return value


def full_setting(name: str, value: Any) -> Any:
    """Return a setting's value; for the short name of an installed plugin, its MODULE:NAME."""
    about = next(each.metadata for each in fields(Settings) if each.name == name)
    if "plugin" not in about or not isinstance(value, str):
        return value
    return full_name(about["plugin"], value, about.get("choices", MODELS))


def flag(name: str) -> str:
    """Return the command-line option of a field of DataOptions."""
    return f"--{name.replace('_', '-')}"
