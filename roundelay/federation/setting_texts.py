"""Settings as text, as one would type them: those that a job's user chose, and those in which jobs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from hashlib import sha256
from typing import Any

from roundelay.federation.settings import Settings
from roundelay.ml.errors import printable

LISTED_MAX = 128  # settings of a job in a listing
LISTED_CHARACTERS_MAX = 120  # of one of them there, with its name
VALUE_CHARACTERS_MAX = 60  # of a value where little room is; a longer one is cut, and followed by its digest
DIGEST_DIGITS = 8


def show(value: Any) -> str:
    """Return a value as one would type it."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)


def all_texts(settings: Settings) -> dict[str, str]:
    """Return every setting by name."""
    return {each.name: show(getattr(settings, each.name)) for each in fields(Settings)}


def default_texts() -> dict[str, str]:
    """Return the default of every setting by name."""
    return {each.name: show(each.default) for each in fields(Settings)}


def chosen_texts(settings: Settings) -> dict[str, str]:
    """Return the settings that differ from the defaults."""
    defaults = default_texts()
    return {name: text for name, text in all_texts(settings).items() if text != defaults[name]}


def listed_texts(settings: Settings) -> tuple[str, ...]:
    """Return the settings that differ from the defaults as NAME=VALUE, the values short; different ones stay so."""
    return tuple(f"{name}={shortened(text)}" for name, text in chosen_texts(settings).items())


def shortened(text: str) -> str:
    """Return a value that fits into a line; of a long one the beginning and a digest, so that different ones differ."""
    safe = printable(text, VALUE_CHARACTERS_MAX)
    return text if safe == text else f"{safe}#{sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]}"


def differing(jobs: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return the settings in which jobs differ, with the value in each job; one that a job lacks has its default."""
    defaults = default_texts()
    names = dict.fromkeys([*defaults, *(name for job in jobs for name in job)])
    values = {name: tuple(job.get(name, defaults.get(name, "")) for job in jobs) for name in names}
    return {name: found for name, found in values.items() if len(set(found)) > 1}
