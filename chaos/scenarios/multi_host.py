"""Eight hosts train as one: each is addressed in another way, and one loses its link in a round.

Needs root and the ip command; without them the scenario is skipped.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from chaos.scenario import ScenarioResult, console_lines
from chaos.workload import Data, JobOptions
from roundelay.node.subprocesses import ROOT
from roundelay.testing.multi_host import MultiHostCluster
from roundelay.testing.namespaces import Host, missing, names_of, network
from roundelay.testing.waiting import TIMEOUT_S, Stuck, until

COUNT = 8
OPTIONS = JobOptions(rounds=8, epochs=5, hidden=256)
SLOW = "trainer.train.before=sleep:1"  # for every file
CUT_IN_ROUND = 2
MISSED = ("no answer within", "did not answer", "does not answer")  # what the client prints of a host that is away
LISTED = "node-*.ring.local,8001\n10.77.0.*,*\n[fd77::*],*\n"
LETTERS = Data(ROOT / "letters", ROOT / "letters" / "validate_letters.txt")


def eight_hosts_train_as_one(folder: Path) -> ScenarioResult:
    """Train the shipped letters on eight hosts; one loses its link until it is missed, and comes back."""
    fault = f"{COUNT} hosts: names, IPv4 and IPv6, any port; the link of one down in a round, and up again"
    promise = f"one ring of {COUNT} again, and the model that --local {COUNT} makes"
    if missing():
        return ScenarioResult(fault, promise, held=False, skipped=missing())
    expected = at_home(folder, LETTERS, OPTIONS)
    result, ring = train_across(folder, LETTERS, OPTIONS)
    figures = {
        "validation error": round(result["validation_error"], 4),
        "files": result["files"],
        "seconds": round(result["seconds"], 1),
        "model": result["model_sha256"][:16],
    }
    client = next(client for client in ring.clients if client.name == "train")
    same = result["model_sha256"] == expected["model_sha256"]
    return ScenarioResult(fault, promise, same, figures, console_lines(client, "again", "answer", "copies", "away"))


def at_home(folder: Path, data: Data, options: JobOptions) -> dict[str, Any]:
    """Run the same job with --local, on one host, and return what the client prints."""
    command = [sys.executable, str(ROOT / "client.py"), *training(data, options), "--local", str(COUNT)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def train_across(folder: Path, data: Data, options: JobOptions) -> tuple[dict[str, Any], MultiHostCluster]:
    """Form the ring, train, cut a host off and let it come back; return what the client printed, and the ring."""
    names = folder / "hosts"
    with network(COUNT) as hosts:
        ring = MultiHostCluster(folder, hosts, SLOW, node_options=("--quiet",), names=names)
        names.write_text(names_of(hosts))
        ring.node_list.write_text(LISTED)
        try:
            form(ring, data)
            return cut_in_a_job(ring, data, options), ring
        finally:
            ring.stop()


def form(ring: MultiHostCluster, data: Data) -> None:
    """Start all nodes at once; half of them see the training files on a shared file system."""
    ring.start_supernode()
    for host in ring.hosts:
        shared = ("--data-dir", str(data.folder)) if host.number % 2 else ()
        port, *how = place_of(host)
        ring.add_node_on(host, *how, "--insecure", *shared, port=int(port))
    until(partial(sees_all, ring, ring.hosts[0]), f"one ring of {COUNT}")


def place_of(host: Host) -> tuple[str, ...]:
    """Return port and options of a node: every way of giving an address is used."""
    forms = {
        3: ("0", "--host", "0.0.0.0"),  # found out from the route to the supernode
        4: ("0", "--host", host.ipv4),
        5: ("0", "--host", "::", "--advertise", host.ipv6),
        6: ("0", "--host", f"[{host.ipv6}]"),
        7: ("0", "--host", host.ipv6),
    }
    return forms.get(host.number, ("8001", "--host", host.name))


def cut_in_a_job(ring: MultiHostCluster, data: Data, options: JobOptions) -> dict[str, Any]:
    first, lost = ring.hosts[0], owner_elsewhere(ring, data)
    client = ring.start_client_on(first, *training(data, options))
    client.name = "train"
    until(lambda: f"round {CUT_IN_ROUND} of" in client.text, "some rounds")
    lost.cut()
    until(lambda: any(word in client.text for word in MISSED), "its link is missed")
    seen = client.text.count("\nround ")
    until(lambda: client.text.count("\nround ") > seen, "the others go on")
    lost.mend()
    assert client.wait() == 0, client.text
    for host in (first, lost):
        until(partial(sees_all, ring, host), f"one ring, seen from host {host.number}")
    found: dict[str, Any] = json.loads(client.out.read_text())
    return found


def owner_elsewhere(ring: MultiHostCluster, data: Data) -> Host:
    """Return a host other than the client's whose node owns a training file, so that it is missed when it is away."""
    first, *others = ring.hosts
    for file in sorted(path for path in data.folder.iterdir() if not path.suffix):
        lookup = ring.start_client_on(first, "lookup", file.name, "--json")
        assert lookup.wait() == 0, lookup.text
        owner = json.loads(lookup.out.read_text())["owner"]["address"].rpartition(":")[0].strip("[]")
        for host in others:
            if owner in (host.name, host.ipv4, host.ipv6):
                return host
    raise Stuck("every file is owned by the client's host")


def sees_all(ring: MultiHostCluster, where: Host) -> bool:
    return len(ring.nodes_seen(where)) == COUNT


def training(data: Data, options: JobOptions) -> tuple[str, ...]:
    return "train", str(data.folder), str(data.validation), *options.arguments, "--json"


SCENARIOS = (eight_hosts_train_as_one,)
