"""The benchmark of small calls leaves out checks that exist, and only while it measures without them."""

from __future__ import annotations

import socket

import pytest

from bench.echo_servers import UNCHECKED, without_checks
from bench.small_call import _batch_s, _parts, _table
from roundelay.chord.errors import Malformed
from roundelay.rpc import fields
from roundelay.rpc.gen.ttypes import Owners
from roundelay.rpc.transport import FramedSocket


def test_the_checks_are_left_out_only_in_the_block() -> None:
    checks = {name: getattr(fields, name) for name in UNCHECKED}

    with without_checks():
        fields.check_complete(Owners())
        fields.at_most("nodes", 100, 1)
    with pytest.raises(Malformed, match=r"Owners\.nodes is missing"):
        fields.check_complete(Owners())

    assert {name: getattr(fields, name) for name in UNCHECKED} == checks


def test_each_part_of_a_call_takes_some_time() -> None:
    with socket.socket() as unused:
        assert all(0 < part() < 0.1 for part in _parts(FramedSocket(unused, 1.0)).values())
    assert 0 <= _batch_s(lambda: None) < 0.1


def test_the_rest_of_a_call_is_what_no_part_has_taken_and_the_checks_share_is_of_each_turn() -> None:
    found = {
        "raw": [10e-6],
        "ours": [40e-6],
        "unchecked": [38e-6],
        "thrift": [30e-6],
        "codec": [4e-6],
        "values": [3e-6],
        "handler": [1e-6],
    }
    lines = {line.what: line for line in _table(found, "not installed").lines}

    share, ping = (
        lines["the checks of fields, on both sides: their share of the call"],
        lines["times as long as a ping-pong"],
    )
    assert share.ours == pytest.approx(0.05) and share.held
    assert ping.ratio == pytest.approx(4.0) and ping.held == "no"
    rest = next(line for what, line in lines.items() if what.endswith("(the rest)"))
    assert rest.ours == pytest.approx(40 - 10 - 4 - 3 - 1 - 2)
