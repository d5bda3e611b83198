"""No server at all: peers that find one another, and a client that enters through any of them."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.end_to_end.small_job import FILES, write_tiny
from tests.processes import WALK_EVERY_S, Running, client, until

FAST = ("--rounds", 2, "--epochs", 1, "--hidden", 8, "--topology", "tree", "--json")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


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
            running.append(Running("compute_node.py", arguments, tmp_path, f"node-{number}"))
            running[-1].line("joined the ring")
        way_in = ("--bootstrap", f"127.0.0.1:{third}")
        until(lambda: members(way_in) == 3, "a ring of three", WALK_EVERY_S)

        made = client("./letters", "validate_letters.txt", *FAST, *way_in, cwd=tmp_path).json

        assert (made["nodes"], made["files"], made["rounds"]) == (3, FILES, 2)

        apart = client("./letters", "validate_letters.txt", *FAST, "--topology", "gossip", *way_in, cwd=tmp_path).json

        assert len(apart["node_errors"]) == 3
        assert apart["history"][-1]["worst_node_error"] == max(apart["node_errors"].values())
    finally:
        for each in running:
            each.end()
