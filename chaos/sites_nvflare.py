"""NVFlare under the cuts of `chaos sites`: its swarm learning, in which the sites aggregate in turn, and its server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import machine, nvflare
from chaos import sites_peers
from chaos.cuts import Cut
from chaos.sites_peers import PeerFound

TITLE = "NVFlare, swarm"
ABOUT = (
    "NVFlare trains the same rows and network with its swarm learning, in which a site that is drawn anew for each",
    "round aggregates, over mutual TLS, and its server is never cut off. Its settings are the defaults, except that a",
    "round counts every site, and that each wait for a site may last 10 minutes. A cut may delay the reply to a site's",
    "result until the next round's task comes: NVFlare then ends the learning of this site without an error, and the",
    "run waits for it in vain. Some runs of the same plan end so.",
)


def run(folder: Path, sites: int, rounds: int, hidden: str, plan: Sequence[Cut]) -> PeerFound | None:
    """Run NVFlare's job while its sites are cut off; None if NVFlare is not installed (make bench-peers)."""
    if (version := machine.peer_versions().get("nvflare")) is None:
        return None
    name = f"NVFlare {version}, swarm"
    return sites_peers.run(name, sites, rounds, plan, lambda hosts: nvflare.follow(folder, hosts, rounds, hidden))
