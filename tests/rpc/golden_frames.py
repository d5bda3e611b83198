"""Frames of each version of the protocol, kept in tests/formats: one of each struct that travels, and what it says.

python -m tests.rpc.golden_frames        writes those of this version, after PROTOCOL was raised
"""

from __future__ import annotations

import dataclasses
import json
import warnings
from pathlib import Path
from typing import Any

from roundelay.rpc.gen.constants import PROTOCOL
from tests.formats_folder import FORMATS
from tests.rpc.codecs import BINARY, STRUCTS, both, domain_values


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


def main() -> None:
    from thrift.TSerialization import serialize

    frames = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Hypothesis's examples are for interactive use, as this is
        for struct in STRUCTS:
            examples = [domain_values(struct).example() for _ in range(8)]
            value = max(examples, key=lambda each: len(json.dumps(said(each))))
            frame = serialize(both(struct)[0](value), BINARY)
            frames[struct] = {"frame": frame.hex(), "says": said(value)}
    path_of(PROTOCOL).write_text(json.dumps(frames, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
