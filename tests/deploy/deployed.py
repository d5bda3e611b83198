"""The commands that the files of deploy/ run in containers, parsed by the programs themselves."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from roundelay.cli import commands, main, parser_base
from roundelay.cli import compute_node as node_line
from roundelay.cli import dashboard as page_line
from roundelay.cli import supernode as supernode_line
from tests.processes import ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
RINGS = ("local", "secured", "private")  # kustomizations of a whole ring
JOBS = ("job", "job-secured")
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
SERVERS = ("supernode", "node")


def compose_file() -> dict[str, Any]:
    """Return compose.yaml with the defaults of its variables."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (DEPLOY / "compose.yaml").read_text())
    read: dict[str, Any] = yaml.safe_load(text)
    return read


COMPOSE = compose_file()


@dataclass(frozen=True)
class Command:
    """The command that a container runs: words of roundelay."""

    where: str
    words: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    mounts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.where}: {shlex.join(self.words)}"

    def parse(self, monkeypatch: pytest.MonkeyPatch) -> parser_base.Namespace:
        """Parse the command as the program would. Raises Exit for an unknown option."""
        for name in [name for name in os.environ if name.startswith("ROUNDELAY_")]:
            monkeypatch.delenv(name)
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value.replace("$(POD_NAME)", "roundelay-node-0"))
        word, *arguments = self.words
        made: Callable[..., parser_base.Parser] | None
        made = {"node": node_line.parser, "supernode": supernode_line.parser}.get(word) or commands.parser_of(word)
        assert made is not None, f"{self}: no such program"
        chosen = main.parse(made([]), arguments)
        if word == "dashboard":
            page_line.options_of(chosen)
        return chosen


def of_compose() -> Iterator[Command]:
    """Yield the command and the health check of each service."""
    for name, service in COMPOSE["services"].items():
        mounts = tuple(volume.split(":")[1] for volume in service.get("volumes", ()))
        mounts += tuple(f"/run/secrets/{secret}" for secret in service.get("secrets", ()))
        yield Command(f"compose {name}", tuple(service["command"]), service["environment"], mounts)
        if service["healthcheck"].get("test", [])[:2] == ["CMD", "roundelay"]:
            words = tuple(service["healthcheck"]["test"][2:])
            yield Command(f"healthcheck {name}", words, service["environment"], mounts)


def of_script() -> Iterator[Command]:
    """Yield what run.sh runs in containers."""
    script = (DEPLOY / "run.sh").read_text()
    for line in re.findall(r"^ *(?:client|.*exec \S+ \S+ roundelay) ([a-z][^>\n]*)", script, re.MULTILINE):
        yield Command("run.sh", tuple(shlex.split(line)))


def rendered(folder: str) -> list[dict[str, Any]]:
    """Return the manifests of a kustomization, patched as kustomize does."""
    return _render(KUBERNETES / folder)


def _render(folder: Path) -> list[dict[str, Any]]:
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    found: list[dict[str, Any]] = []
    for name in kustomization["resources"]:
        path = (folder / name).resolve()
        found += _render(path) if path.is_dir() else yaml.safe_load_all(path.read_text())
    for patch in kustomization.get("patches", ()):
        target = patch["target"]
        matching = [
            m
            for m in found
            if (target["kind"], target.get("name")) in ((m["kind"], m["metadata"]["name"]), (m["kind"], None))
        ]
        assert matching, f"{folder.name}: nothing is {target}"
        for manifest in matching:
            for operation in yaml.safe_load(patch["patch"]):
                _apply(manifest, **operation)
    return found


def _apply(manifest: Any, op: str, path: str, value: Any) -> None:
    """Apply one operation of a JSON patch (RFC 6902): add at the end of a list, or replace."""
    *parents, last = path.strip("/").split("/")
    for name in parents:
        manifest = manifest[int(name) if isinstance(manifest, list) else name]
    if op == "add":
        assert last == "-"
        manifest.append(value)
    else:
        assert op == "replace" and last in manifest
        manifest[last] = value


RENDERED = {folder: rendered(folder) for folder in (*RINGS, *JOBS)}


def pods(folder: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield every manifest that makes pods, and the only container of its pods."""
    for manifest in RENDERED[folder]:
        if "template" in manifest.get("spec", {}):
            (container,) = manifest["spec"]["template"]["spec"]["containers"]
            yield manifest, container


def of_kubernetes() -> Iterator[Command]:
    """Yield the commands of all pods."""
    for folder in RENDERED:
        for manifest, container in pods(folder):
            environment = {e["name"]: e["value"] for e in container["env"] if "value" in e}
            mounts = tuple(mount["mountPath"] for mount in container.get("volumeMounts", ()))
            yield Command(f"{folder} {manifest['metadata']['name']}", tuple(container["args"]), environment, mounts)


COMMANDS = [*of_compose(), *of_kubernetes(), *of_script()]
SERVING = [c for c in COMMANDS if c.words[0] in SERVERS]


def command(where: str) -> Command:
    """Return the command of a service or a pod."""
    return next(c for c in COMMANDS if c.where == where)
