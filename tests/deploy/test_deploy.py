"""The container files of deploy/ agree with this project: commands, options, ports and paths.

No container engine is needed: the programs themselves parse what the containers would run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from roundelay import __version__
from roundelay.chord.refs import Address
from roundelay.cli import dashboard as page_line
from roundelay.client.requests import RingAddress
from roundelay.dashboard.options import DashboardOptions
from roundelay.node import addresses
from roundelay.node.options import SUPERNODE_PORT
from roundelay.node.subprocesses import ManagedProcess, stop_all
from roundelay.testing.namespaces import missing, network
from roundelay.testing.waiting import until
from tests.deploy.deployed import COMMANDS, COMPOSE, DEPLOY, DOCKERFILE, RENDERED, SERVING, Command, of_compose
from tests.deploy.deployed import command as command_of
from tests.processes import ROOT


def test_all_commands_are_found() -> None:
    assert {c.where.split()[0] for c in COMMANDS} == {"compose", "healthcheck", "run.sh", *RENDERED}
    assert len(COMMANDS) >= 25


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_option_and_variable_exists(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command.parse(monkeypatch)


@pytest.mark.parametrize("command", [c for c in COMMANDS if "ROUNDELAY_SUPERNODE" in c.environment], ids=str)
def test_every_command_names_the_supernodes_address(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = {"supernode": int(COMPOSE["services"]["supernode"]["environment"]["ROUNDELAY_PORT"])}
    for service in (m for m in RENDERED["private"] if m["kind"] == "Service"):
        ports[service["metadata"]["name"]] = service["spec"]["ports"][0]["port"]

    given = command.parse(monkeypatch)

    assert ports[given.supernode.host] == given.supernode.port == SUPERNODE_PORT


@pytest.mark.parametrize("command", SERVING, ids=str)
def test_every_path_that_a_container_uses_is_mounted(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = command.parse(monkeypatch)

    assert str(chosen.state_dir) in command.mounts
    if command.words[0] == "supernode":
        assert any(chosen.nodes.is_relative_to(mount) for mount in command.mounts)
        assert chosen.nodes.name == "compute_nodes.txt"


@pytest.mark.parametrize("command", SERVING, ids=str)
def test_every_process_listens_for_other_hosts(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert addresses.is_everywhere(command.parse(monkeypatch).host)


def test_composes_dashboard_is_reached_at_its_names_and_only_from_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    service = COMPOSE["services"]["dashboard"]
    chosen = command_of("compose dashboard").parse(monkeypatch)
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
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for build in (service["build"] for service in COMPOSE["services"].values() if "build" in service):
        context = (DEPLOY / build["context"]).resolve()
        assert context == ROOT
        assert (context / build["dockerfile"]).is_file()
        assert set(build["args"].get("EXTRAS", "").split()) <= extras.keys()
    bound = [v.split(":")[0] for s in COMPOSE["services"].values() for v in s.get("volumes", ()) if v.startswith(".")]
    assert bound
    assert [path for path in bound if not (DEPLOY / path).exists()] == []


def test_the_image_is_built_from_files_that_exist_and_are_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists()
            assert f"!{source}" in ignored
    assert "*" in ignored


def test_the_image_says_what_it_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', DOCKERFILE))

    assert labels == {
        "title": project["name"],
        "description": project["description"],
        "licenses": project["license"]["text"],
        "version": __version__,
    }
    (least,) = re.findall(r"^ARG BASE=python:(\d+)\.(\d+)-slim$", DOCKERFILE, re.MULTILINE)
    assert tuple(map(int, least)) >= (3, 11)


def test_no_container_runs_as_root() -> None:
    (user,) = re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)

    assert f"--uid {user} " in DOCKERFILE
    assert f"user={user}\n" in (DEPLOY / "kits.sh").read_text()
    assert all(service["read_only"] for service in COMPOSE["services"].values())


def test_each_of_composes_nodes_has_a_name_a_kit_and_a_volume_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = {name: service for name, service in COMPOSE["services"].items() if name.startswith("node")}
    for name, service in nodes.items():
        chosen = command_of(f"compose {name}").parse(monkeypatch)
        (secret,), (volume,) = service["secrets"], service["volumes"]

        assert (chosen.advertise, secret, volume) == (name, name, f"{name}:/state")
        assert addresses.read(DEPLOY / "compute_nodes.txt").allows(Address(name, chosen.port))
    script = (DEPLOY / "run.sh").read_text()
    assert f"-s /kits {len(nodes)} < deploy/kits.sh" in script
    assert f'nodes="{" ".join(nodes)}"' in script


def test_every_process_of_compose_has_its_kit_as_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: Path(secret["file"]) for name, secret in COMPOSE["secrets"].items()}
    for command in of_compose():
        kit = command.parse(monkeypatch).kit

        assert str(kit) in command.mounts
        assert files[kit.name] == Path(f"secret/kits/{kit.name}.kit")


def made_kits(folder: Path, nodes: int) -> None:
    """Make kits as deploy/run.sh does, without the container."""
    program = folder / "bin" / "roundelay"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m roundelay "$@"\n')
    program.chmod(0o755)
    environment = {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), *sys.path])),
    }
    subprocess.run(["sh", DEPLOY / "kits.sh", folder, str(nodes)], check=True, env=environment)


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
            command = command_of(f"compose {service}")
            running = process(f"{service}-container", service)
            places = {
                "ROUNDELAY_KIT": str(kits / f"{Path(command.environment['ROUNDELAY_KIT']).name}.kit"),
                "ROUNDELAY_STATE_DIR": str(tmp_path / "state" / service),
                "ROUNDELAY_NODES": str(DEPLOY / "compute_nodes.txt"),
            }
            running.environment = command.environment | {k: v for k, v in places.items() if k in command.environment}
            opened.callback(stop_all, [running], kill=True)
            running.start(*(arguments or command.words))
            return running

        def process(name: str, service: str) -> ManagedProcess:
            made = ManagedProcess(name, tmp_path)
            made.wrapper, made.cwd = host[service].wrapper(names), tmp_path
            return made

        def serves(service: str) -> bool:
            asked = process(f"ping-{service}", service)
            command = command_of(f"compose {service}")
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
            "client", "train", str(ROOT / "letters"), "validate_letters.txt", "--rounds", "1", "--epochs", "1", "--json"
        )
        assert client.wait() == 0, client.text
        assert json.loads(client.out.read_text())["nodes"] == 3

        nodes[-1].kill(signal.SIGTERM)  # as a container engine stops it

        assert nodes[-1].wait() == 143
        assert "node-3:8001 has left" in supernode.text
        assert not serves("node-3")
