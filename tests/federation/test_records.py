"""A job's records: what an untrusted node sends is parsed, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from roundelay.federation.errors import BadRecord
from roundelay.federation.records import RoundReport, RoundResult, blank_report, report_from_bytes, result_from_bytes

RESULT = RoundResult("job", 1, "", "aa" * 32, 4)
REPORT = blank_report("job", 1)
MALFORMED = [b"", b"{}", b"[]", b"null", b"\xff"]


def test_records_survive_being_written_and_read() -> None:
    assert result_from_bytes(RESULT.to_bytes()) == RESULT
    assert report_from_bytes(REPORT.to_bytes()) == REPORT


@pytest.mark.parametrize("parse", [result_from_bytes, report_from_bytes])
@pytest.mark.parametrize("content", MALFORMED)
def test_a_malformed_record_is_refused(parse: Callable[[bytes], RoundResult | RoundReport], content: bytes) -> None:
    with pytest.raises(BadRecord, match=r"^malformed (result|report) record: "):
        parse(content)


@pytest.mark.parametrize("changes", [{"weights": "no digest"}, {"round": "1"}, {"left_out": 5}, {"more": 1}], ids=str)
def test_a_result_with_a_malformed_field_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadRecord):
        result_from_bytes(json.dumps(json.loads(RESULT.to_bytes()) | changes).encode())
