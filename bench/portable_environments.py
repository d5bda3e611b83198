"""Environments in which portable arithmetic must give the same bits: other BLAS kernels, numpy versions, processors.

Each is a command that runs a Python, with variables of its environment. Those that must be built are kept in a folder.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.machine import ROOT

FOLDER = ROOT / "build" / "bench" / "portable"
KERNELS = ("Prescott", "Nehalem", "Sandybridge", "Haswell", "Zen", "SkylakeX")
THREADS = (1, 2, 4)
OLDEST = "1.26.4"
BUILD_S = 600
PACKAGES = ("python3-minimal", "libpython3-stdlib", "libstdc++6", "zlib1g")  # of Debian, for aarch64
EMULATOR = "qemu-user-static"
ARM_KERNELS = ("ARMV8", "NEOVERSEN1")  # those without SVE, which qemu computes very slowly
NO_SITE = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
CPU_FEATURES = """
try:
    from numpy._core._multiarray_umath import __cpu_dispatch__ as names, __cpu_features__ as found
except ImportError:
    from numpy.core._multiarray_umath import __cpu_dispatch__ as names, __cpu_features__ as found
print(*(name for name in names if found.get(name)))
"""


class NotBuilt(Exception):
    """An environment cannot be had here."""


@dataclass(frozen=True)
class Environment:
    """Where a job runs."""

    name: str
    python: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def wrapper(self) -> tuple[str, ...]:
        """A command that runs here what follows, but for the Python that it begins with."""
        variables = (f"{name}={value}" for name, value in self.variables.items())
        return "env", *variables, "sh", "-c", 'shift; exec "$0" "$@"', *self.python

    def run(self, arguments: list[str], seconds: float) -> str:
        """Return what a Python program prints. Raises NotBuilt."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("OPENBLAS_", "PYTHON"))}
        try:
            done = subprocess.run(
                [*self.python, *arguments],
                cwd=ROOT,
                env=env | NO_SITE | self.variables,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            raise NotBuilt((error.stderr.strip().splitlines() or [f"exit {error.returncode}"])[-1]) from error
        except subprocess.TimeoutExpired as error:
            raise NotBuilt(f"not ready after {seconds:.0f} s") from error
        return done.stdout


def here() -> Iterator[Environment]:
    """Yield the environments that this Python can make by itself."""
    python = (sys.executable,)
    plain = Environment("as installed", python)
    yield plain
    for kernel in KERNELS:
        yield Environment(f"OpenBLAS {kernel}", python, {"OPENBLAS_CORETYPE": kernel})
    for threads in THREADS:
        yield Environment(f"{threads} BLAS threads", python, {"OPENBLAS_NUM_THREADS": str(threads)})
    features = plain.run(["-c", CPU_FEATURES], BUILD_S).strip()
    yield Environment(f"numpy without {features}", python, {"NPY_DISABLE_CPU_FEATURES": features})


def numpy_version(version: str) -> Environment:
    """Return a virtual environment with another numpy; empty: the newest. Raises NotBuilt."""
    folder = FOLDER / f"numpy-{version or 'newest'}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        _call(sys.executable, "-m", "venv", str(folder))
        wanted = f"numpy=={version}" if version else "numpy"
        _call(str(python), "-m", "pip", "install", "-q", "--upgrade", wanted, "msgspec>=0.19,<1")
        (folder / "ready").touch()
    return Environment(f"numpy {version or 'newest'}", (str(python),))


def aarch64() -> Iterator[Environment]:
    """Yield an aarch64 Python under qemu-user, from Debian's packages and numpy's wheel. Raises NotBuilt."""
    folder = FOLDER / "aarch64"
    if not (folder / "ready").exists():
        _build_aarch64(folder)
    python = _write_launcher(folder)
    search = os.pathsep.join((str(folder / "site"), str(ROOT), sysconfig.get_path("purelib")))  # numpy is in the first
    for kernel in ARM_KERNELS:
        variables = {"PYTHONPATH": search, "OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": kernel}
        yield Environment(f"aarch64 {kernel}", (str(python),), variables)


def _write_launcher(folder: Path) -> Path:
    """Write what runs the emulated Python, which takes it for its own executable, so that its children are emulated."""
    emulator, root, launcher = folder / "emulator/usr/bin/qemu-aarch64-static", folder / "root", folder / "python"
    command = shlex.join([str(emulator), "-L", str(root)])
    launcher.write_text(f'#!/bin/sh\nexec {command} -0 "$0" {shlex.quote(str(root / "usr/bin/python3"))} "$@"\n')
    launcher.chmod(0o755)
    return launcher


def _build_aarch64(folder: Path) -> None:
    """Fetch and unpack packages; nothing is installed, and no root is needed."""
    for part in ("state/lists/partial", "cache/archives/partial", "root", "emulator", "site", "wheels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "state/status").touch()
    apt = ["apt-get", "-q", "-o", f"Dir::State={folder}/state", "-o", f"Dir::State::status={folder}/state/status"]
    apt += ["-o", f"Dir::Cache={folder}/cache", "-o", "Debug::NoLocking=1"]
    arm = [*apt, "-o", "APT::Architecture=arm64", "-o", "APT::Architectures::=arm64"]
    _call(*arm, "update")
    _call(*arm, "install", "-y", "--download-only", "--no-install-recommends", *PACKAGES)
    for archive in sorted((folder / "cache/archives").glob("*.deb")):
        _call("dpkg-deb", "-x", str(archive), str(folder / "root"))
    _call("apt-get", "-q", "download", EMULATOR, at=folder / "emulator")
    for archive in (folder / "emulator").glob("*.deb"):
        _call("dpkg-deb", "-x", str(archive), str(folder / "emulator"))
    version = next((folder / "root/usr/bin").glob("python3.*[0-9]")).name.removeprefix("python3.")
    platforms = [f"--platform=manylinux{tag}_aarch64" for tag in ("_2_28", "_2_17", "2014")]
    chosen = ["--only-binary=:all:", "--no-deps", f"--python-version=3.{version}", *platforms]
    _call(sys.executable, "-m", "pip", "download", "-q", *chosen, "-d", str(folder / "wheels"), "numpy", "msgspec")
    for wheel in (folder / "wheels").glob("*.whl"):
        _call(sys.executable, "-m", "zipfile", "-e", str(wheel), str(folder / "site"))
    (folder / "ready").touch()


def _call(*command: str, at: Path = ROOT) -> None:
    """Run a command. Raises NotBuilt with the last line that it wrote to stderr."""
    try:
        subprocess.run(command, cwd=at, check=True, capture_output=True, text=True, timeout=BUILD_S)
    except FileNotFoundError as error:
        raise NotBuilt(f"{command[0]} is not here: this needs Debian, or a system made from it") from error
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or [f"exit {error.returncode}"])[-1]
        raise NotBuilt(f"{command[0]}: {last}") from error
    except subprocess.TimeoutExpired as error:
        raise NotBuilt(f"{command[0]}: no answer after {BUILD_S} s") from error
