"""The files of deploy/ agree with this project: commands, options, ports and paths; the manifests are valid.

No container engine is needed: the programs themselves parse what the containers would run.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.requirements_of import requirements
from roundelay.chord.refs import Address
from roundelay.cli import commands, main, parser_base
from roundelay.cli import compute_node as node_line
from roundelay.cli import dashboard as page_line
from roundelay.cli import supernode as supernode_line
from roundelay.cli.legacy_arguments import translate
from roundelay.client.requests import RingAddress
from roundelay.dashboard.options import DashboardOptions
from roundelay.node import addresses
from roundelay.node.options import SUPERNODE_PORT
from roundelay.node.subprocesses import ManagedProcess, stop_all
from roundelay.testing.namespaces import missing, network
from roundelay.testing.waiting import until
from tests.processes import ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
MANIFESTS = [
    manifest
    for path in sorted(KUBERNETES.glob("*.yaml"))
    if path.name != "kustomization.yaml"
    for manifest in yaml.safe_load_all(path.read_text())
]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
PAGE = ("client.py", "dashboard")


@dataclass(frozen=True)
class Command:
    """The command that a container runs."""

    where: str
    words: tuple[str, ...]  # without python
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
        if self.words[:2] == PAGE:
            shown = main.parse(page_line.parser([]), self.words[2:])
            page_line.options_of(shown)
            return shown
        script, *arguments = self.words
        made: Callable[..., parser_base.Parser] | None
        made = {"supernode.py": supernode_line.parser, "compute_node.py": node_line.parser}.get(script)
        if script == "client.py":
            word, *rest = arguments
            line, arguments = (word, rest) if word in commands.WORDS else ("train", translate(arguments))
            made = commands.parser_of(line)
        assert made is not None, f"{self}: no such program"
        return main.parse(made([]), arguments)


def of_compose() -> Iterator[Command]:
    for name, service in COMPOSE["services"].items():
        words = (*service.get("entrypoint", ["python"])[1:], *service["command"])
        mounts = tuple(volume.split(":")[1] if ":" in volume else volume for volume in service.get("volumes", ()))
        mounts += tuple(f"/run/secrets/{secret}" for secret in service.get("secrets", ()))
        yield Command(f"compose {name}", words, service["environment"], mounts)


def pods() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield every manifest that makes pods, and the only container of its pods."""
    for manifest in MANIFESTS:
        if "template" in manifest.get("spec", {}):
            (container,) = manifest["spec"]["template"]["spec"]["containers"]
            yield manifest, container


def of_kubernetes() -> Iterator[Command]:
    for manifest, container in pods():
        name = manifest["metadata"]["name"]
        environment = {e["name"]: e["value"] for e in container["env"] if "value" in e}
        mounts = tuple(mount["mountPath"] for mount in container.get("volumeMounts", ()))
        yield Command(f"kubernetes {name}", tuple(container["args"]), environment, mounts)
        probe = container.get("readinessProbe")
        if probe:
            yield Command(f"readiness {name}", tuple(probe["exec"]["command"][1:]), environment)


def of_image() -> Iterator[Command]:
    for kind in ("HEALTHCHECK", "CMD"):
        for found in re.findall(rf"^(?:{kind}.*)(\[.*\])$", DOCKERFILE, re.MULTILINE):
            words = [word for word in json.loads(found) if word != "python"]
            if words != ["client.py", "--help"]:
                yield Command(f"Dockerfile {kind}", tuple(words))


def of_script() -> Iterator[Command]:
    for line in re.findall(r"^compose run --rm client (.*)$", (DEPLOY / "run.sh").read_text(), re.MULTILINE):
        yield Command("run.sh", ("client.py", *shlex.split(line)))


COMMANDS = [*of_compose(), *of_kubernetes(), *of_image(), *of_script()]
SERVING = [c for c in COMMANDS if c.words[0] in ("supernode.py", "compute_node.py")]


def test_all_commands_are_found() -> None:
    assert {c.where.split()[0] for c in COMMANDS} == {"compose", "kubernetes", "readiness", "Dockerfile", "run.sh"}
    assert len(COMMANDS) >= 12


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_option_and_variable_exists(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    module = command.words[1].replace(".", "/") if command.words[0] == "-m" else ""
    assert (ROOT / (f"{module}/__main__.py" if module else command.words[0])).is_file()
    command.parse(monkeypatch)


@pytest.mark.parametrize("command", [c for c in COMMANDS if "ROUNDELAY_SUPERNODE" in c.environment], ids=str)
def test_every_command_names_the_supernodes_address(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = {"supernode": supernode_port(COMPOSE["services"]["supernode"]["environment"])}
    for service in (m for m in MANIFESTS if m["kind"] == "Service"):
        ports[service["metadata"]["name"]] = service["spec"]["ports"][0]["port"]

    given = command.parse(monkeypatch).supernode

    assert ports[given.host] == given.port == SUPERNODE_PORT


def supernode_port(environment: dict[str, str]) -> int:
    return int(environment["ROUNDELAY_PORT"])


@pytest.mark.parametrize("command", SERVING, ids=str)
def test_every_path_that_a_container_uses_is_mounted(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = command.parse(monkeypatch)

    assert str(chosen.state_dir) in command.mounts
    if command.words[0] == "supernode.py":
        assert any(chosen.nodes.is_relative_to(mount) for mount in command.mounts)
        assert chosen.nodes.name == "compute_nodes.txt"


@pytest.mark.parametrize("command", SERVING, ids=str)
def test_every_process_listens_for_other_hosts(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert addresses.is_everywhere(command.parse(monkeypatch).host)


def test_composes_dashboard_is_reached_at_its_names_and_only_from_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    service = COMPOSE["services"]["dashboard"]
    chosen = next(c for c in COMMANDS if c.where == "compose dashboard").parse(monkeypatch)
    ((host, outside, inside),) = [port.split(":") for port in service["ports"]]

    assert host == "127.0.0.1"
    assert int(outside) == int(inside) == chosen.port
    assert {host, "localhost"} <= set(page_line.options_of(chosen).names)
    assert addresses.is_everywhere(chosen.host)
    assert f"'127.0.0.1', {chosen.port}" in service["healthcheck"]["test"][-1]


def test_the_script_makes_one_token_and_shows_the_dashboards_address_with_it(tmp_path: Path) -> None:
    """Docker is replaced by a script that prints its arguments."""
    shutil.copytree(DEPLOY, tmp_path / "deploy", ignore=shutil.ignore_patterns("secret", "__pycache__"))
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text('#!/bin/sh\necho "$@"\n')
    docker.chmod(0o755)
    token = tmp_path / "deploy" / COMPOSE["secrets"]["dashboard-token"]["file"]

    said = [
        subprocess.run(
            [tmp_path / "deploy" / "run.sh"],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": f"{docker.parent}:{os.environ['PATH']}"},
        ).stdout
        for _ in range(2)
    ]

    port = COMPOSE["services"]["dashboard"]["environment"]["ROUNDELAY_PORT"]
    assert f"dashboard at http://localhost:{port}/?token={token.read_text()}\n" in said[0]
    assert said[0] == said[1]
    assert (token.parent.stat().st_mode & 0o777, token.stat().st_mode & 0o777) == (0o700, 0o644)
    assert DashboardOptions(RingAddress(), token_file=token).token() == token.read_text()


def test_the_files_that_compose_builds_and_mounts_exist() -> None:
    for build in (service["build"] for service in COMPOSE["services"].values() if "build" in service):
        context = (DEPLOY / build["context"]).resolve()
        assert context == ROOT
        assert (context / build["dockerfile"]).is_file()
        assert requirements(ROOT / "pyproject.toml", build.get("args", {}).get("EXTRAS", "").split())
    bound = [v.split(":")[0] for s in COMPOSE["services"].values() for v in s.get("volumes", ()) if v.startswith(".")]
    assert bound
    assert [path for path in bound if not (DEPLOY / path).is_file()] == []


def test_the_image_copies_existing_files_and_all_that_is_needed() -> None:
    for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE):
        assert [s for s in sources.split() if not (ROOT / s).exists()] == []
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    needed = ["roundelay", "supernode.py", "compute_node.py", "client.py", "letters", "deploy"]
    assert [n for n in needed if any(fnmatch.fnmatch(n, pattern) for pattern in ignored)] == []
    assert [n for n in needed if not (ROOT / n).exists()] == []


def test_the_image_has_what_the_project_needs_and_no_more() -> None:
    found = requirements(ROOT / "pyproject.toml", [])

    assert {re.split(r"[<>=]", line)[0] for line in found} == {"thrift", "numpy", "msgspec", "rich"}
    assert set(found) <= set(re.findall(r"^([^ #]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert any(line.startswith("pytest") for line in requirements(ROOT / "pyproject.toml", ["test"]))
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()
    assert tuple(map(int, re.findall(r"ARG PYTHON=(\d+)\.(\d+)", DOCKERFILE)[0])) >= (3, 11)


def test_no_container_runs_as_root() -> None:
    (user,) = re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)
    assert f"--uid {user} " in DOCKERFILE
    for manifest, container in pods():
        context = manifest["spec"]["template"]["spec"]["securityContext"]
        assert (context["runAsNonRoot"], str(context["runAsUser"])) == (True, user)
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_ports_agree_in_all_manifests() -> None:
    kinds = {m["metadata"]["name"]: m for m in MANIFESTS if m["kind"] == "StatefulSet"}
    for service in (m for m in MANIFESTS if m["kind"] == "Service"):
        (pod,) = [m for m in kinds.values() if m["spec"]["serviceName"] == service["metadata"]["name"]]
        (container,) = pod["spec"]["template"]["spec"]["containers"]
        (port,) = [p for p in container["ports"] if p["name"] == service["spec"]["ports"][0]["targetPort"]]
        environment = {e["name"]: e.get("value") for e in container["env"]}
        assert str(port["containerPort"]) == environment["ROUNDELAY_PORT"]
        assert service["spec"]["ports"][0]["port"] == port["containerPort"]
        assert service["spec"]["selector"].items() <= pod["spec"]["template"]["metadata"]["labels"].items()
    (policy,) = [m for m in MANIFESTS if m["kind"] == "NetworkPolicy"]
    opened = {p["port"] for p in policy["spec"]["ingress"][0]["ports"]}
    assert opened == {p["containerPort"] for _, c in pods() for p in c.get("ports", ())}


def test_the_node_list_admits_the_names_of_the_pods(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (config,) = [m for m in MANIFESTS if m["kind"] == "ConfigMap"]
    (node,) = [m for m, _ in pods() if m["metadata"]["name"] == "roundelay-node"]
    listed = tmp_path / "compute_nodes.txt"
    listed.write_text(config["data"][listed.name])

    chosen = next(c for c in COMMANDS if c.where == "kubernetes roundelay-node").parse(monkeypatch)

    assert chosen.advertise == f"roundelay-node-0.{node['spec']['serviceName']}"
    assert addresses.read(listed).allows(Address(chosen.advertise, chosen.port))
    assert not addresses.read(listed).allows(Address("10.0.0.1", chosen.port))


def test_each_of_composes_nodes_has_a_name_a_kit_and_a_volume_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = {name: service for name, service in COMPOSE["services"].items() if name.startswith("node")}
    for name, service in nodes.items():
        chosen = next(c for c in COMMANDS if c.where == f"compose {name}").parse(monkeypatch)
        (secret,), (volume,) = service["secrets"], service["volumes"]

        assert (chosen.advertise, secret, volume) == (name, name, f"{name}:/state")
        assert addresses.read(DEPLOY / "compute_nodes.txt").allows(Address(name, chosen.port))
    assert f"deploy/kits.sh /kits {len(nodes)}" in (DEPLOY / "run.sh").read_text()


def test_every_process_of_compose_has_its_kit_as_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: Path(secret["file"]) for name, secret in COMPOSE["secrets"].items()}
    for command in of_compose():
        kit = command.parse(monkeypatch).kit

        assert str(kit) in command.mounts
        assert files[kit.name] == Path(f"secret/kits/{kit.name}.kit")


def test_the_disruption_budget_is_what_the_replicas_tolerate(monkeypatch: pytest.MonkeyPatch) -> None:
    (budget,) = [m for m in MANIFESTS if m["kind"] == "PodDisruptionBudget"]
    chosen = next(c for c in COMMANDS if c.where == "kubernetes roundelay-supernode").parse(monkeypatch)

    assert budget["spec"]["maxUnavailable"] == chosen.replicas - 1


def test_the_kustomization_names_existing_files() -> None:
    named = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]

    assert {*named, "kustomization.yaml", "job.yaml"} == {path.name for path in KUBERNETES.glob("*.yaml")}


def test_manifests_are_valid_by_the_published_schema() -> None:
    validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is in the extra dev")

    for manifest in MANIFESTS:
        validator.validate(manifest, validator.latest_version(), strict=True)
    broken = json.loads(json.dumps(MANIFESTS[0])) | {"spec": {"ports": "many"}}
    with pytest.raises(validator.ValidationError):
        validator.validate(broken, validator.latest_version(), strict=True)


def made_kits(folder: Path, nodes: int) -> None:
    """Make kits as deploy/run.sh does, without the container."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    environment = {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    subprocess.run(["sh", DEPLOY / "kits.sh", folder, str(nodes)], check=True, cwd=ROOT, env=environment)


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_composes_commands_form_a_ring_that_trains_and_a_stopped_container_leaves_it(tmp_path: Path) -> None:
    """Each container is a network namespace; names, commands, variables and kits are those of compose.yaml."""
    kits = tmp_path / "kits"
    made_kits(kits, 3)
    with ExitStack() as opened:
        hosts = opened.enter_context(network(4))
        services = ("supernode", "node-1", "node-2", "node-3")
        host = dict(zip((*services, "client"), (*hosts, hosts[0]), strict=True))
        names = tmp_path / "hosts"
        lines = ["127.0.0.1 localhost", *(f"{host[service].ipv4} {service}" for service in services)]
        names.write_text("".join(f"{line}\n" for line in lines))

        def run(service: str, *arguments: str) -> ManagedProcess:
            command = next(c for c in of_compose() if c.where == f"compose {service}")
            running = process(f"{service}-container", service)
            places = {
                "ROUNDELAY_KIT": str(kits / f"{Path(command.environment['ROUNDELAY_KIT']).name}.kit"),
                "ROUNDELAY_STATE_DIR": str(tmp_path / "state" / service),
                "ROUNDELAY_NODES": str(DEPLOY / "compute_nodes.txt"),
            }
            running.environment = command.environment | {k: v for k, v in places.items() if k in command.environment}
            opened.callback(stop_all, [running], kill=True)
            programs = {"supernode.py": ["supernode"], "compute_node.py": ["node"], "client.py": []}
            running.start(*programs[command.words[0]], *(arguments or command.words[1:]))
            return running

        def process(name: str, service: str) -> ManagedProcess:
            made = ManagedProcess(name, tmp_path)
            made.wrapper, made.cwd = host[service].wrapper(names), tmp_path
            return made

        def serves(service: str) -> bool:
            asked = process(f"ping-{service}", service)
            command = next(c for c in of_compose() if c.where == f"compose {service}")
            kit = str(kits / f"{service}.kit")
            asked.environment = {"ROUNDELAY_PORT": command.environment["ROUNDELAY_PORT"], "ROUNDELAY_KIT": kit}
            asked.start("ping")
            return asked.wait() == 0

        supernode = run("supernode")
        until(lambda: serves("supernode"), "the supernode is healthy")
        nodes = [run(service) for service in services[1:]]
        for service in services[1:]:
            until(partial(serves, service), "the node is healthy")
        client = run(
            "client", str(ROOT / "letters"), "validate_letters.txt", "--rounds", "1", "--epochs", "1", "--json"
        )
        assert client.wait() == 0, client.text
        assert json.loads(client.out.read_text())["nodes"] == 3

        nodes[-1].kill(signal.SIGTERM)  # as a container engine stops it

        assert nodes[-1].wait() == 143
        assert "node-3:8001 has left" in supernode.text
        assert not serves("node-3")
