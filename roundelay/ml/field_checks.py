"""Check the fields of what a trainer computes: BadTask names the field."""

from dataclasses import fields
from typing import Any

from roundelay.ml.errors import BadTask


def check(holds: bool, message: str) -> None:
    """Raise BadTask with this message unless a condition holds."""
    if not holds:
        raise BadTask(message)


def check_integer(name: str, value: int, least: int, most: int) -> None:
    """Raise BadTask unless a value is an integer of this range; true and false are none."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    check(is_integer and least <= value <= most, f"{name} {value!r}: expected an integer from {least} to {most}")


def check_number(name: str, value: float, least: float, most: float) -> None:
    """Raise BadTask unless a value is a number of this range; NaN is in no range."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    check(is_number and least <= value <= most, f"{name} {value!r}: expected a number from {least} to {most}")


def fields_of(kind: type[Any], data: object) -> dict[str, Any]:
    """Return `data` if it is a dictionary with exactly the fields of a dataclass. Raises TypeError."""
    names = {field.name for field in fields(kind)}
    if not isinstance(data, dict) or set(data) != names:
        found = sorted(map(str, data)) if isinstance(data, dict) else type(data).__name__
        raise TypeError(f"{kind.__name__} has the fields {found}, expected {sorted(names)}")
    return data
