"""The manifests of deploy/kubernetes: valid, and in agreement with the programs and with one another."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from roundelay.chord.refs import Address
from roundelay.node import addresses
from tests.deploy.deployed import DOCKERFILE, JOBS, KUBERNETES, RENDERED, RINGS, SERVING, command, pods


@pytest.mark.parametrize("folder", RENDERED)
def test_no_container_runs_as_root(folder: str) -> None:
    for manifest, container in pods(folder):
        context = manifest["spec"]["template"]["spec"]["securityContext"]
        assert context["runAsNonRoot"] is True
        assert f"\nUSER {context['runAsUser']}\n" in DOCKERFILE
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize("folder", RINGS)
def test_ports_agree_in_all_manifests(folder: str) -> None:
    manifests = RENDERED[folder]
    sets = [m for m in manifests if m["kind"] == "StatefulSet"]
    for service in (m for m in manifests if m["kind"] == "Service"):
        (pod,) = [m for m in sets if m["spec"]["serviceName"] == service["metadata"]["name"]]
        (container,) = pod["spec"]["template"]["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        environment = {e["name"]: e.get("value") for e in container["env"]}
        asked = service["spec"]["ports"][0]
        assert asked["port"] == ports[asked["targetPort"]] == int(environment["ROUNDELAY_PORT"])
        assert ports["health"] == int(environment["ROUNDELAY_METRICS_PORT"])
        assert service["spec"]["selector"].items() <= pod["spec"]["template"]["metadata"]["labels"].items()
    (policy,) = [m for m in manifests if m["kind"] == "NetworkPolicy"]
    opened = {p["port"] for p in policy["spec"]["ingress"][0]["ports"]}
    assert opened == {p["containerPort"] for _, c in pods(folder) for p in c["ports"] if p["name"] == "thrift"}


@pytest.mark.parametrize("folder", RINGS)
def test_a_pod_is_ready_when_its_process_serves_and_restarted_when_it_cannot_go_on(folder: str) -> None:
    for _, container in pods(folder):
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "health"}


@pytest.mark.parametrize("folder", RINGS)
def test_the_node_list_admits_the_names_of_the_pods(
    folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (config,) = [m for m in RENDERED[folder] if m["kind"] == "ConfigMap"]
    listed = tmp_path / "compute_nodes.txt"
    listed.write_text(config["data"][listed.name])
    nodes = [manifest for manifest, container in pods(folder) if container["args"] == ["node"]]
    for manifest in nodes:
        name, service = manifest["metadata"]["name"], manifest["spec"]["serviceName"]
        chosen = command(f"{folder} {name}").parse(monkeypatch)

        assert chosen.advertise == f"roundelay-node-0.{service}"  # $(POD_NAME) in these tests
        assert addresses.read(listed).allows(Address(f"{name}-0.{service}", chosen.port))
        assert not addresses.read(listed).allows(Address("10.0.0.1", chosen.port))
    assert len(nodes) == (2 if folder == "private" else 1)


@pytest.mark.parametrize("folder", RINGS)
def test_every_process_has_a_kit_or_says_that_it_needs_none(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in SERVING:
        if each.where.startswith(f"{folder} "):
            chosen = each.parse(monkeypatch)
            assert chosen.insecure == (folder == "local")
            assert chosen.insecure or any(chosen.kit.is_relative_to(mount) for mount in each.mounts)


def test_a_site_trains_on_a_volume_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    site = command("private roundelay-site")
    _, folder = site.parse(monkeypatch).private

    assert str(folder) in site.mounts


def test_the_disruption_budget_is_what_the_replicas_tolerate(monkeypatch: pytest.MonkeyPatch) -> None:
    (budget,) = [m for m in RENDERED["secured"] if m["kind"] == "PodDisruptionBudget"]

    assert budget["spec"]["maxUnavailable"] == command("secured roundelay-supernode").parse(monkeypatch).replicas - 1


def test_every_file_belongs_to_a_kustomization() -> None:
    named = {
        (path.parent / name).resolve()
        for path in KUBERNETES.glob("*/kustomization.yaml")
        for name in yaml.safe_load(path.read_text())["resources"]
    }
    files = {path for path in KUBERNETES.glob("*/*.yaml") if path.name != "kustomization.yaml"}

    assert {path for path in named if path.is_file()} == files
    assert {path.parent.name for path in KUBERNETES.glob("*/kustomization.yaml")} == {"base", *RINGS, *JOBS}


@pytest.mark.parametrize("folder", RENDERED)
def test_manifests_are_valid_by_the_published_schema(folder: str) -> None:
    validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is in the extra dev")

    for manifest in RENDERED[folder]:
        validator.validate(manifest, validator.latest_version(), strict=True)
    broken = json.loads(json.dumps(RENDERED[folder][0])) | {"spec": {"ports": "many", "template": "none"}}
    with pytest.raises(validator.ValidationError):
        validator.validate(broken, validator.latest_version(), strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here")
@pytest.mark.parametrize("folder", RENDERED)
def test_kubectl_renders_the_kustomization_as_these_tests_do(folder: str) -> None:
    told = subprocess.run(["kubectl", "kustomize", KUBERNETES / folder], capture_output=True, text=True, check=True)

    def by_name(manifests: list[dict[str, object]]) -> list[str]:
        return sorted(json.dumps(manifest, sort_keys=True) for manifest in manifests)

    assert by_name(list(yaml.safe_load_all(told.stdout))) == by_name(RENDERED[folder])
