"""A release reads the frames of its own protocol version, whatever was added to it, and refuses a ring of another."""

from __future__ import annotations

import json
import re
import typing
from typing import Any

import pytest
from thrift.TSerialization import deserialize

from roundelay.chord.errors import OtherProtocol
from roundelay.rpc.gen import ttypes as wire
from roundelay.rpc.gen.constants import PROTOCOL
from tests.formats_folder import FORMATS
from tests.rpc.codecs import BINARY, STRUCTS, both
from tests.rpc.golden_frames import contract_fields, path_of, said, says, written_fields

MADE_BY = "python -m tests.rpc.golden_frames"
VERSIONS = sorted(int(re.findall(r"\d+", path.name)[0]) for path in FORMATS.glob("frames-*.json"))


def frames_of(version: int) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path_of(version).read_text())
    return read


def test_frames_of_this_version_are_kept() -> None:
    assert PROTOCOL in VERSIONS, f"PROTOCOL was raised: write its frames with  {MADE_BY}"


def generated_of(struct: str) -> Any:
    return typing.get_type_hints(both(struct)[1])["raw"]


@pytest.mark.parametrize("name", frames_of(PROTOCOL))
def test_a_frame_of_this_version_still_says_what_it_said(name: str) -> None:
    kept, struct = frames_of(PROTOCOL)[name], name.partition(" ")[0]

    value = both(struct)[1](deserialize(generated_of(struct)(), bytes.fromhex(kept["frame"]), BINARY))

    assert says(said(value), kept["says"]), "a field has another meaning: raise PROTOCOL in service.thrift"


@pytest.mark.parametrize("struct", STRUCTS)
def test_every_field_of_the_contract_is_in_a_frame_that_is_kept(struct: str) -> None:
    frames = [each["frame"] for name, each in frames_of(PROTOCOL).items() if name.partition(" ")[0] == struct]
    kept = [deserialize(generated_of(struct)(), bytes.fromhex(frame), BINARY) for frame in frames]

    missing = contract_fields(generated_of(struct)) - written_fields(kept)
    assert not missing, f"no frame has {', '.join(sorted(missing))}: write them with  {MADE_BY}"


@pytest.mark.parametrize("version", [version for version in VERSIONS if version != PROTOCOL])
def test_a_ring_of_another_version_is_refused_by_name(version: int) -> None:
    frame = bytes.fromhex(frames_of(version)["ring"]["frame"])

    with pytest.raises(OtherProtocol, match=f"speaks protocol {version}, and this process protocol {PROTOCOL}"):
        both("ring")[1](deserialize(wire.Ring(), frame, BINARY))
