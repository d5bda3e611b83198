"""Metrics, health and lines as JSON, as an operator's tools read them."""

from __future__ import annotations

import json
import re
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from roundelay.chord.refs import Address
from roundelay.cli.json_lines import as_json
from roundelay.dashboard.call_counts import HELD, REFUSALS
from roundelay.node.monitoring import CONNECTIONS_MAX, Monitoring
from roundelay.node.subprocesses import ManagedProcess
from roundelay.rpc.exchange import MeasuredCall
from roundelay.testing.waiting import until
from tests.processes import ROOT, start

HERE = Address("127.0.0.1", 0)
DASHBOARD = ROOT / "deploy" / "grafana-dashboard.json"
has_prometheus = pytest.mark.skipif(not find_spec("prometheus_client"), reason="needs prometheus-client")


@pytest.fixture
def reasons() -> dict[str, str]:
    return {"ready": "", "healthy": ""}


@pytest.fixture
def server(reasons: dict[str, str]) -> Iterator[Monitoring]:
    made = Monitoring(HERE, lambda: b"up 1\n", lambda: reasons["ready"], lambda: reasons["healthy"])
    made.start()
    yield made
    made.stop()


def get(server: Monitoring, path: str) -> tuple[int, str]:
    return fetched(f"http://{server.address}{path}")


def fetched(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_process_that_cannot_serve_yet_is_healthy_and_not_ready(server: Monitoring, reasons: dict[str, str]) -> None:
    assert get(server, "/readyz") == (200, "ok\n")
    reasons["ready"] = "has not joined the ring yet"
    assert get(server, "/readyz") == (503, "has not joined the ring yet\n")
    assert get(server, "/healthz") == (200, "ok\n")
    reasons["healthy"] = "the disk is full"
    assert get(server, "/healthz") == (503, "the disk is full\n")
    assert get(server, "/readyz?probe=1") == (503, "the disk is full\n")


def test_metrics_are_served_and_any_other_page_names_those_that_there_are(server: Monitoring) -> None:
    assert get(server, "/metrics") == (200, "up 1\n")
    assert get(server, "/") == (404, "there are /metrics, /healthz, /readyz\n")


def test_silent_connections_do_not_keep_others_out_for_long(server: Monitoring) -> None:
    silent = [socket.create_connection((server.address.host, server.address.port)) for _ in range(2 * CONNECTIONS_MAX)]
    for each in silent:
        each.close()
    until(lambda: answers(server), "the server answers again")


def answers(server: Monitoring) -> bool:
    try:
        return get(server, "/healthz")[0] == 200
    except OSError:
        return False


def test_a_line_as_json_names_the_job_and_round_that_it_is_about() -> None:
    found = json.loads(as_json("info", "job 907fa8d4, round 3: no live node has a, b: waiting", "127.0.0.1:8001"))

    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "info",
        "node": "127.0.0.1:8001",
        "job": "907fa8d4",
        "round": 3,
        "message": "job 907fa8d4, round 3: no live node has a, b: waiting",
    }
    assert "job" not in json.loads(as_json("info", "joined the ring as 00000000", "127.0.0.1:8001"))


@has_prometheus
def test_calls_and_their_bytes_are_counted_by_side_request_and_outcome() -> None:
    from roundelay.node.metrics import ProcessMetrics

    metrics = ProcessMetrics(
        lambda: "127.0.0.1:8001", lambda: {"ready": ("Ready", 1.0), "orders": ("Orders", {"done": 2.0})}
    )
    metrics.observe(MeasuredCall("served", "next_hop", "ok", 0.1, 50, 30))
    metrics.observe(MeasuredCall("sent", "find", "PeerFault", 0.1, 20, 0))
    metrics.observe(MeasuredCall("served", "unknown", "TApplicationException", 0.1, 0, 9))
    text = metrics.text().decode()
    assert 'roundelay_call_seconds_count{call="NextHop",outcome="ok",side="served"} 1.0' in text
    assert 'roundelay_call_seconds_count{call="Find",outcome="PeerFault",side="sent"} 1.0' in text
    assert 'roundelay_call_bytes_total{call="NextHop",direction="out",side="served"} 50.0' in text
    assert 'roundelay_call_bytes_total{call="NextHop",direction="in",side="served"} 30.0' in text
    assert 'roundelay_call_bytes_total{call="unknown",direction="in",side="served"} 9.0' in text
    assert 'roundelay_orders{state="done"} 2.0' in text and 'node="127.0.0.1:8001"' in text


def test_the_grafana_dashboard_leaves_out_the_calls_that_the_page_leaves_out() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in panels}

    (failed,) = asked["Calls sent that failed, by outcome"]
    assert set(re.findall(r'outcome!~"([^"]*)"', failed)[0].split("|")) == {"ok", *REFUSALS}
    for timed in asked["Time of a call sent, 50th and 99th percentile"]:
        assert set(re.findall(r'call!~"([^"]*)"', timed)[0].split("|")) == HELD


def test_the_grafana_dashboard_asks_for_metrics_that_there_are() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    queries = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    sources = (ROOT / "roundelay" / "node").glob("*.py")
    code = " ".join(path.read_text() for path in sources)

    names = set(re.findall(r"roundelay_[a-z_]+", queries))
    assert names
    for name in names:
        stem = name.removeprefix("roundelay_").removesuffix("_bucket").removesuffix("_count").removesuffix("_sum")
        stem = stem.removesuffix("_total")
        assert f'"{stem}"' in code or f'"roundelay_{stem}"' in code, name


@pytest.fixture
def supernode(tmp_path: Path) -> Iterator[ManagedProcess]:
    options = ("--port", "0", "--metrics-port", "0", "--log-format", "json") if find_spec("prometheus_client") else ()
    made = start(
        tmp_path, "supernode", "supernode", "--register", *(options or ("--port", "0", "--log-format", "json"))
    )
    yield made
    made.kill()


def test_a_process_writes_lines_as_json_and_its_stacks_at_sigusr1(supernode: ManagedProcess) -> None:
    until(lambda: "listening" in supernode.text, "the supernode is up")
    supernode.kill(signal.SIGUSR1)
    until(lambda: "Thread 0x" in supernode.text, "its stacks")

    assert supernode.is_running
    lines = [json.loads(line) for line in supernode.out.read_text().splitlines()]
    assert any(line["message"].startswith("supernode listening at") for line in lines)
    assert {line["level"] for line in lines} == {"info"}


@has_prometheus
def test_a_node_serves_its_state_to_prometheus(supernode: ManagedProcess, tmp_path: Path) -> None:
    node = start(tmp_path, "node", "node", "0", "--register", "--metrics-port", "0", "--quiet")
    try:
        until(lambda: "joined the ring" in node.text, "the node joins")
        (address,) = re.findall(r"metrics at (http://\S+)/metrics", node.text)
        until(lambda: fetched(f"{address}/readyz") == (200, "ok\n"), "the node is ready")
        found = fetched(f"{address}/metrics")[1]
        (theirs,) = re.findall(r"metrics at (http://\S+)/metrics", supernode.text)
        members = fetched(f"{theirs}/metrics")[1]
    finally:
        node.kill()

    assert "roundelay_ready 1.0" in found and 'roundelay_orders{state="queued"} 0.0' in found
    assert 'roundelay_call_seconds_count{call="Admit",outcome="ok",side="sent"} 1.0' in found
    assert 'roundelay_call_bytes_total{call="Admit",direction="in",side="sent"}' in found
    assert 'roundelay_call_seconds_count{call="Admit",outcome="ok",side="served"} 1.0' in members
    assert "roundelay_ring_members 1.0" in members
