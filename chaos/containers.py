"""Run deploy/compose.yaml in containers of this machine, as deploy/run.sh does, and disturb it.

    python -m chaos containers

Six nodes train while one container is killed and another stopped, while every process is replaced by one of another
image, and after the whole composition was stopped and started again. The model must be the one that the image gives
undisturbed, and every file must have all its copies. Takes docker with its compose plugin, or podman and
podman-compose. Where python:3.13-slim cannot be had, mmdebstrap makes a base image of Debian's packages. It works on a
copy of the project, and removes every container, volume, network and image that it made.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from chaos.engines import Outcome, clean_up_when_terminated, record
from roundelay.node.subprocesses import ROOT
from roundelay.testing.cluster import free_port
from roundelay.testing.waiting import Stuck, until

BASE = "python:3.13-slim"
OWN_BASE = "roundelay-check-base"
IMAGE = "roundelay-check"
PROJECT = "roundelay-check"
SUITE = "trixie"  # of Debian, for the base that is made here: it has the Python of the lock file
PACKAGES = "python3,python3-pip,passwd,ca-certificates"
NEEDED = ("pyproject.toml", "README.md", ".dockerignore", "roundelay", "deploy", "letters")
NODES = 6
COPIES = 3
PROCESSES_MAX = 4096  # of the user of all containers
ROUNDS = 440  # long ones
JOB = ("train", "./letters", "validate_letters.txt", "--epochs", "16", "--hidden", "128", "--keep", "last", "--rounds")
DISTURBANCES = (
    ("kill node-2", "start node-2"),
    ("stop node-4",),
    ("update",),
    ("stop", "up"),
)  # words of deploy/run.sh
JOB_S, PAGE_S, POLL_S = 900.0, 5.0, 1.0


@dataclass(frozen=True)
class Composition:
    """A copy of the project, whose composition has a name and an image of its own."""

    folder: Path
    engine: str
    base: str
    page_port: int
    rounds: int

    @property
    def environment(self) -> dict[str, str]:
        """The variables that give it a name, an image and a base of its own."""
        own = {"COMPOSE_PROJECT_NAME": PROJECT, "ROUNDELAY_IMAGE": IMAGE, "BASE": self.base}
        return os.environ | own | {"ROUNDELAY_PAGE_PORT": str(self.page_port)} | podman_limits(self.folder)

    @property
    def job(self) -> tuple[str, ...]:
        """The words of the client that trains."""
        return *JOB, str(self.rounds)

    def run(self, *words: str) -> str:
        """Return what deploy/run.sh prints for these words. Raises CalledProcessError."""
        command = [str(self.folder / "deploy" / "run.sh"), *words]
        return subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, text=True, check=True).stdout

    def client(self, *words: str) -> Any:
        """Return what the client prints as JSON, once the ring has answered. Raises Stuck."""
        return until(partial(self._client, *words), f"an answer to {' '.join(words)}", JOB_S, POLL_S)

    def _client(self, *words: str) -> Any:
        """Return None if a process of the ring does not answer in time, as on a loaded machine."""
        try:
            return json.loads(self.run("client", *words, "--json"))
        except subprocess.CalledProcessError as error:
            if error.returncode != os.EX_UNAVAILABLE:
                raise
            return None

    def round(self) -> int:
        """Return how many rounds of the latest job have ended."""
        jobs = self.client("jobs")["jobs"]
        return int(jobs[-1]["round"]) if jobs else 0

    def is_after(self, number: int) -> bool:
        """Return whether a later round of the latest job has ended. Raises Stuck if it was the last."""
        if number == self.rounds:
            raise Stuck("the job has ended before it was disturbed: train it for more --rounds")
        return self.round() > number

    def undisturbed(self) -> str:
        """Return the hash of the model that the image makes in one container."""
        letters = f"{self.folder / 'letters'}:/data/letters:ro"
        command = [self.engine, "run", "--rm", "--volume", letters, "--workdir", "/data", IMAGE, *self.job]
        command += ["--local", "3", "--json"]
        told = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, text=True, check=True).stdout
        return str(json.loads(told)["model_sha256"])

    def page_answers(self) -> bool:
        """Return whether the dashboard answers 303 with its token and 401 without."""
        token = (self.folder / "deploy" / "secret" / "dashboard-token").read_text()
        return [self._page_status(path) for path in (f"/?token={token}", "/")] == [303, 401]

    def _page_status(self, path: str) -> int:
        asked = http.client.HTTPConnection("127.0.0.1", self.page_port, timeout=PAGE_S)
        try:
            asked.request("GET", path)
            return asked.getresponse().status
        except OSError:
            return 0
        finally:
            asked.close()

    def remove(self) -> None:
        """Remove everything that was made."""
        subprocess.run([str(self.folder / "deploy" / "run.sh"), "down", "--volumes"], env=self.environment, check=False)
        made = [IMAGE, f"{IMAGE}-dashboard", *([OWN_BASE] if self.base == OWN_BASE else [])]
        subprocess.run([self.engine, "rmi", "--force", *made], stdout=subprocess.DEVNULL, check=False)
        stages = unnamed_images(self.engine, label_of(self.folder))  # and what `update` has replaced
        if stages:
            subprocess.run([self.engine, "rmi", "--force", *stages], stdout=subprocess.DEVNULL, check=False)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos containers", description=__doc__)
    parser.add_argument(
        "--base", default="", metavar="IMAGE", help=f"build from this image (default: {BASE}, or made here)"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the job (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    engine = "docker" if answers("docker", "info") else "podman"
    if why := missing(engine):
        print(f"the container run needs {why}", file=sys.stderr)
        return 69
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-containers-")))
        clean_up_when_terminated()
        copy_project(folder)
        label_stages(folder)
        base = chosen.base or base_image(engine, folder)
        composition = Composition(folder, engine, base, free_port(), chosen.rounds)
        stack.callback(composition.remove)
        outcome = disturbed(composition)
    record(outcome)
    print(outcome)
    return 0 if outcome.held else 1


def missing(engine: str) -> str:
    """Return what must be installed first; empty if nothing."""
    if engine == "docker":
        return "" if answers("docker", "compose", "version") else "docker's compose plugin"
    if not answers("podman", "info"):
        return "a container engine that runs: docker with its compose plugin, or  apt-get install podman"
    return "" if shutil.which("podman-compose") else "podman-compose: pip install podman-compose"


def answers(*command: str) -> bool:
    """Return whether a command is there and succeeds."""
    return shutil.which(command[0]) is not None and subprocess.run(command, capture_output=True).returncode == 0


def unnamed_images(engine: str, label: str) -> list[str]:
    """Return the ids of images with a label but without a name, such as the stages of a build."""
    listed = [engine, "images", "--filter", "dangling=true", "--filter", f"label={label}", "--quiet", "--no-trunc"]
    return subprocess.run(listed, stdout=subprocess.PIPE, text=True, check=True).stdout.split()


def label_of(folder: Path) -> str:
    """Return the label of the images that are built from this copy of the project."""
    return f"{PROJECT}={folder.name}"


def label_stages(folder: Path) -> None:
    """Label each stage of the copied Dockerfile, so that its images are told from those of other builds."""
    file = folder / "deploy" / "Dockerfile"
    file.write_text(re.sub(r"(?m)^FROM .*$", rf"\g<0>\nLABEL {label_of(folder)}", file.read_text()))


def copy_project(folder: Path) -> None:
    """Copy what the image is built from and what the composition mounts, without the project's own secrets."""
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("secret", "__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)


def base_image(engine: str, folder: Path) -> str:
    """Return the image to build from: the registry's, else one made of Debian's packages. Raises Stuck."""
    if answers(engine, "pull", BASE):
        return BASE
    if shutil.which("mmdebstrap") is None:
        raise Stuck(f"{BASE} cannot be pulled; without a registry, the container run needs  apt-get install mmdebstrap")
    root = folder / "base.tar"
    trust = "--customize-hook=copy-in /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs"  # as this machine does
    subprocess.run(["mmdebstrap", "--variant=minbase", trust, f"--include={PACKAGES}", SUITE, str(root)], check=True)
    subprocess.run([engine, "import", str(root), OWN_BASE], stdout=subprocess.DEVNULL, check=True)
    root.unlink()
    return OWN_BASE


def podman_limits(folder: Path) -> dict[str, str]:
    """Return a variable by which podman asks for no higher limits than this machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = [f"nofile={soft}:{hard}", f"nproc={PROCESSES_MAX}:{PROCESSES_MAX}"]
    settings = folder / "containers.conf"
    settings.write_text(f"[containers]\ndefault_ulimits = {json.dumps(limits)}\n")
    return {"CONTAINERS_CONF": str(settings)}


def disturbed(ring: Composition) -> Outcome:
    """Run the job, and do to its containers what may happen to them. Raises CalledProcessError, Stuck."""
    began = time.monotonic()
    ring.run("up")
    until(ring.page_answers, "the dashboard", JOB_S, POLL_S)
    expected = ring.undisturbed()
    job = ring.run("client", *ring.job, "--detach").split()[-1]
    for words in DISTURBANCES:
        before = ring.round()
        until(partial(ring.is_after, before), "another round", JOB_S, POLL_S)
        for word in words:
            ring.run(*word.split())
    found = ring.client("attach", job)["model_sha256"]
    until(lambda: not short_of_copies(ring), "all copies of all files", JOB_S, POLL_S)
    done = "one killed, one stopped, all replaced one by one, all stopped and started"
    what = f"{NODES} nodes; {done}; {ring.rounds} rounds"
    return Outcome(*versions(ring.engine), "make containers", what, found == expected, time.monotonic() - began)


def short_of_copies(ring: Composition) -> list[str]:
    """Return the files of the job that fewer than COPIES nodes hold."""
    nodes = ring.client("status")["nodes"]
    copies = Counter(key["name"] for node in nodes for key in node["keys"])
    return [path.name for path in (ROOT / "letters").iterdir() if copies[path.name] < COPIES]


def versions(engine: str) -> tuple[str, str]:
    """Return the name of the engine and the versions of it and of its compose."""
    compose = ("docker", "compose", "version", "--short") if engine == "docker" else ("podman-compose", "--version")
    said = [
        subprocess.run(c, capture_output=True, text=True, check=True).stdout for c in ((engine, "--version"), compose)
    ]
    return f"{engine} compose", "; ".join(each.strip().splitlines()[0] for each in said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
