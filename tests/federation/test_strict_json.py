"""Tests that every decoder of a record returns a value or BadRecord, whatever bytes another process has written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.federation.errors import BadRecord
from roundelay.federation.private_data import PrivateFile, Publication, _read
from roundelay.federation.records import RoundReport, RoundResult, report_from_bytes, result_from_bytes
from roundelay.federation.spec import spec_from_bytes
from roundelay.federation.topologies.partial import Lost, NodeWork, PartialSum, bitmap, partial_from
from roundelay.ml.sliced import as_bytes
from tests.federation.test_driver import SPEC
from tests.hypothesis_profiles import examples

DIGEST = "ab" * 32
EFFORT = examples(150)
RESULT = RoundResult("job", 3, DIGEST, DIGEST, 40, "", 1, 9, (1, 2), DIGEST, 8)
REPORT = RoundReport(
    "job", 3, "n:1", 0.5, 0.4, 0.9, 1.0, 0.5, {"a.txt": "n:1"}, ("lost n:2",), {"top": ["n:1"]}, 1, {"n:1": 0.1}, 0.2
)
PUBLICATION = Publication("n:1", "letters", (PrivateFile("a.txt", DIGEST, 10, 2),), ("module",))
WORK = NodeWork("n:1", (0, 2), 1.0, 0.5, 0.5, 0)
PARTIAL = PartialSum("job", 3, DIGEST, bitmap((0, 2)), (WORK,), (Lost("n:2", "busy", "later"),), 1, bytes(16))

Decoder = Callable[[bytes], Any]


def framed(head: bytes) -> bytes:
    """Return a partial sum with this head."""
    return len(head).to_bytes(4) + head


def unframed(content: bytes) -> bytes:
    return content[4 : 4 + int.from_bytes(content[:4])]


DECODERS: dict[str, tuple[Decoder, bytes]] = {
    "spec": (spec_from_bytes, SPEC.to_bytes()),
    "result": (result_from_bytes, RESULT.to_bytes()),
    "report": (report_from_bytes, REPORT.to_bytes()),
    "publication": (_read, PUBLICATION.to_bytes()),
    "partial": (lambda head: partial_from(framed(head)), unframed(as_bytes(PARTIAL.to_content()))),
}
EVERY_DECODER = pytest.mark.parametrize("kind", DECODERS)

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats()
    | st.sampled_from(["", DIGEST, "a\x1b[2J", "\u202e", "1e999", "f" * 70, "a/b"])
    | st.text(max_size=9)
)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


def decode_or_refuse(decode: Decoder, content: bytes) -> Any:
    try:
        return decode(content)
    except BadRecord as error:
        assert str(error).isprintable()  # it will be shown
        return None


def paths(value: Any) -> list[tuple[Any, ...]]:
    """Return the path to every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((key, *path) for key, each in inner for path in paths(each))]


def with_value(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = value.copy()
    changed[path[0]] = with_value(value[path[0]], path[1:], new)
    return changed


def test_the_examples_are_read() -> None:
    assert result_from_bytes(RESULT.to_bytes()) == RESULT
    assert report_from_bytes(REPORT.to_bytes()) == REPORT
    assert partial_from(as_bytes(PARTIAL.to_content())) == PARTIAL
    assert spec_from_bytes(SPEC.to_bytes()) == SPEC
    assert _read(PUBLICATION.to_bytes()) == PUBLICATION


@EVERY_DECODER
@EFFORT
@given(content=st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
def test_a_decoder_of_any_bytes_refuses_them_as_a_bad_record(kind: str, content: bytes) -> None:
    assert decode_or_refuse(DECODERS[kind][0], content) is None


@EVERY_DECODER
@EFFORT
@given(data=st.data())
def test_a_decoder_of_a_record_with_any_field_changed_returns_a_value_or_bad_record(
    kind: str, data: st.DataObject
) -> None:
    decode, example = DECODERS[kind]
    raw = json.loads(example)
    changed = with_value(raw, data.draw(st.sampled_from(paths(raw))), data.draw(values))

    decode_or_refuse(decode, json.dumps(changed, sort_keys=True).encode())


@EVERY_DECODER
@pytest.mark.parametrize(
    "content", [b"[" * 200_000, b"[" * 200_000 + b"]" * 200_000, b'{"job":' * 100_000, b"1" * 100_000], ids=len
)
def test_nesting_and_digits_without_end_are_a_bad_record(kind: str, content: bytes) -> None:
    with pytest.raises(BadRecord):
        DECODERS[kind][0](content)


@EVERY_DECODER
def test_nesting_in_an_unknown_field_is_a_bad_record(kind: str) -> None:
    decode, example = DECODERS[kind]
    nested = example[:-1] + b', "zz": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"

    with pytest.raises(BadRecord, match="depth"):
        decode(nested)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"round": -1}, "round"),
        ({"round": True}, "round"),
        ({"errors": 10}, "errors"),
        ({"rows": 1 << 60}, "rows"),
        ({"weights_bytes": 1 << 62}, "weights_bytes"),
        ({"weights": ""}, "weights"),
        ({"weights": DIGEST.upper()}, "weights"),
        ({"moments": "zz"}, "hex"),
        ({"left_out": [2, 1]}, "left_out"),
        ({"left_out": [1, 1]}, "left_out"),
        ({"left_out": [-1]}, "left_out"),
        ({"job": "\x1b[2J"}, "job"),
        ({"more": 1}, "canonical"),
    ],
)
def test_a_result_out_of_range_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRecord, match=field):
        result_from_bytes(json.dumps(asdict(RESULT) | changes, sort_keys=True).encode())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"round": {}}, "round"),
        ({"seconds": "1"}, "seconds"),
        ({"seconds": -1.0}, "seconds"),
        ({"errors": {"n:1": "many"}}, "errors"),
        ({"errors": {"[red]\x1b": 0.1}}, "address"),
        ({"placement": []}, "placement"),
        ({"placement": {"a/b": "n:1"}}, "placement"),
        ({"driver": "a\nb"}, "driver"),
        ({"held_out": {"rows": -1}}, "rows is -1"),
        ({"held_out": {"rows": 1 << 70}}, "rows"),
        ({"held_out": {"rows": 5, "loss": 1 << 60}}, "loss"),
        ({"held_out": {"hidden": -2}}, "hidden"),
        ({"held_out": {"rows": 5, "cells": [[-100, 0, 5]]}}, "class is -100"),
        ({"held_out": {"rows": 5, "cells": [[0, 1 << 20, 5]]}}, "class"),
        ({"held_out": {"rows": 5, "cells": [[0, 0, 1 << 63]]}}, "rows of a cell"),
        ({"held_out": {"rows": 5, "cells": [[0, 0, 4], [0, 0, 4]]}}, "cell is twice"),
        ({"held_out": {"rows": 5, "sites": [{"site": "n:1", "rows": 6, "error": 0.5}]}}, "rows of a site"),
        ({"held_out": {"rows": 5, "sites": [{"site": "n:1", "rows": 5, "error": -0.5}]}}, "error"),
    ],
)
def test_a_report_out_of_range_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRecord, match=field):
        report_from_bytes(json.dumps(asdict(REPORT) | changes).encode())


def test_a_number_that_json_does_not_have_is_refused() -> None:
    for number in (b"NaN", b"Infinity", b"1e999"):
        with pytest.raises(BadRecord):
            report_from_bytes(REPORT.to_bytes().replace(b'"seconds": 1.0', b'"seconds": ' + number))


def test_a_disturbance_is_escaped_for_the_terminal_that_will_show_it() -> None:
    content = json.dumps(asdict(REPORT) | {"disturbances": ["\x1b[2J\nforged"]}).encode()

    assert report_from_bytes(content).disturbances == (r"\x1b[2J\nforged",)


def test_a_record_of_another_job_or_round_is_refused() -> None:
    for job, number in (("other", 3), ("job", 4)):
        with pytest.raises(BadRecord, match="another job or round"):
            result_from_bytes(RESULT.to_bytes(), job, number)
        with pytest.raises(BadRecord, match="another job or round"):
            report_from_bytes(REPORT.to_bytes(), job, number)
