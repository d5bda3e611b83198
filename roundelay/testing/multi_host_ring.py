"""A ring whose processes run on different hosts: where each was started, and what the ring looks like from there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from roundelay.node.failpoints import VARIABLE
from roundelay.testing.cluster import Running, free_port
from roundelay.testing.namespaces import Host


class Spread:
    """The processes; the supernode is on the first host."""

    def __init__(self, folder: Path, hosts: tuple[Host, ...], failpoints: str, names: Path | None = None) -> None:
        self.folder = folder
        self.hosts = hosts
        self.node_list = folder / "compute_nodes.txt"
        self.running: list[Running] = []
        self.supernode = f"{hosts[0].ipv4}:{free_port()}"
        self._failpoints = failpoints
        self._names = names

    def start_supernode(self, *options: str) -> Running:
        host, _, port = self.supernode.rpartition(":")
        options = ("--host", host, "--port", port, "--state-dir", str(self.folder), "--register", *options)
        return self.start("supernode", "supernode.py", self.hosts[0], *options, "--end-with-parent")

    def start_node(self, where: Host, *options: str) -> Running:
        name = f"node{len(self.running)}-on-{where.number}"
        return self.start(name, "compute_node.py", where, *options, "--quiet", "--end-with-parent")

    def start_client(self, where: Host, *arguments: str) -> Running:
        name = f"client{len(self.running)}-on-{where.number}"
        return self.start(name, "client.py", where, *arguments, "--supernode", self.supernode)

    def start(self, name: str, script: str, where: Host, *arguments: str) -> Running:
        running = Running(name, script, self.folder)
        running.environment = {VARIABLE: self._failpoints}
        running.start([*arguments, "--nodes", str(self.node_list)], where.wrapper(self._names))
        self.running.append(running)
        return running

    def nodes_seen(self, where: Host) -> list[dict[str, Any]]:
        """The ring as it looks from there; nothing where it cannot be walked."""
        return self._seen(where, "status", "nodes")

    def jobs_seen(self, where: Host) -> list[dict[str, Any]]:
        return self._seen(where, "jobs", "jobs")

    def stop(self) -> None:
        for running in self.running:
            if running.is_running:
                running.kill()

    def _seen(self, where: Host, subcommand: str, key: str) -> list[dict[str, Any]]:
        asked = self.start_client(where, subcommand, "--json")
        if asked.wait() != 0:
            return []
        found: list[dict[str, Any]] = json.loads(asked.out.read_text())[key]
        return found
