"""Flower under the cuts of `chaos sites`: a SuperLink, and a SuperNode at each site."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import flower, machine
from chaos import sites_peers
from chaos.cuts import Cut
from chaos.sites_peers import PeerFound

TITLE = "Flower, deployed"
ABOUT = (
    "Flower trains the same rows and network with FedAvg, a SuperLink and one SuperNode for each site, all with",
    "default settings; a round waits 10 minutes for replies. Its sites are cut off by the same plan, and none is",
    "killed. A round that has begun while a site is away goes on without it if the SuperLink answers for the site.",
)


def run(folder: Path, sites: int, rounds: int, hidden: str, plan: Sequence[Cut]) -> PeerFound | None:
    """Run Flower's app while its sites are cut off; None if Flower is not installed (make bench-peers)."""
    if (version := machine.peer_versions().get("flwr")) is None:
        return None
    name = f"Flower {version}, deployed"
    return sites_peers.run(name, sites, rounds, plan, lambda hosts: flower.follow(folder, hosts, rounds, hidden))
