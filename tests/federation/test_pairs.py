"""All pairs of settings: each either trains, to the very bits it has without a ring, or is refused with a reason."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from roundelay.federation import replay
from roundelay.federation.errors import BadSpec
from roundelay.federation.placement import POLICIES
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.federation.topologies import TOPOLOGIES
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of
from tests.federation.test_driver import CLASSES, CONTENTS, IDS, Job, make_spec

FEW = dict(sorted(CONTENTS.items())[:4])
BASE: dict[str, Any] = {"rounds": 2, "epochs": 1, "hidden": (3,), "batch": 8}
CHOICES: list[tuple[str, Any]] = [
    *(("placement", policy) for policy in POLICIES if policy != "hash"),
    *(("topology", topology) for topology in TOPOLOGIES if topology != "star"),
    *(("rule", rule) for rule in ("fedprox", "fedavgm", "fedadam", "fednova", "qfedavg", "median", "krum")),
    ("optimizer", "adam"),
    ("optimizer", "gd"),
    ("course", True),
    ("fraction", 0.4),
    ("quorum", 0.5),
    ("tiers", "a,b"),
    ("mu", 0.5),
    ("server_eta", 0.5),
    ("server_momentum", 0.5),
    ("hidden", (3, 2)),
    ("momentum", 0.0),
    ("seed", 7),
    ("model", "softmax"),
    ("dropout", 0.5),
    ("weighting", "balanced"),
]
PAIRS = [(a, b) for a, b in itertools.combinations(CHOICES, 2) if a[0] != b[0]]
LABELS = [int(row.rpartition(b",")[2]) for content in FEW.values() for row in content.split()]
CLASS_ROWS = tuple(map(LABELS.count, range(CLASSES)))
REASONS = (
    "--topology gossip",
    "--topology buffered",
    "--course-trainer",
    "--tiers",
    "--mu",
    "--server-eta",
    "--server-momentum",
    "needs --topology star",
    "counts the steps of --optimizer sgd and gd",
    "needs at least 3 files in a round",
)


def on_its_own(spec: JobSpec) -> bytes:
    worker = Worker()
    contents = {digest_of(content): content for content in FEW.values()}
    moments = replay.moments(spec, contents, worker)
    *_, weights = replay.rounds(spec, b"" if spec.settings.course else moments, worker)
    return weights


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: " ".join(f"{name}={value}" for name, value in pair))
def test_a_pair_works_or_is_refused_at_the_start(pair: tuple[tuple[str, Any], tuple[str, Any]]) -> None:
    try:
        settings = Settings(**BASE | dict(pair))
    except BadSpec as refusal:
        assert any(reason in str(refusal) for reason in REASONS), refusal
        return
    try:
        spec = replace(make_spec(settings, FEW), class_rows=(CLASS_ROWS if settings.weighting != "none" else ()))
    except BadSpec as refusal:
        assert any(reason in str(refusal) for reason in REASONS), refusal
        return

    if settings.topology == "buffered":
        return  # it needs orders side by side, which this ring carries out in turn: see test_buffered

    made = Job(IDS[:3], spec, FEW).drive()

    if settings.topology == "gossip":  # nearly equal: every node has a model of its own
        ours, expected = (np.frombuffer(weights, "<f4") for weights in (made, on_its_own(spec)))
        assert np.abs(ours - expected).max() < 0.2 * np.abs(expected).max()
    else:
        assert made == on_its_own(spec)


def test_exactly_the_expected_pairs_are_refused() -> None:
    refused = set()
    for pair in PAIRS:
        try:
            Settings(**BASE | dict(pair))
        except BadSpec:
            refused.add(frozenset(name for name, _ in pair))

    assert frozenset(("placement", "hidden")) not in refused
    assert frozenset(("topology", "quorum")) in refused
    assert frozenset(("course", "rule")) in refused
    assert frozenset(("course", "dropout")) in refused


@pytest.mark.parametrize("each", CHOICES, ids=lambda each: f"{each[0]}={each[1]}")
def test_private_data_takes_every_setting_that_neither_moves_nor_inspects_files(each: tuple[str, Any]) -> None:
    name, value = each
    try:
        settings = Settings(**BASE | {name: value})
    except BadSpec:
        return  # alone it is refused as well
    spec = make_spec(settings, FEW)

    if name in ("placement", "weighting"):
        with pytest.raises(BadSpec, match=f"--private cannot be combined with --{name} {value}"):
            replace(spec, pinned="wards", homes=("n:1",) * len(FEW))
    else:
        assert replace(spec, pinned="wards", homes=("n:1",) * len(FEW)).pinned == "wards"
