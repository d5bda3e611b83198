"""The rates of calls, from the metrics of processes."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import replace

import pytest

from roundelay.chord.refs import Address
from roundelay.dashboard import meter
from roundelay.dashboard.call_counts import CallCounts, CallRates, parse_counts, rates_between
from roundelay.dashboard.calls_view import calls_scene
from roundelay.dashboard.meter import Meter
from roundelay.node.monitoring import Monitoring

TEXT = """# TYPE roundelay_info gauge
roundelay_info{node="127.0.0.1:8001",version="1.0"} 1.0
roundelay_call_seconds_bucket{call="NextHop",le="0.001",outcome="ok",side="served"} 9.0
roundelay_call_seconds_count{call="NextHop",outcome="ok",side="served"} 10.0
roundelay_call_seconds_sum{call="NextHop",outcome="ok",side="served"} 0.5
roundelay_call_seconds_count{call="Store",outcome="Lost",side="served"} 2.0
roundelay_call_seconds_sum{call="Store",outcome="Lost",side="served"} 0.1
roundelay_call_seconds_count{call="NextHop",outcome="ok",side="sent"} 5.0
roundelay_call_seconds_count{call="Find",outcome="NotFound",side="sent"} 1.0
roundelay_call_seconds_count{call="Collect",outcome="ok",side="served"} 4.0
roundelay_call_seconds_sum{call="Collect",outcome="ok",side="served"} 20.0
roundelay_call_bytes_total{call="Collect",direction="out",side="served"} 4.0e+06
roundelay_call_bytes_total{call="NextHop",direction="out",side="sent"} 500.0
roundelay_call_bytes_total{call="NextHop",direction="in",side="sent"} 700.0
roundelay_call_bytes_created{call="NextHop",direction="in",side="sent"} 1.7e+09
"""
COUNTS = CallCounts("127.0.0.1:8001", 3.0, 16.0, 6.0, 2.0, timed=12.0, timed_s=0.6, bytes_in=700.0, bytes_out=4000500.0)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no reading fail because this machine is busy."""
    monkeypatch.setattr(meter, "TIMEOUT_S", 60.0)
    monkeypatch.setattr(meter, "READING_S", 60.0)


def test_calls_are_added_up_and_neither_held_ones_are_timed_nor_ordinary_answers_failures() -> None:
    assert parse_counts(TEXT, 3.0) == COUNTS


@pytest.mark.parametrize("text", ["", "<html>", 'other_info{node="a:1"} 1.0'])
def test_metrics_of_other_programs_are_none(text: str) -> None:
    assert parse_counts(text, 0.0) is None


@pytest.mark.parametrize("written", ["nan", "inf", "rubbish"])
def test_a_count_that_is_not_a_number_counts_nothing(written: str) -> None:
    assert parse_counts(TEXT.replace(" 10.0", f" {written}"), 3.0) == replace(COUNTS, served=6.0, timed=2.0)


def test_rates_are_differences_over_the_time_between() -> None:
    later = replace(COUNTS, at=5.0, served=36.0, sent=7.0, timed=32.0, timed_s=0.7, bytes_in=1700.0)

    rates = rates_between(COUNTS, later)

    assert rates is not None and (rates.served, rates.sent, rates.failed) == (10.0, 0.5, 0.0)
    assert rates.mean_ms == pytest.approx(5.0)
    assert (rates.bytes_in, rates.bytes_out) == (500.0, 0.0)
    assert rates_between(later, COUNTS) is None
    assert rates_between(COUNTS, CallCounts("127.0.0.1:8001", 5.0, 1.0)) is None  # it was started again


def test_processes_stay_in_one_order_and_silent_ones_are_named() -> None:
    one, other = CallRates("a:1", 1.0, 0.0, 0.0, 2.0, 0, 10), CallRates("b:1", 4.0, 0.25, 0.0, 0.5, 1500, 2e9)

    scene = calls_scene({Address("a", 9): one, Address("b", 9): other, Address("c", 9): None})

    rows = [[scene.pieces[f"call-{at}-{column}"].text for column in range(7)] for at in (0, 1)]
    assert rows == [
        ["a:1", "1.0", "0.0", "0.0", "2.00 ms", "0 B", "10 B"],
        ["b:1", "4.0", "0.2", "0.0", "0.50 ms", "1.5 kB", "2.0 GB"],
    ]
    assert scene.pieces["silent"].text == "No metrics yet from c:9: see --metrics-port."
    assert not calls_scene({}).pieces


def test_a_meter_reads_over_http_and_a_process_that_goes_away_is_silent() -> None:
    texts = [TEXT, TEXT.replace(" 10.0", " 30.0")]
    server = Monitoring(Address("127.0.0.1", 0), lambda: texts.pop(0).encode(), str)
    server.start()
    times = [0.0, 2.0]
    reader = Meter([server.address], lambda: times.pop(0))

    reader.read()
    assert reader.rates == {server.address: None}
    reader.read()
    rates = reader.rates[server.address]
    assert rates is not None and rates.served == 10.0
    address = server.address
    server.stop()
    reader.read()
    assert reader.rates == {address: None}


def test_metrics_that_are_too_long_to_be_read_whole_count_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number may be cut off in its middle."""
    monkeypatch.setattr(meter, "TEXT_BYTES_MAX", len(TEXT))
    texts = [TEXT, TEXT + "\n"]
    server = Monitoring(Address("127.0.0.1", 0), lambda: texts.pop(0).encode(), str)
    server.start()
    reader = Meter([server.address], lambda: 3.0)

    reader.read()
    assert reader._counts == {server.address: COUNTS}
    reader.read()
    assert reader._counts == {server.address: None}
    server.stop()


def test_a_process_that_never_ends_its_answer_and_a_host_without_a_name_are_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def trickle() -> None:
        connection = listener.accept()[0]
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + TEXT.encode())
            while not stopped.wait(0.01):
                connection.sendall(b"\n")

    monkeypatch.setattr(meter, "READING_S", 0.1)
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=trickle, daemon=True).start()
        endless, nameless = Address(*listener.getsockname()), Address("a..b", 9)
        reader = Meter([endless, nameless], lambda: 0.0)

        reader.read()

    assert reader._counts == {endless: None, nameless: None}
