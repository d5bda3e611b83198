"""No server at all: peers that find one another, and a client that enters through any of them."""

from __future__ import annotations

from pathlib import Path

from roundelay.testing.cluster import free_port
from roundelay.testing.waiting import until, wait_for_line
from tests.end_to_end.small_job import FILES, write_tiny
from tests.processes import client, end, start

FAST = ("--rounds", 2, "--epochs", 1, "--hidden", 8, "--topology", "tree", "--json")


def members(way_in: tuple[str, ...]) -> int:
    """So many nodes are met on the way round the ring; none, while it cannot be walked."""
    outcome = client("status", "--json", *way_in)
    return len(outcome.json["nodes"]) if outcome.code == 0 else 0


def test_a_ring_forms_and_trains_without_a_supernode(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    first, second, third = (free_port() for _ in range(3))
    running = []
    try:
        for number, (port, peer) in enumerate(((first, first), (second, first), (third, second))):
            arguments = [str(port), "--bootstrap", f"127.0.0.1:{peer}", "--quiet", "--end-with-parent"]
            running.append(start(tmp_path, f"node-{number}", "node", *arguments))
            wait_for_line(running[-1], "joined the ring")
        way_in = ("--bootstrap", f"127.0.0.1:{third}")
        until(lambda: members(way_in) == 3, "a ring of three")

        made = client("./letters", "validate_letters.txt", *FAST, *way_in, cwd=tmp_path).json

        assert (made["nodes"], made["files"], made["rounds"]) == (3, FILES, 2)

        apart = client("./letters", "validate_letters.txt", *FAST, "--topology", "gossip", *way_in, cwd=tmp_path).json

        assert len(apart["node_errors"]) == 3
        assert apart["history"][-1]["worst_node_error"] == max(apart["node_errors"].values())
    finally:
        for each in running:
            end(each)
