"""The plugins of examples/plugins, installed as a package: a job that names all of them, on real nodes."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from roundelay.chord.refs import NodeRef
from roundelay.federation.errors import BadSpec, WorkFailed
from roundelay.federation.placement import PlacementView, assign
from roundelay.federation.requests import TrainingFile
from roundelay.federation.rules import Tuning
from roundelay.federation.rules.steps import step_of
from roundelay.federation.settings import Settings
from roundelay.federation.topologies.groups import group_nodes
from roundelay.ml import plugins
from roundelay.ml.errors import DataError, PluginUnknown
from roundelay.ml.readers.dataset import ReadOptions, read
from tests.processes import ROOT

SOURCE = ROOT / "examples" / "plugins"
LINES_MAX = 30
TIMEOUT_S = 120.0
JOB = """
import sys, roundelay
import numpy as np
from pathlib import Path
data = Path(sys.argv[1])

def halfway(base, mean, state, tuning):
    return (base + mean) / 2, state

TRAINED = "nearest_centroid:NearestCentroid", "rmsprop:RMSProp", "focal:Focal"

class Sign:
    vectors = 0
    def step(self, weights, gradient, memory, now):
        weights -= np.float32(now.eta) * np.sign(gradient)

with roundelay.local_ring(2, plugins=[f"roundelay_examples.{name}" for name in TRAINED]) as ring:
    job = ring.train(data, dataset="svmlight", clients=4, partition="one-class", holdout=0.25, rounds=3, epochs=2,
                     model="nearest-centroid", rule="fedlion", server_eta=0.1, placement="by-size", topology="by-host")
    rows = list(job.rounds())
    settings = job.spec.settings
    print(settings.model, settings.rule, settings.placement, settings.topology)
    print(len(rows), rows[-1].validation_error, job.model().sha256)
    star = ring.train(data, dataset="svmlight", clients=4, partition="one-class", holdout=0.25, rounds=3, epochs=2,
                      model="nearest-centroid", rule="fedlion", server_eta=0.1)
    star.result()
    print(star.model().sha256)
    print(job.snapshot().reports[3].tiers)
    each = ring.train(data, dataset="svmlight", clients=4, holdout=0.25, rounds=1, rule="mean-around-median")
    print(each.result().rounds[-1].number, each.spec.needs)
    own = ring.train(data, dataset="svmlight", clients=4, holdout=0.25, rounds=1, rule=halfway, optimizer=Sign)
    print(own.result().rounds[-1].number, own.spec.settings.rule.startswith("roundelay_objects:halfway_"))
    steps = ring.train(data, dataset="svmlight", clients=4, holdout=0.25, rounds=5, optimizer="rmsprop", loss="focal",
                       eta=0.01, hidden=(8,))
    last = steps.result().rounds[-1]
    print(steps.spec.settings.optimizer, steps.spec.settings.loss, last.validation_error)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as pip would install it: the modules, and the entry points of pyproject.toml."""
    folder = tmp_path_factory.mktemp("site")
    project = tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]
    for package in ("roundelay_examples",):
        shutil.copytree(SOURCE / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    about = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in names.items())
        for group, names in project["entry-points"].items()
    ]
    (about / "entry_points.txt").write_text("\n".join(groups))
    return folder


@pytest.fixture
def importable(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the installed package importable here."""
    monkeypatch.syspath_prepend(installed)
    monkeypatch.setenv("ROUNDELAY_PLUGINS", "")
    yield installed
    for name in [name for name in sys.modules if name.startswith(("roundelay_examples", "of_a_test"))]:
        del sys.modules[name]


def test_there_is_an_example_of_every_kind_and_each_is_short(importable: Path) -> None:
    for kind in plugins.KINDS:
        installed = plugins.installed(kind)
        assert installed
        for full in installed.values():
            module = SOURCE / (full.partition(":")[0].replace(".", "/") + ".py")

            assert len(module.read_text().splitlines()) <= LINES_MAX
            assert ast.get_docstring(ast.parse(module.read_text()))


def test_jobs_name_plugins_of_every_kind_and_their_bits_do_not_depend_on_placement_and_topology(
    installed: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 120)
    x = rng.standard_normal((120, 3)) + 3 * y[:, None]
    lines = [
        f"{label} " + " ".join(f"{i}:{v:.4f}" for i, v in enumerate(row, 1)) for label, row in zip(y, x, strict=True)
    ]
    (tmp_path / "rows.svmlight").write_text("\n".join(lines))
    (tmp_path / "job.py").write_text(JOB)

    path = os.pathsep.join([str(installed), str(ROOT)])
    command = (sys.executable, "job.py", "rows.svmlight")
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=TIMEOUT_S
    )

    assert done.returncode == 0, done.stderr
    named, trained, by_star, tiers, each, own, steps = done.stdout.splitlines()
    assert named == (
        "roundelay_examples.nearest_centroid:NearestCentroid roundelay_examples.fedlion:fedlion "
        "roundelay_examples.by_size:by_size roundelay_examples.by_host:by_host"
    )
    rounds, error, sha256 = trained.split()
    assert rounds == "3" and float(error) < 0.2
    assert sha256 == by_star
    assert "level 0" in ast.literal_eval(tiers)  # which a star does not have
    assert (each, own) == ("1 each", "1 True")
    optimizer, loss, error = steps.split()
    assert (optimizer, loss) == ("roundelay_examples.rmsprop:RMSProp", "roundelay_examples.focal:Focal")
    assert float(error) < 0.2


def test_nobody_imports_a_plugin_that_was_not_allowed(importable: Path) -> None:
    (importable / "of_a_test.py").write_text("raise SystemExit('it was imported')")
    for take in (
        lambda: step_of("of_a_test:rule"),
        lambda: assign("of_a_test:policy", [FILE], VIEW),
        lambda: group_nodes("of_a_test:groups", (NODE,), 1),
        lambda: read(importable, ReadOptions("of_a_test:read")),
    ):
        with pytest.raises(PluginUnknown, match="not allowed here: start the node with --plugins of_a_test"):
            take()


NODE, OTHER = NodeRef(1, "127.0.0.1", 1), NodeRef(2, "127.0.0.1", 2)
FILE = TrainingFile(0, "a", "0" * 64, 100, 10)
VIEW = PlacementView((NODE,), {0: (NODE,)})
WRONG = """
def rule(base, mean, state, tuning): return mean[1:], b""
def policy(file, view, loads, count): return OTHER
def twice(nodes, number): return [nodes, nodes]
def lists(nodes, number): return [[[nodes]]]
def failing(*_): raise RuntimeError("three wishes")
"""


def test_a_rule_may_change_the_weights_that_it_is_given(importable: Path) -> None:
    (importable / "of_a_test.py").write_text(
        "def in_place(base, mean, state, tuning):\n    base += mean\n    return base, b''\n"
    )
    plugins.allow(["of_a_test"])
    base = np.frombuffer(bytes(12), np.float32)  # read-only, as those of a driver

    weights, _ = step_of("of_a_test:in_place")(base, np.ones(3, np.float32), b"", Tuning(1.0, 0.0))

    assert weights.tolist() == [1.0, 1.0, 1.0]
    assert not base.any()


def test_what_a_plugin_gets_wrong_ends_the_job_with_a_reason(importable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (importable / "of_a_test.py").write_text(f"OTHER = None\n{WRONG}")
    plugins.allow(["of_a_test"])
    module = __import__("of_a_test")
    monkeypatch.setattr(module, "OTHER", OTHER)
    base = np.zeros(3, np.float32)

    with pytest.raises(WorkFailed, match=r"rule of_a_test:rule returned weights of \(2,\)"):
        step_of("of_a_test:rule")(base, base, b"", Tuning(1.0, 0.0))
    with pytest.raises(WorkFailed, match="expected a live node"):
        assign("of_a_test:policy", [FILE], VIEW)
    with pytest.raises(WorkFailed, match="a node twice"):
        group_nodes("of_a_test:twice", (NODE, OTHER), 1)
    with pytest.raises(WorkFailed, match="of_a_test:lists failed: TypeError"):
        group_nodes("of_a_test:lists", (NODE, OTHER), 1)
    for take in (
        lambda: step_of("of_a_test:failing")(base, base, b"", Tuning(1.0, 0.0)),
        lambda: assign("of_a_test:failing", [FILE], VIEW),
        lambda: group_nodes("of_a_test:failing", (NODE,), 1),
    ):
        with pytest.raises(WorkFailed, match="of_a_test:failing failed: RuntimeError: three wishes"):
            take()
    with pytest.raises(DataError, match="three wishes"):
        read(importable, ReadOptions("of_a_test:failing"))


def test_a_setting_that_is_neither_shipped_nor_a_plugin_is_refused(importable: Path) -> None:
    with pytest.raises(BadSpec, match=r"expected one of fedavg, .*, MODULE:NAME"):
        Settings(rule="majority")
