"""Sites that blink: private sites that only dial out, each cut off five times, a trainer and a site killed.

    python -m chaos sites [--rounds R] [--sites N] [--longest S] [--seed S] [--json] [--out FILE]

Each site, and each of the ring's two nodes, is a host of its own: a network namespace, linked to one switch. The job is
run undisturbed first. Then every site is cut off in five rounds, for 2 to 60 seconds each. Every round must count every
site, no epoch may be trained twice but the one that a kill has cut, and the model must be the same. Then Flower and
NVFlare are cut off by the same plan, if they are installed (make bench-peers). Needs root and the ip command.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chaos import sites_flower, sites_nvflare
from chaos.cuts import CUTS, LONGEST_S, Cut, Cutter, plan_cuts
from chaos.sites_peers import PeerFound
from roundelay.node.subprocesses import ROOT, ManagedProcess
from roundelay.testing.cluster import trainers_of
from roundelay.testing.multi_host import MultiHostCluster
from roundelay.testing.namespaces import Host, missing, network
from roundelay.testing.waiting import POLL_S, Stuck, until

MEMBERS, SITES, ROUNDS = 2, 8, 20
PEERS = (sites_flower, sites_nvflare)
INSTALL = ("`make bench-peers` installs what is missing.", "")
WAIT_FOR = "10m"
HIDDEN = "512,512"  # on a quiet machine an epoch takes longer than the pause between two checkpoints
JOB = ("--epochs", "5", "--stop-when-no-better", "0")
RESTART_AFTER_S = 3.0  # a site that was killed
JOB_TIMEOUT_S = 3600.0
VALIDATION = ROOT / "letters" / "validate_letters.txt"
EPOCH = re.compile(r"round (\d+), (\S+), epoch (\d+): ")
ROUND = re.compile(r"^round (\d+) of", re.MULTILINE)
LEFT_OUT = re.compile(r"^ *round \d+: .* left out$", re.MULTILINE)  # a line about a wait says when that would be
KEY = re.compile(r"left out|waiting for|answers again|waited \d+ s")


@dataclass
class Found:
    """What came of a run."""

    rounds: int = 0
    sites: int = 0
    left_out: list[str] = field(default_factory=list)  # disturbances that name a site which a round went on without
    same_model: bool = False
    cuts: list[Cut] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    epochs: int = 0  # that were trained
    epochs_twice: dict[str, int] = field(default_factory=dict)  # by site
    undisturbed_s: float = 0.0
    seconds: float = 0.0
    model: str = ""
    waits: list[str] = field(default_factory=list)  # lines of the client
    peers: dict[str, PeerFound | None] = field(default_factory=dict)  # by the title of a column; None: not installed

    def not_held(self, rounds: int) -> list[str]:
        """Return what did not hold."""
        checks = {
            f"{self.rounds} of {rounds} rounds": self.rounds == rounds,
            f"left out: {'; '.join(self.left_out)}": not self.left_out,
            f"epochs trained twice: {self.epochs_twice}": sum(self.epochs_twice.values()) <= len(self.killed),
            "another model than undisturbed": self.same_model,
            f"{len(self.cuts)} cuts": len(self.cuts) == self.sites * CUTS,
        }
        return [what for what, holds in checks.items() if not holds]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos sites", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the job, at least 5 (default: %(default)s)")
    parser.add_argument("--sites", type=int, default=SITES, help="default: %(default)s")
    parser.add_argument("--longest", type=float, default=LONGEST_S, metavar="S", help="cut (default: %(default)g s)")
    parser.add_argument("--seed", type=int, default=1, help="of the cuts (default: %(default)s)")
    parser.add_argument("--hidden", default=HIDDEN, help="layers of the model (default: %(default)s)")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="keep what the processes print there")
    parser.add_argument("--json", action="store_true", help="print one line, one JSON object")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a document as well")
    chosen = parser.parse_args(arguments)
    if chosen.rounds < CUTS:
        parser.error(f"--rounds is {chosen.rounds}, expected {CUTS} or more: a site is cut once in a round")
    plan = plan_cuts(chosen.sites, chosen.rounds, chosen.longest, chosen.seed)
    if why := missing():
        print(f"chaos sites cannot run here: {why}", file=sys.stderr)
        return 69
    with tempfile.TemporaryDirectory(prefix="roundelay-sites-") as folder:
        options = ("--rounds", str(chosen.rounds), "--hidden", chosen.hidden)
        found = run(Path(folder), chosen.sites, options, plan, chosen.keep)
        for peer in PEERS:
            found.peers[peer.TITLE] = peer.run(Path(folder), chosen.sites, chosen.rounds, chosen.hidden, plan)
    broken = found.not_held(chosen.rounds)
    print(
        json.dumps(asdict(found) | {"seed": chosen.seed, "not_held": broken})
        if chosen.json
        else describe(found, broken)
    )
    if chosen.out:
        chosen.out.write_text(document(found, chosen.rounds, chosen.hidden, broken))
    return 1 if broken else 0


def describe(found: Found, broken: list[str]) -> str:
    """Return the result for people."""
    twice, killed = sum(found.epochs_twice.values()), ", ".join(found.killed)
    return "\n".join(
        [
            f"{found.rounds} rounds with {found.sites} sites, {len(found.cuts)} cuts, killed: {killed}",
            f"{found.epochs} epochs, of which {twice} were trained twice; {found.undisturbed_s:.0f} s undisturbed, "
            f"{found.seconds:.0f} s with the cuts",
            *(f"DOES NOT HOLD: {what}" for what in broken),
        ]
    )


def document(found: Found, rounds: int, hidden: str, broken: list[str]) -> str:
    """Return the document."""
    lengths_s = [cut.seconds for cut in found.cuts]
    rows = {
        "rounds": f"{found.rounds} of {rounds}",
        "sites left out of a round": "; ".join(found.left_out) or "none",
        "cuts": f"{len(found.cuts)}, of {min(lengths_s):.0f} to {max(lengths_s):.0f} s, {sum(lengths_s):.0f} s in sum",
        "killed with SIGKILL": "; ".join(found.killed),
        "epochs trained": found.epochs,
        "epochs trained twice": ", ".join(f"{count} at {site}" for site, count in found.epochs_twice.items()) or 0,
        "the model of an undisturbed run": "yes" if found.same_model else "NO",
        "seconds undisturbed, disturbed": f"{found.undisturbed_s:.0f}, {found.seconds:.0f}",
    }
    peers = {peer: found.peers.get(peer.TITLE) for peer in PEERS}
    titles = [its.name if its else peer.TITLE for peer, its in peers.items()]
    theirs = [its.rows(rounds) if its else dict.fromkeys(rows, "not installed") for its in peers.values()]
    return "\n".join(
        [
            "# Sites that blink",
            "",
            f"Written by `python -m chaos sites --hidden {hidden} --out docs/results/sites.md` on "
            f"{time.strftime('%Y-%m-%d')}; do not edit.",
            "",
            f"| what | found | {' | '.join(titles)} |",
            f"| --- | --- |{' --- |' * len(titles)}",
            *(
                f"| {what} | {value} | {' | '.join(column.get(what, '') for column in theirs)} |"
                for what, value in rows.items()
            ),
            "",
            f"Each of {found.sites} sites has a share of the shipped letters, and is a leaf (`--outbound`) in a",
            f"network namespace of its own; the ring has {MEMBERS} nodes. With `--wait-for {WAIT_FOR}` a site is",
            "waited for that is cut off, or was killed and started again. An epoch is trained twice if a kill",
            "comes before its checkpoint, which short epochs share.",
            "",
            *(line for peer, its in peers.items() if its for line in (*peer.ABOUT, "")),
            *(() if all(peers.values()) else INSTALL),
            f"What does not hold: {'; '.join(broken) or 'nothing'}.",
            "[privacy.md](../privacy.md#sites-that-are-cut-off) says how it works.",
            "",
        ]
    )


def run(folder: Path, sites: int, options: Sequence[str], plan: list[Cut], keep: Path | None) -> Found:
    """Form the ring, run the job undisturbed, then with cuts and kills."""
    with network(1 + MEMBERS + sites) as hosts:
        ring = MultiHostCluster(folder / "ring", hosts, failpoints="", node_options=("--quiet", "--insecure"))
        ring.node_list.write_text("10.77.0.*,*\n")
        try:
            places = form(ring, folder, sites)
            expected = train(ring, options, lambda client: None)
            disturber = Disturber(ring, places, plan)
            began = [len(site.text) for site, _ in places]
            made = train(ring, options, disturber.step)
            return judge(
                expected, made, disturber, [site.text[at:] for (site, _), at in zip(places, began, strict=True)]
            )
        finally:
            ring.stop()
            if keep is not None:
                ring.keep_logs(keep)


def form(ring: MultiHostCluster, folder: Path, sites: int) -> list[tuple[ManagedProcess, Host]]:
    """Start the supernode, the members and the sites, each of which has a share of the letters. Return the sites."""
    others = ring.hosts[1:]
    ring.start_supernode()
    for host in others[:MEMBERS]:
        ring.add_node_on(host, "--host", host.ipv4)
    places = []
    for number, host in enumerate(others[MEMBERS:]):
        data = folder / f"site-{number}"
        data.mkdir()
        (data / f"letters-{number}").write_text("".join(rows_of(number, sites)))
        state = ("--state-dir", str(folder / f"state-{number}"))
        private = ("--private", str(data), "--private-name", "wards", "--verbose", *state)
        places.append((ring.add_node_on(host, "--outbound", "--advertise", f"site-{number}", *private), host))
    for site, _ in places:
        site.ready()  # its port is that of its later lives
        until(lambda site=site: "serves the ring" in site.text, f"{site.name} serves the ring")  # type: ignore[misc]
    return places


def rows_of(number: int, sites: int) -> list[str]:
    """Return every row of the shipped letters that belongs to a site."""
    files = sorted(path for path in (ROOT / "letters").iterdir() if path.is_file() and not path.suffix)
    lines = [line for path in files for line in path.read_text().splitlines(keepends=True)]
    return lines[number::sites]


def train(
    ring: MultiHostCluster, options: Sequence[str], step: Callable[[ManagedProcess], None]
) -> tuple[ManagedProcess, float]:
    """Run the job from the first host; call `step` again and again meanwhile. Return the client, and the seconds."""
    options = (*JOB, *options, "--wait-for", WAIT_FOR, "--validation", str(VALIDATION))
    began = time.monotonic()
    client = ring.start_client_on(ring.hosts[0], "train", "--private", "wards", *options, "--json")
    while client.is_running:
        if time.monotonic() - began > JOB_TIMEOUT_S:
            raise Stuck(f"no end within {JOB_TIMEOUT_S:g} s: {client.last_line}")
        step(client)
        time.sleep(POLL_S)
    if client.wait() != 0:
        raise Stuck(f"the client ended with code {client.code}: {client.last_line}")
    return client, time.monotonic() - began


class Disturber:
    """Cuts links and kills processes in the rounds of a plan, while the job runs."""

    def __init__(self, ring: MultiHostCluster, places: Sequence[tuple[ManagedProcess, Host]], plan: list[Cut]) -> None:
        self.places = places
        self.killed: list[str] = []
        self.cutter = Cutter([host for _, host in places], plan)
        self._ring = ring
        self._restart_at: dict[int, float] = {}
        last = max(cut.round for cut in plan)
        self._kill_trainer_in, self._kill_site_in = last // 3, 2 * last // 3

    def step(self, client: ManagedProcess) -> None:
        """Do what is due now."""
        current = 1 + len(ROUND.findall(client.err.read_text(errors="replace")))
        self.cutter.step(current, has_begun="private files published" in client.text)
        self._kill(self.cutter.round, time.monotonic())

    def _kill(self, number: int, now: float) -> None:
        """Kill a trainer, and later a site, in the middle of an order; start the site again a little later."""
        if number >= self._kill_trainer_in and not self.killed and (site := self._in_training()) is not None:
            (trainer,) = trainers_of(self.places[site][0])
            os.kill(trainer, signal.SIGKILL)
            self.killed.append(f"the trainer of site {site} in round {number}")
        if number >= self._kill_site_in and len(self.killed) == 1 and (site := self._in_training()) is not None:
            self.places[site][0].kill()
            self._restart_at[site] = now + RESTART_AFTER_S
            self.killed.append(f"site {site} in round {number}")
        for site, due in [*self._restart_at.items()]:
            if now >= due:
                del self._restart_at[site]
                self._ring.restart(self.places[site][0])

    def _in_training(self) -> int | None:
        """Return a site that is in the middle of this round's order, after its first epoch."""
        for number, (site, _) in enumerate(self.places):
            ends = [int(end[3]) for end in EPOCH.finditer(site.text[-2000:]) if int(end[1]) == self.cutter.round]
            if site.is_running and ends and 2 <= max(ends) < 5 and number not in self.cutter.cut_off:
                return number
        return None


def judge(
    expected: tuple[ManagedProcess, float],
    made: tuple[ManagedProcess, float],
    disturber: Disturber,
    consoles: list[str],
) -> Found:
    """Compare a disturbed run with the undisturbed one."""
    results: list[dict[str, Any]] = [json.loads(client.out.read_text()) for client, _ in (expected, made)]
    client = made[0]
    epochs = [Counter(EPOCH.findall(text)) for text in consoles]
    return Found(
        results[1]["rounds"],
        len(consoles),
        LEFT_OUT.findall(client.text),
        results[0]["model_sha256"] == results[1]["model_sha256"],
        disturber.cutter.made,
        disturber.killed,
        sum(map(Counter.total, epochs)),
        {f"site {n}": twice for n, each in enumerate(epochs) if (twice := each.total() - len(each))},
        expected[1],
        made[1],
        results[1]["model_sha256"],
        [line.strip() for line in client.text.splitlines() if KEY.search(line) and not line.startswith("{")],
    )
