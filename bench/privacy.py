"""Secure aggregation, what it costs, and the accountants of noise: `python -m bench privacy [--json]`.

Six sites train the shipped letters. For every set of sites that may be lost, the model from the secure sum is compared
with that from the plain one. A masked vector is tested for uniformity. Then six nodes with private files train a model
of 100,000 parameters in turn without and with secure aggregation, at the driver and along a tree; proxies count the
bytes.
"""

from __future__ import annotations

import itertools
import json
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from socket import socket
from statistics import median

import numpy as np
import numpy.typing as npt

from bench import report
from bench.figures import Limit, Line, Table
from bench.private_data import HELD_OUT, LETTERS, NAME, wait_published
from bench.secure_sites import Site, masked, masking_of, secure_sum, site
from roundelay.federation import result_sums, round_tasks, trained_round
from roundelay.federation.masker import Masker
from roundelay.federation.requests import Order, TrainingFile, trainer_task
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.ml import exact
from roundelay.ml.accountant import epsilon
from roundelay.ml.sliced import as_bytes
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of
from roundelay.testing.cluster import Cluster, free_port
from roundelay.testing.proxy import Faults, Proxy

SITES, THRESHOLD = 6, 4
PARAMETERS_LAYER = 2325  # units of the hidden layer: 16 features and 26 classes make 100,001 parameters
ROUNDS, JOBS = 8, 3
TOPOLOGIES = ("star", "tree")
TIME_MAX, BYTES_MAX = 1.3, 2.0
Words = npt.NDArray[np.uint64]
SIGMAS = 5.0  # how far a statistic of a uniform vector may lie from its mean


def main(arguments: Sequence[str]) -> int:
    return report.main("privacy", "Secure aggregation, and the accountants of differential privacy", measure, arguments)


def measure() -> list[Table]:
    sites, base, spec = _trained_sites()
    return [_dropped(sites, base, spec), _uniformity(sites), _accounts(), _costs()]


# --- the same model


def _trained_sites() -> tuple[list[Site], bytes, JobSpec]:
    """Train one file of the letters at each of six sites."""
    paths = sorted(path for path in LETTERS.iterdir() if path.is_file() and not path.suffix)[:SITES]
    contents = [path.read_bytes() for path in paths]
    files = tuple(
        TrainingFile(at, path.name, digest_of(content), len(content), content.count(b"\n"))
        for at, (path, content) in enumerate(zip(paths, contents, strict=True))
    )
    homes = tuple(f"site-{at}:1" for at in range(SITES))
    settings = Settings(rounds=1, hidden=(64,), secure_aggregation=True)
    spec = JobSpec(settings, files, _held_out(files[0]), 16, 26, pinned=NAME, homes=homes)
    worker = Worker()
    for file, content in zip(files, contents, strict=True):
        worker.add_file(file.digest, file.name, content, 16, 26)
    moments = worker.moments([file.digest for file in files]).moments().to_bytes()
    base = trained_round.first_weights(spec)
    task = round_tasks.training_task(spec, moments)
    sites = []
    for at, file in enumerate(files):
        update = worker.train(trainer_task(task, 1, (file,)), base)
        order = Order(spec.job, 1, (file,), task, digest_of(base), len(base))
        sites.append(site(at, order, as_bytes(update.sum), update.loss, update.accuracy))
    return sites, base, spec


def _held_out(file: TrainingFile) -> TrainingFile:
    """Return a file as the one to validate on."""
    return TrainingFile(SITES, "validation", file.digest, file.size_bytes, file.rows)


def _dropped(sites: list[Site], base: bytes, spec: JobSpec) -> Table:
    lost_sets = [s for count in range(SITES - THRESHOLD + 1) for s in itertools.combinations(range(SITES), count)]
    equal = Counter[str]()
    for (number, lost), topology in itertools.product(enumerate(lost_sets), TOPOLOGIES):
        there = [each for at, each in enumerate(sites) if at not in lost]
        rows = sum(file.rows for each in there for file in each.order.files)
        plain = as_bytes(result_sums.added(sites[0].order.task, [each.result for each in there]))
        secrets = [random.Random(number * SITES + at).randbytes(32) for at in range(SITES)]
        anew = [replace(each, masker=Masker(secret, time.time_ns)) for each, secret in zip(sites, secrets, strict=True)]
        models = {_model(base, total, rows, spec) for total in (plain, secure_sum(anew, THRESHOLD, lost, topology))}
        equal[topology] += len(models) == 1
    return Table(
        "The model is that of the plain sum",
        tuple(
            Line(
                f"{topology}: sets of lost sites with the same model_sha256",
                f"of {len(lost_sets)}",
                equal[topology],
                limit=Limit(len(lost_sets)),
            )
            for topology in TOPOLOGIES
        ),
        (
            f"{SITES} sites with one file of the shipped letters each, a threshold of {THRESHOLD}: every set of at "
            f"most {SITES - THRESHOLD} sites is lost after it has told its keys. In the tree, sites add the masked "
            "vectors of two others to their own, and the driver receives one sum.",
        ),
    )


def _model(base: bytes, total: bytes, rows: int, spec: JobSpec) -> str:
    """Return the digest of the weights that a sum leads to."""
    before, change = np.frombuffer(base, "<f4").astype(np.float32), np.frombuffer(total, "<i8").astype(np.int64)
    return digest_of(exact.mean(before, change, rows, exact.fraction_bits(spec.rows)).astype("<f4").tobytes())


# --- chance


def _uniformity(sites: list[Site]) -> Table:
    """Test one masked vector, and the difference of two of the same update for other sets of sites."""
    both = masking_of(sites, THRESHOLD), masking_of(sites[:5], THRESHOLD)
    sizes = [len(s) - m.box_bytes * len(m.sites) for m, s in ((m, masked(sites[0], m)) for m in both)]
    vectors = [np.frombuffer(masked(sites[0], m)[:size], "<u8") for m, size in zip(both, sizes, strict=True)]
    update = np.frombuffer(sites[0].result, "<u8")
    tested = {
        "a masked vector": vectors[0],
        "the difference of two maskings of one update": vectors[0] - vectors[1],
        "for comparison: the update itself": update,
    }
    lines = []
    for what, words in tested.items():
        worst = max(_bit_sigmas(words), _byte_sigmas(words), _serial_sigmas(words))
        limit = Limit(SIGMAS, at_least=False) if what in list(tested)[:2] else None
        lines.append(Line(what, "standard deviations from uniform", round(worst, 2), limit=limit))
    return Table(
        "A masked vector looks like chance",
        tuple(lines),
        ("The largest deviation of three statistics: set bits, frequencies of bytes, equal neighbours of bytes.",),
    )


def _bit_sigmas(words: Words) -> float:
    bits = np.unpackbits(words.view(np.uint8))
    return float(abs(bits.mean() - 0.5) / (0.5 / np.sqrt(bits.size)))


def _byte_sigmas(words: Words) -> float:
    counts = np.bincount(words.view(np.uint8), minlength=256)
    chi2 = float(((counts - counts.mean()) ** 2 / counts.mean()).sum())
    return abs(chi2 - 255) / float(np.sqrt(2 * 255))


def _serial_sigmas(words: Words) -> float:
    data = words.view(np.uint8)
    equal, expected = int((data[1:] == data[:-1]).sum()), (data.size - 1) / 256
    return float(abs(equal - expected) / np.sqrt(expected))


# --- the accountant

# By dp-accounting 0.6.0: RdpAccountant with its own orders, and PLDAccountant; tests/ml/test_accountant.py names the
# events.
ACCOUNTS = (
    (1.1, 0.01, 10_000, 1e-5, {"rdp": 5.632010670081592, "prv": 5.192620123878041}),
    (1.0, 1.0, 20, 1e-5, {"rdp": 30.12663110385034, "prv": 28.373473804682842}),
    (0.8, 0.1, 200, 1e-6, {"rdp": 19.16452927119198, "prv": 17.42560257818526}),
)


def _accounts() -> Table:
    """Compare what the accountants say with recorded values of dp-accounting."""
    lines = []
    for noise, sampled, rounds, delta, values in ACCOUNTS:
        for accountant, theirs in values.items():
            what = f"{accountant}: noise {noise:g}, sampled {sampled:g}, {rounds} rounds, delta {delta:g}"
            ours = epsilon(accountant, noise, rounds, delta, sampled)
            lines.append(Line(what, "epsilon", round(ours, 4), "dp-accounting 0.6.0", round(theirs, 4), ours / theirs))
            away = abs(ours / theirs - 1)
            lines.append(Line("away from it", "share", round(away, 5), limit=Limit(0.01, at_least=False)))
    return Table(
        "The accountants of differential privacy", tuple(lines), ("The values of dp-accounting are recorded.",)
    )


# --- costs


class CountingProxy(Proxy):
    """A proxy that counts the bytes that it forwards."""

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(target, random.Random(1), "127.0.0.2")
        self.bytes = 0

    def _forward(self, piece: bytes, sink: socket, faults: Faults) -> None:
        self.bytes += len(piece)
        super()._forward(piece, sink, faults)


def _costs() -> Table:
    secure = "--secure-aggregation"
    options = {"plain": (), "secure": (secure,), "secure, tree": (secure, "--topology", "tree")}
    seconds: dict[str, list[float]] = {what: [] for what in options}
    sent: dict[str, list[int]] = {what: [] for what in options}
    hashes: dict[int, set[str]] = {}
    with tempfile.TemporaryDirectory(prefix="roundelay-privacy-") as name, _ring(Path(name)) as (ring, proxies):
        for job, what in itertools.product(range(JOBS), options):
            before = sum(proxy.bytes for proxy in proxies)
            timing = Path(name) / "timing.txt"
            client = ring.start_client(
                "train", "--private", NAME, "--validation", str(HELD_OUT), "--rounds", str(ROUNDS), "--hidden",
                str(PARAMETERS_LAYER), "--seed", str(job), "--json", "--timing", str(timing), *options[what],
            )  # fmt: skip
            if client.wait() != 0:
                raise SystemExit(client.text)
            hashes.setdefault(job, set()).add(json.loads(client.out.read_text().splitlines()[-1])["model_sha256"])
            seconds[what] += [float(line.split()[-1]) for line in timing.read_text().splitlines()[2:]]
            sent[what].append(sum(proxy.bytes for proxy in proxies) - before)
    times, volumes = ({w: median(v) for w, v in each.items()} for each in (seconds, sent))
    return Table(
        "What it costs, with 100,001 parameters",
        (
            Line(
                "jobs with the same model_sha256 in all three ways",
                f"of {JOBS}",
                sum(len(h) == 1 for h in hashes.values()),
                limit=Limit(JOBS),
            ),
            Line("a round, plain", "ms", 1000 * times["plain"]),
            Line("a round, secure", "ms", 1000 * times["secure"]),
            Line("time", "secure : plain", times["secure"] / times["plain"], limit=Limit(TIME_MAX, at_least=False)),
            Line("a round, secure, along a tree", "ms", 1000 * times["secure, tree"]),
            Line("a job's bytes, plain", "MB", volumes["plain"] / 1e6),
            Line("a job's bytes, secure", "MB", volumes["secure"] / 1e6),
            Line("a job's bytes, secure, along a tree", "MB", volumes["secure, tree"] / 1e6),
            Line(
                "bytes", "secure : plain", volumes["secure"] / volumes["plain"], limit=Limit(BYTES_MAX, at_least=False)
            ),
        ),
        (
            f"{SITES} nodes with one private file each behind proxies on this machine, {JOBS} jobs of {ROUNDS} rounds "
            "each, in turn; medians. The bytes are all those to and from the nodes, copies of the models included.",
        ),
    )


@contextmanager
def _ring(folder: Path) -> Iterator[tuple[Cluster, list[CountingProxy]]]:
    """Start six nodes with one private file each, which are reached only through proxies that count."""
    ring, proxies = Cluster(folder / "ring"), []
    sources = sorted(path for path in LETTERS.iterdir() if path.is_file() and not path.suffix)
    with ExitStack() as stack:
        stack.callback(ring.stop)
        ring.start_supernode()
        for number in range(SITES):
            private, port = folder / f"private-{number}", free_port()
            private.mkdir()
            shutil.copy(sources[number], private)
            proxy = CountingProxy(("127.0.0.1", port))
            proxy.start()
            stack.callback(proxy.stop)
            proxies.append(proxy)
            ring.add_node("--advertise", "127.0.0.2", "--private", str(private), "--private-name", NAME, port=port)
        ring.wait_until_converged()
        wait_published(ring, SITES)
        yield ring, proxies
