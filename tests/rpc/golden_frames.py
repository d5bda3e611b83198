"""Frames of each version of the protocol, kept in tests/formats: some of each struct that travels, and what they say.

python -m tests.rpc.golden_frames        writes those of this version, after PROTOCOL was raised or a field was added

Together, the frames of a struct have every field of the contract that is written. They are the same in every run.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from thrift.TSerialization import serialize

from roundelay.rpc.gen.constants import PROTOCOL
from tests.formats_folder import FORMATS
from tests.rpc.codecs import BINARY, STRUCTS, both, domain_values

EXAMPLES = 600


def path_of(version: int) -> Path:
    """Return where the frames of a version are kept."""
    return FORMATS / f"frames-{version}.json"


def said(value: Any) -> Any:
    """Return what a value says, as JSON can hold it: a dataclass as its fields."""
    if dataclasses.is_dataclass(value):
        return {f.name: said(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare}
    if isinstance(value, tuple | list):
        return [said(each) for each in value]
    if isinstance(value, dict):
        return {str(key): said(each) for key, each in value.items()}
    return value if isinstance(value, str | int | float | None) else repr(value)


def says(now: Any, then: Any) -> bool:
    """Return whether a value says everything that was said then; it may say more."""
    if isinstance(then, dict):
        return isinstance(now, dict) and all(name in now and says(now[name], then[name]) for name in then)
    if isinstance(then, list):
        return isinstance(now, list) and len(now) == len(then) and all(map(says, now, then))
    return bool(now == then)


def written_fields(raw: Any) -> set[str]:
    """Return the fields that a generated struct and those within it have: Task.train, Node.port."""
    if isinstance(raw, list | tuple | dict):
        inner = list(raw.values()) if isinstance(raw, dict) else raw
        return set[str]().union(*map(written_fields, inner))
    found = set[str]()
    for spec in filter(None, getattr(raw, "thrift_spec", ())):
        if (value := getattr(raw, spec[2])) is not None:
            found |= {f"{type(raw).__name__}.{spec[2]}", *written_fields(value)}
    return found


def contract_fields(generated: Any) -> set[str]:
    """Return all fields of a generated struct, and of those within it."""
    found, waiting = set[str](), [generated]
    done = set[Any]()
    while waiting:
        each = waiting.pop()
        if each in done:
            continue
        done.add(each)
        specs = list(filter(None, each.thrift_spec))
        found |= {f"{each.__name__}.{spec[2]}" for spec in specs}
        waiting += [inner for spec in specs for inner in _structs_in(spec[3])]
    return found


def _structs_in(told: Any) -> Iterator[Any]:
    """Yield the structs in what a thrift_spec tells of a field's type: nested lists, with their classes."""
    if hasattr(told, "thrift_spec"):
        yield told
    for inner in told if isinstance(told, list | tuple) else ():
        yield from _structs_in(inner)


def _values(struct: str) -> list[Any]:
    """Return the same examples in every run, the shortest first."""
    found: list[Any] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(domain_values(struct))
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return sorted(found, key=lambda each: len(json.dumps(said(each))))


def _chosen(struct: str) -> Iterator[tuple[Any, bytes]]:
    """Yield the shortest value with fields that no other one had, and its frame, until all fields have occurred."""
    to_wire = both(struct)[0]
    candidates = [(value, raw, written_fields(raw)) for value in _values(struct) for raw in [to_wire(value)]]
    missing = set[str]().union(*(fields for *_, fields in candidates))
    while missing:
        value, raw, fields = max(candidates, key=lambda each: len(each[2] & missing))
        missing -= fields
        yield value, serialize(raw, BINARY)


def main() -> None:
    frames = {}
    for struct in STRUCTS:
        for number, (value, frame) in enumerate(_chosen(struct), 1):
            frames[struct if number == 1 else f"{struct} {number}"] = {"frame": frame.hex(), "says": said(value)}
    path_of(PROTOCOL).write_text(json.dumps(frames, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
