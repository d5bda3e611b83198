"""The hub delays, limits and loses frames as its link says; the page of `bench wan` names each broken limit."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench import wan, wan_page
from bench.wan import SETTINGS, FlowerMeasured, Measured
from roundelay.testing.hub import BATCH, BUFFER_S, Link, Queue, Trips, call_in, wire_bytes
from roundelay.testing.namespaces import missing_for_distance, wide_area

ASK = """
import socket
with socket.create_connection(("10.77.0.1", int(input()))) as server:
    server.sendall(b"asked from afar")
"""


def frame(source: int, to: int, size: int = 1000) -> bytes:
    return bytes(BATCH.size) + (bytes([0] * 5 + [to]) + bytes([0] * 5 + [source])).ljust(size, b"\0")


def test_a_batch_takes_the_bytes_of_its_segments() -> None:
    ethernet_and_ip, tcp = 14 + 20, bytes(12) + b"\x80" + bytes(19)  # with 12 bytes of options
    payload = bytes(3 * 1448 + 1)
    batch = BATCH.pack(1, 1, 0, 1448, ethernet_and_ip, 16) + bytes(ethernet_and_ip) + tcp + payload

    assert wire_bytes(batch) == len(payload) + 4 * (ethernet_and_ip + len(tcp))
    assert wire_bytes(frame(0, 1)) == 1000


def test_a_frame_arrives_half_a_round_trip_after_its_uplink_has_sent_it() -> None:
    queue = Queue(Link(round_trip_s=0.2, mbit_s=0.8), 2)  # 100 kB/s

    queue.accept(0, frame(0, 1), now=0.0)
    queue.accept(0, frame(0, 1), now=0.0)

    assert queue.next_due == pytest.approx(0.11)
    assert [port for port, _ in queue.due(0.115)] == [1]
    assert queue.next_due == pytest.approx(0.12), "the second frame waited for the first"
    assert queue.sent == [2000, 0]


def test_a_hub_learns_where_an_address_is_and_sends_to_all_until_then() -> None:
    queue = Queue(Link(), 3)
    queue.accept(0, frame(0, 2), now=0.0)
    queue.accept(2, frame(2, 0), now=0.0)

    assert [port for port, _ in queue.due(0.0)] == [1, 2, 0]


def test_an_uplink_drops_what_its_buffer_cannot_hold() -> None:
    queue = Queue(Link(mbit_s=0.008), 2)  # a frame a second

    for _ in range(10):
        queue.accept(0, frame(0, 1), now=0.0)

    assert len(queue.due(100.0)) == 2 and queue.lost == 8 and BUFFER_S == 1.0


def test_a_hub_loses_the_share_of_its_link() -> None:
    queue = Queue(Link(loss=0.25), 2)

    for _ in range(1000):
        queue.accept(0, frame(0, 1), now=0.0)

    assert 200 < queue.lost < 300


def test_in_a_spike_nothing_arrives_and_then_all_in_order() -> None:
    queue = Queue(Link(round_trip_s=0.1), 2)
    first, second = frame(0, 1, 100), frame(0, 1, 200)

    queue.accept(0, first, now=0.0)
    queue.hold(until=2.0)
    queue.accept(0, second, now=1.0)

    assert queue.due(1.99) == []
    assert queue.due(2.0) == [(1, first), (1, second)]


def test_a_call_is_known_by_its_method() -> None:
    ethernet, ip, tcp = b"\0" * 12 + b"\x08\x00", b"\x45" + b"\0" * 8 + b"\x06" + b"\0" * 10, b"\0" * 12 + b"\x50"
    thrift = b"\0\0\0\x10" + b"\x80\x01\x00\x01" + b"\0\0\0\x04find"

    assert call_in(ethernet + ip + tcp + b"\0" * 7 + thrift) == "find"
    assert call_in(ethernet + ip + tcp + b"\0" * 7) == ""


@pytest.mark.skipif(bool(missing_for_distance()), reason=missing_for_distance())
def test_hosts_reach_each_other_through_the_hub_and_it_counts_their_bytes() -> None:
    serve = "import socket; s = socket.create_server(('10.77.0.1', 0)); print(s.getsockname()[1], flush=True)"
    with wide_area(2, Link(round_trip_s=0.01)) as area:
        with subprocess.Popen(
            [sys.executable, "-c", f"{serve}; print(s.accept()[0].recv(100).decode())"],
            stdout=subprocess.PIPE,
            text=True,
        ) as server:  # on this process's host
            assert server.stdout is not None
            port = server.stdout.readline()
            asker = [*area.hosts[1].wrapper(), sys.executable, "-c", ASK]
            subprocess.run(asker, input=port, text=True, check=True, timeout=60)
            assert server.stdout.readline() == "asked from afar\n"
        area.spike(0.0)
        area.change(Link())
        sent = area.counts()["sent"]

    assert sent[1] > 4 * len("asked from afar") and len(sent) == 2


def measured(**given: object) -> Measured:
    near = Measured(
        "loopback",
        "loopback",
        0.0,
        0.1,
        0.09,
        0.01,
        1.0,
        0.1,
        0,
        0,
        0,
        0,
        {},
        "m",
        30,
        3.0,
        ("o",),
        expected="m",
        nodes_shown=4,
    )
    return replace(near, **given)  # type: ignore[arg-type]


def far(**given: object) -> Measured:
    return measured(setting="50ms", network="50 ms", round_trip_s=0.05, mbit_s=100.0, **given)


def test_a_page_names_each_broken_limit() -> None:
    good = [measured(), far(beyond_s=0.19, start_trips=24)]
    slow = far(beyond_s=0.3, start_trips=25)
    narrow = measured(setting="50ms-narrow", mbit_s=2.0, busiest_bytes=200_000, next_bytes=50_000, round_s=1.4)

    assert wan_page.not_held(good) == []
    assert wan_page.not_held([measured(), slow, narrow]) == [
        "50ms: 0.30 s beyond training, limit 0.2 s",
        "50ms: first round after 26 round trips, limit 25",
        "50ms-narrow: 1.40 times as long as the bytes need",
    ]
    assert wan_page.not_held([measured(model="other")]) == ["loopback: its model is not that of loopback"]
    assert "Not held:" in wan_page.document([measured(), slow], [], "A machine.")
    assert "as on loopback, bit for bit" in wan_page.document(good, [], "A machine.")


def test_a_page_without_counts_names_the_limits_that_are_not_judged() -> None:
    jobs = [far(first_round_s=0.9), replace(far(jobs_s=9.0), setting="200ms")]
    counted = [replace(job, start_trips=24, status_trips=1, jobs_trips=2) for job in jobs]

    assert wan_page.not_held([measured(), *jobs]) == []
    assert wan_page.not_judged(counted) == []
    assert wan_page.not_judged([measured(), *jobs]) == [
        "50ms: first round after at most 25 round trips",
        "200ms: first round after at most 25 round trips",
        "200ms: status takes at most 4 round trips",
        "200ms: jobs takes at most 4 round trips",
    ]
    assert "Not judged, because not counted:" in wan_page.document(jobs, [], "A machine.")


def test_round_trips_that_were_counted_are_judged_with_that_to_the_supernode() -> None:
    job = replace(far(), setting="200ms", start_trips=25, status_trips=4, jobs_trips=3)

    assert wan_page.not_held([job]) == [
        "200ms: first round after 26 round trips, limit 25",
        "200ms: status takes 5 round trips, limit 4",
    ]
    assert wan_page.not_held([measured(), replace(job, first_round_s=0.9)]) == wan_page.not_held([job])


def test_calls_that_leave_within_a_round_trip_have_not_waited_for_one_another() -> None:
    trips = Trips(2)

    for now in (0.0, 0.1, 0.19, 0.2, 0.3, 0.5):
        trips.note(0, 0.2, now)
    trips.note(1, 0.2, 0.5)

    assert trips.counts == [3, 1]


def test_a_line_about_a_round_is_not_the_end_of_one() -> None:
    lines = ["round 1: training loss 4.4 is above that of guessing", "round 1 of 5: error 0.9000, 3.00 s", "round 2 of"]

    assert wan.ROUND_DONE.findall("\n".join(lines)) == ["round 1 of 5:"]


def test_bytes_are_counted_over_rounds_whose_orders_and_sums_are_both_in_them() -> None:
    """When a round is told, the orders of the next have left, and after the last one there are none."""
    orders = [2, 3, 4, 5, 5]  # when rounds 1 to 5 are told; the sums of as many rounds have come
    counts = [{"sent": [40 * each, 20 * done], "calls": {"order": each}} for done, each in enumerate(orders, 1)]

    assert wan._between(counts) == ([40, 20], {"order": 1})


def test_the_latest_figures_of_each_setting_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wan, "KEPT", tmp_path)
    flower = FlowerMeasured("50ms", "50 ms", why_not="not installed")

    wan._keep([measured(), far(deaths=("one",))], [flower])
    wan._keep([far(beyond_s=0.5)], [])

    assert wan._kept() == ([measured(), far(beyond_s=0.5)], [flower])


def test_every_setting_of_the_limits_is_measured() -> None:
    names = {setting.name for setting in SETTINGS}

    assert {*wan_page.BEFORE, *wan_page.BEYOND_MAX_S, "10MB", "spikes"} <= names
    assert json.dumps(far().to_json())
