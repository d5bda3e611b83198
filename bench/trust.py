"""What the default policy of a site with private data protects, and what it costs: `python -m bench trust [--json]`.

The imprint attack asks for rows of a private file, without a policy and with the default one. Then a job trains on the
shipped letters at four sites, without and with it. The noise is secret and new each time, so jobs are repeated.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from bench import report
from bench.figures import Limit, Line, Table
from bench.imprint import ATTACKS, ROWS, by_default, recovered, unprotected
from bench.private_data import FILES_EACH, HELD_OUT, NAME, NODES, share_out, wait_published
from roundelay.federation.site_policy import SitePolicy
from roundelay.testing.cluster import Cluster

ORDERS, ROUNDS, JOBS = 20, 20, 3
RECOVERED = f"rows of {ROWS}"


def main(arguments: Sequence[str]) -> int:
    return report.main("trust", "The default policy of a site with private data", measure, arguments)


def measure() -> list[Table]:
    return [_attacks(), _accuracy()]


def _attacks() -> Table:
    lines = []
    for name, (config, scale) in ATTACKS.items():
        lines.append(Line(f"{name}, without a policy", RECOVERED, recovered(config, scale, unprotected)))
        lines.append(_none_of(name, recovered(config, scale, by_default())))
    config, scale = ATTACKS["one batch"]
    lines.append(_none_of(f"one batch, the mean of {ORDERS} orders", recovered(config, scale, by_default(), ORDERS)))
    return Table(
        "Rows that the imprint attack recovers",
        tuple(lines),
        (
            "An order carries weights made so that differences of gradients are rows (bench/imprint.py).",
            "A row is recovered if each of its 16 features comes back to within one half.",
        ),
    )


def _none_of(name: str, rows: int) -> Line:
    return Line(f"{name}, with the default policy", RECOVERED, rows, limit=Limit(0, at_least=False))


def _accuracy() -> Table:
    errors = {"without a policy": _errors(""), "with the default policy": _errors("--policy")}
    policy = SitePolicy()
    return Table(
        "What the policy costs in accuracy",
        tuple(Line(f"{what}, mean of {JOBS} jobs", "validation error", mean(each)) for what, each in errors.items()),
        (
            f"{NODES} sites with {FILES_EACH} files of the shipped letters each, {ROUNDS} rounds, default settings.",
            f"The default policy: clip {policy.clip:g}, noise {policy.noise:g}.",
            *(f"{what}: {', '.join(f'{error:.4f}' for error in each)}." for what, each in errors.items()),
        ),
    )


def _errors(option: str) -> list[float]:
    """Return the validation errors of jobs on a ring of sites. option: that of a policy file, which is empty."""
    with tempfile.TemporaryDirectory(prefix="roundelay-trust-") as name:
        folder = Path(name)
        policy = folder / "default.toml"
        policy.touch()
        ring = Cluster(folder / "ring")
        try:
            ring.start_supernode()
            for private in share_out(folder, FILES_EACH):
                options = ("--private", str(private), "--private-name", NAME)
                ring.add_node(*options, *((option, str(policy)) if option else ()))
            ring.wait_until_converged()
            wait_published(ring, NODES)
            return [_error(ring, job) for job in range(JOBS)]
        finally:
            ring.stop()


def _error(ring: Cluster, job: int) -> float:
    """Train once. Jobs differ by their seed: the same one would only be read again."""
    options = ("--validation", str(HELD_OUT), "--rounds", str(ROUNDS), "--seed", str(job), "--json")
    client = ring.start_client("train", "--private", NAME, *options)
    if client.wait():
        raise SystemExit(client.text)
    return float(json.loads(client.out.read_text().splitlines()[-1])["validation_error"])
