"""client.py ring: started by one command, stopped by one, and nothing of it is left."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from pathlib import Path

import pytest

from roundelay.testing.waiting import until, wait_for_line
from tests.processes import client, client_here, end, marked, new_mark, start

COUNT = 5


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_one_command_starts_a_ring_and_one_signal_stops_it(number: signal.Signals, tmp_path: Path) -> None:
    mark = new_mark()
    running = start(tmp_path, "ring", "ring", str(COUNT), "--port", "0", "--bits", "8", "--json", mark=mark)
    try:
        shown = json.loads(wait_for_line(running, '"supernode"'))
        nodes = client("status", "--json", "--supernode", shown["supernode"]).json["nodes"]
        assert len(nodes) == shown["nodes"] == COUNT
        assert all(0 <= int(node["id"]) < 2**8 for node in nodes)  # so few bits are shown as decimals
        assert len(marked(mark)) == COUNT + 2

        code = end(running, number)

        assert code == (-signal.SIGKILL if number == signal.SIGKILL else 128 + number)
        until(lambda: not marked(mark), "no process is left")
        ports = [int(address.rpartition(":")[2]) for address in (shown["supernode"], *(n["address"] for n in nodes))]
        until(lambda: all(map(is_free, ports)), "every port is free")  # the kernel closes them when the process is gone
    finally:
        end(running)


def test_a_ring_that_loses_a_process_says_which_and_goes_on_until_no_node_is_left(tmp_path: Path) -> None:
    mark = new_mark()
    running = start(tmp_path, "ring", "ring", "2", "--port", "0", mark=mark)
    try:
        wait_for_line(running, "up after")
        first, second = (int(pid) for pid in re.findall(r"node \S+ is process (\d+)", running.text))

        os.kill(first, signal.SIGKILL)
        wait_for_line(running, f"(process {first}) has ended with code -9: 1 node left")
        assert running.is_running

        os.kill(second, signal.SIGKILL)
        assert running.wait() == 69
        assert "no node is left" in running.text
        until(lambda: not marked(mark), "no process is left")
    finally:
        end(running)


@pytest.mark.parametrize("count", ["0", "-1", "100000", "many"])
def test_a_count_that_cannot_be_is_refused(count: str) -> None:
    assert client_here("ring", count).code == 64
