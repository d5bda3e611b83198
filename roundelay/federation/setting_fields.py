"""A single setting: its field's default, range and meaning, its option, and the check of a value."""

from __future__ import annotations

from dataclasses import Field, field, fields
from typing import Any

from roundelay.federation.errors import BadSpec
from roundelay.ml.choices import OpenChoices

_KINDS = {int: "a whole number", float: "a number", tuple: "whole numbers", str: "a word", bool: "yes or no"}


def number(default: float, least: float, most: float, about: str, above: bool = False) -> Any:
    """Return the field of a number in a range; with `above`, `least` itself is excluded."""
    return field(default=default, metadata={"least": least, "most": most, "about": about, "above": above})


def choice(default: str, choices: tuple[str, ...], about: str) -> Any:
    return field(default=default, metadata={"choices": choices, "about": about})


def plugin(kind: str, default: str, choices: tuple[str, ...], about: str) -> Any:
    """Return the field of a name: one that ships, or MODULE:NAME of a plugin of this kind (roundelay.ml.plugins)."""
    about = f"{about}: {', '.join(choices)}, or MODULE:NAME"
    return field(default=default, metadata={"choices": OpenChoices(choices), "about": about, "plugin": kind})


def named(settings: Any, name: str) -> Field[Any]:
    """Return one of the fields of settings, or of their class."""
    return next(each for each in fields(settings) if each.name == name)


def option_of(setting: Field[Any]) -> str:
    """Return the command-line option of a setting."""
    return "--" + str(setting.metadata.get("flag", setting.name.replace("_", "-")))


def check_value(setting: Field[Any], value: Any) -> None:
    """Raise BadSpec unless the value is allowed for this setting."""
    about, option = setting.metadata, option_of(setting)
    if not _is_like(value, setting.default):
        raise BadSpec(f"{option} is {value!r}, expected {_KINDS[type(setting.default)]}")
    if "pattern" in about and not about["pattern"].fullmatch(value):
        raise BadSpec(f"{option} is {value[:80]!r}, expected {about['expected']}")
    if "choices" in about and value not in about["choices"]:
        more = ", MODULE:NAME" if "plugin" in about else ""
        raise BadSpec(f"{option} is {value[:80]}, expected one of {', '.join(about['choices'])}{more}")
    if "layers_max" in about and not 1 <= len(value) <= about["layers_max"]:
        raise BadSpec(f"{option} names {len(value)} layers, expected 1 to {about['layers_max']}")
    if "least" in about:
        for each in value if isinstance(value, tuple) else (value,):
            low = each <= about["least"] if about.get("above") else each < about["least"]
            if low or not each <= about["most"]:
                instead = "; --model softmax has no hidden layer" if (setting.name, each) == ("hidden", 0) else ""
                allowed = f"more than {about['least']}, at most" if about.get("above") else f"{about['least']} to"
                raise BadSpec(f"{option} is {each}, expected {allowed} {about['most']}{instead}")


def _is_like(value: Any, default: Any) -> bool:
    """Return whether the value is of the default's kind: an int may stand for a float, a bool for neither."""
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(_is_like(each, default[0]) for each in value)
    kinds: tuple[type, ...] = (int, float) if isinstance(default, float) else (type(default),)
    return isinstance(value, kinds) and isinstance(value, bool) == isinstance(default, bool)
