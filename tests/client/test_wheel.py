"""The sdist, and the wheel built from it: one package, a ring of which trains beside modules of the same names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

import roundelay
from tests.end_to_end.small_job import write_tiny
from tests.processes import ROOT

TIMEOUT_S = 300.0
OTHERS = ("ml/__init__.py", "chord.py", "client.py", "cli/__init__.py", "node.py")
FAST = ("--rounds", "2", "--epochs", "1", "--hidden", "4", "--local", "2", "--json")


BUILD_SDIST = "from setuptools import build_meta; build_meta.build_sdist('..')"


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    source = folder / "source"
    source.mkdir()
    shutil.copytree(ROOT / "roundelay", source / "roundelay", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):  # a copy: building leaves a folder build/ behind
        shutil.copy(ROOT / name, source)
    if start(sys.executable, "-c", BUILD_SDIST, cwd=source).returncode:
        pytest.skip("building an sdist needs setuptools here")
    (found,) = folder.glob("roundelay-*.tar.gz")
    return found


@pytest.fixture(scope="module")
def environment(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment with the wheel that is built from the sdist, and with the dependencies of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "pip", "wheel", sdist, "--no-deps", "-w", folder, "-q")
    if start(*build).returncode and start(*build, "--no-build-isolation").returncode:
        pytest.skip("building a wheel needs a package index, or setuptools 70.1 here")
    made = folder / "environment"
    venv.create(made, with_pip=False)
    (wheel,) = folder.glob("roundelay-*.whl")
    run(sys.executable, "-m", "pip", "--python", made / "bin" / "python", "install", "--no-deps", "-q", wheel)
    yield made


def site_packages(environment: Path) -> Path:
    (found,) = environment.glob("lib/python*/site-packages")
    return found


def run(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = start(*words, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done


def start(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ROUNDELAY_"))}
    kept["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    return subprocess.run(
        list(map(str, words)), cwd=cwd, env=kept, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def test_the_sdist_has_the_package_its_licence_and_the_version_of_the_code(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert sdist.name == f"roundelay-{roundelay.__version__}.tar.gz"
    assert {"LICENSE", "README.md", "roundelay/py.typed", "roundelay/dashboard/page.js"} <= names


def test_the_wheel_installs_one_package_and_nothing_else(environment: Path) -> None:
    added = {path.name for path in site_packages(environment).iterdir() if path.suffix != ".dist-info"}

    assert added == {"roundelay"}
    assert (site_packages(environment) / "roundelay" / "dashboard" / "page.js").is_file()
    assert (site_packages(environment) / "roundelay" / "py.typed").is_file()
    assert {path.name for path in (environment / "bin").glob("roundelay*")} == {"roundelay"}


def test_an_installed_ring_trains_beside_modules_of_the_same_names(environment: Path, tmp_path: Path) -> None:
    (site_packages(environment) / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    for name in OTHERS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise ImportError('not ours')\n")
    letters = write_tiny(tmp_path)

    done = run(environment / "bin" / "roundelay", letters, "validate_letters.txt", *FAST, cwd=tmp_path)
    where = run(environment / "bin" / "python", "-c", "import roundelay; print(roundelay.__file__)", cwd=tmp_path)

    assert json.loads(done.stdout)["rounds"] == 2
    assert Path(where.stdout.strip()).is_relative_to(environment)
    version = run(environment / "bin" / "roundelay", "--version", cwd=tmp_path)
    assert version.stdout == f"roundelay {roundelay.__version__}\n"
    assert "usage: roundelay DIR FILE" in run(environment / "bin" / "roundelay", "--help", cwd=tmp_path).stdout
