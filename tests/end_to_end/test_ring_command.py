"""client.py ring: started by one command, stopped by one, and nothing of it is left."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import pytest

from tests.processes import Running, client, client_here, marked, new_mark, until

COUNT = 5


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_one_command_starts_a_ring_and_one_signal_stops_it(number: signal.Signals, tmp_path: Path) -> None:
    mark = new_mark()
    running = Running("client.py", ["ring", str(COUNT), "--port", "0", "--bits", "8", "--json"], tmp_path, "ring", mark)
    try:
        shown = json.loads(running.line('"supernode"'))
        nodes = client("status", "--json", "--supernode", shown["supernode"]).json["nodes"]
        assert len(nodes) == shown["nodes"] == COUNT
        assert all(0 <= int(node["id"]) < 2**8 for node in nodes)  # so few bits are shown as decimals
        assert len(marked(mark)) == COUNT + 2

        code = running.end(number)

        assert code == (-signal.SIGKILL if number == signal.SIGKILL else 128 + number)
        until(lambda: not marked(mark), "no process is left")
        ports = [int(address.rpartition(":")[2]) for address in (shown["supernode"], *(n["address"] for n in nodes))]
        until(lambda: all(map(is_free, ports)), "every port is free")  # the kernel closes them when the process is gone
    finally:
        running.process.kill()
        running.wait()


def test_a_ring_that_loses_a_process_says_which_and_ends(tmp_path: Path) -> None:
    mark = new_mark()
    running = Running("client.py", ["ring", "2", "--port", "0"], tmp_path, "ring", mark)
    try:
        running.line("up after")
        victim = next(p for p in Path("/proc").glob("[0-9]*") if is_node(p, mark))
        signal_to(victim)

        assert running.wait() == 69
        assert "node.log ended with code -9" in running.text
        until(lambda: not marked(mark), "no process is left")
    finally:
        running.process.kill()
        running.wait()


def is_node(process: Path, mark: str) -> bool:
    try:
        return (
            mark.encode() in (process / "environ").read_bytes()
            and b"\0roundelay\0node\0" in (process / "cmdline").read_bytes()
        )
    except OSError:
        return False


def signal_to(process: Path) -> None:
    import os

    os.kill(int(process.name), signal.SIGKILL)


@pytest.mark.parametrize("count", ["0", "-1", "100000", "many"])
def test_a_count_that_cannot_be_is_refused(count: str) -> None:
    assert client_here("ring", count).code == 64
