"""A ring whose processes run on different hosts, and what the ring looks like from each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster
from roundelay.testing.hub import Link
from roundelay.testing.namespaces import Host, WideArea, wide_area


class MultiHostCluster(Cluster):
    """The supernode is on the first host; `names` stands in for each host's /etc/hosts."""

    def __init__(
        self,
        folder: Path,
        hosts: tuple[Host, ...],
        failpoints: str,
        node_options: tuple[str, ...] = ("--quiet", "--register"),
        names: Path | None = None,
    ) -> None:
        where = "--host", hosts[0].ipv4, "--insecure"
        super().__init__(folder, failpoints=failpoints, supernode_options=where, node_options=node_options)
        self.hosts = hosts
        self._names = names
        self.supernode.wrapper = hosts[0].wrapper(names)

    def add_node_on(self, host: Host, *options: str, port: int = 0) -> ManagedProcess:
        """Start a node on a host. The options say how it listens."""
        return self.add_node(*options, port=port, wrapper=host.wrapper(self._names))

    def start_client_on(self, host: Host, subcommand: str, *arguments: str) -> ManagedProcess:
        client = self.process(f"client{len(self.clients)}-on-{host.number}")
        client.wrapper = host.wrapper(self._names)
        self.clients.append(client)
        client.start(subcommand, *arguments, "--supernode", str(self.supernode_address), "--nodes", str(self.node_list))
        return client

    def nodes_seen(self, host: Host) -> list[dict[str, Any]]:
        """Return the nodes as seen from a host, or nothing where the ring cannot be crawled."""
        return self._seen(host, "status", "nodes")

    def jobs_seen(self, host: Host) -> list[dict[str, Any]]:
        return self._seen(host, "jobs", "jobs")

    def _seen(self, host: Host, subcommand: str, key: str) -> list[dict[str, Any]]:
        client = self.start_client_on(host, subcommand, "--json")
        if client.wait() != 0:
            return []
        found: list[dict[str, Any]] = json.loads(client.out.read_text())[key]
        return found


@contextmanager
def far_cluster(
    folder: Path, count: int, link: Link, failpoints: str = "", trace: str = ""
) -> Iterator[tuple[MultiHostCluster, WideArea]]:
    """Start a ring of `count` nodes, each on a host of its own behind `link`; it ends with the block.

    The supernode, the clients and this process are on one more host. See `wide_area` for `trace`.
    """
    with wide_area(count + 1, link, trace) as area:
        ring = MultiHostCluster(folder, area.hosts, failpoints)
        try:
            ring.start_supernode()
            for host in area.hosts[1:]:
                ring.add_node_on(host, "--host", host.ipv4, "--insecure")
            ring.wait_until_converged()
            yield ring, area
        finally:
            ring.stop()
