"""A ring of real processes with kits: it trains the same model, and nobody without a kit gets in."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster
from roundelay.testing.kits import Kits
from roundelay.testing.waiting import until
from tests.processes import ROOT, client, client_here

FAST = ("--rounds", "2", "--epochs", "1", "--json")
TAKEN_OVER = "was replaced: using the certificate"
IDLE_S = 20.0
LONG = (str(ROOT / "letters"), "validate_letters.txt", "--rounds", "8", "--epochs", "1", "--json")


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("secured")
    audit = ("--audit-log", str(folder / "audit.jsonl"))
    made = Cluster(folder, secured=True, keep_state=True, supernode_options=audit)
    try:
        yield made.form(3)
    finally:
        made.stop()


@pytest.fixture(scope="module")
def undisturbed(ring: Cluster) -> str:
    """The model of a long job that nothing disturbs."""
    job = ring.start_client("train", *LONG)
    assert job.wait() == 0, job.text
    return model_of(job)


def model_of(client: ManagedProcess) -> str:
    return str(json.loads(client.out.read_text())["model_sha256"])


def test_a_secured_ring_trains_the_model_of_a_plain_one(ring: Cluster) -> None:
    job = (str(ROOT / "letters"), "validate_letters.txt", *FAST)
    plain = client("train", *job, "--local", 2).json
    trained = ring.start_client("train", *job)

    assert trained.wait() == 0, trained.text
    assert model_of(trained) == plain["model_sha256"]


def test_a_job_is_proven_with_signatures_replayed_and_forgotten_without_a_file(ring: Cluster, tmp_path: Path) -> None:
    """The whole round trip of the command line; `verify` reaches no ring."""
    letters, way = ROOT / "letters", way_of(ring, "submitter", "alice")
    authority = ring.folder / "authority" / "authority.crt"
    old, new, nameless = (tmp_path / f"{name}.zip" for name in ("old", "new", "nameless"))
    less = tmp_path / "less"
    less.mkdir()
    first, *others = sorted(path for path in letters.iterdir() if path.name != "validate_letters.txt")
    for path in (*others, letters / "validate_letters.txt"):
        (less / path.name).write_bytes(path.read_bytes())
    job = client_here("train", letters, "validate_letters.txt", *FAST, *way).json["job"]
    never = client_here("train", less, "validate_letters.txt", *FAST, *way).json
    forgotten = client_here("forget", job, first.name, "--json", *way).json
    for name, proof in ((job, old), (forgotten["job"], new)):
        assert client_here("export", name, "--proof", proof, *way).code == 0
    assert client_here("export", job, "--proof", nameless, "--without-identities", *way).code == 0

    replayed = client_here(
        "verify", new, "--forgets", old, "--data", less, "--replay", "--authority", authority, "--json"
    )
    sampled = client_here("verify", old, "--data", letters, "--sample", 3)
    other_ring = Kits(tmp_path / "other").issue("viewer", "vera")

    assert forgotten["model_sha256"] == never["model_sha256"] == replayed.json["model_sha256"]
    assert replayed.json["holds"] and len(replayed.json["trained_again"]) == 3
    assert replayed.json["forgotten"] == [first.name]
    assert list(replayed.json["signers"]) == ["submitter alice"]
    assert "3 updates trained again" in sampled.out and sampled.code == 0
    assert "its signature does not hold" in client_here("verify", new, "--authority", other_ring).out
    assert "it is not signed" in client_here("verify", nameless, "--authority", authority).err
    assert b"127.0.0.1" not in nameless.read_bytes()
    assert f"forgets files of {job[:8]}" in client_here("jobs", *way).out
    assert "without some of its files" in client_here("export", job, "--out", tmp_path / "m.npz", *way).out


def test_when_the_client_is_killed_a_node_signs_the_rest_and_the_model_is_the_same(
    ring: Cluster, undisturbed: str
) -> None:
    killed = ring.start_client("train", *LONG)
    until(lambda: "round 2 of" in killed.text, "a round")
    killed.kill()
    found = re.search(r"job ([0-9a-f]{64})", killed.text)
    assert found is not None
    attached = ring.start_client("attach", found[1], "--json")

    assert attached.wait() == 0, attached.text
    assert model_of(attached) == undisturbed


def test_every_certificate_is_replaced_under_a_running_job_and_no_round_is_lost(
    ring: Cluster, undisturbed: str
) -> None:
    rotated = ring.start_client("train", *LONG)
    until(lambda: "round 2 of" in rotated.text, "a round")
    for process, role in ((ring.supernode, "supernode"), *((node, "node") for node in ring.nodes)):
        ring.kit(role, process.name)
    ring.kit("submitter", rotated.name)

    assert rotated.wait() == 0, rotated.text
    assert [rotated.text.count(f"round {number} of 8") for number in range(1, 9)] == [1] * 8
    assert model_of(rotated) == undisturbed
    for node in ring.nodes:
        until(lambda node=node: TAKEN_OVER in node.text, "the new kit")  # type: ignore[misc]
    assert client("status", "--json", *way_of(ring, "viewer", "after")).json["nodes"]


def test_a_kit_is_replaced_while_nobody_calls(ring: Cluster) -> None:
    before = [node.text.count(TAKEN_OVER) for node in ring.nodes]
    for node in ring.nodes:
        ring.kit("node", node.name)

    for node, count in zip(ring.nodes, before, strict=True):
        until(lambda node=node, count=count: node.text.count(TAKEN_OVER) > count, "the new kit", IDLE_S)  # type: ignore[misc]


def test_a_revoked_member_is_refused_by_every_process(ring: Cluster) -> None:
    assert ring.kits is not None
    way = way_of(ring, "viewer", "gone")
    assert client("status", *way).code == 0
    revoked = client("pki", "revoke", ring.folder / "authority", "--name", "gone", *way_of(ring, "operator", "olga"))

    assert revoked.code == 0, revoked.err
    assert "the ring refuses them within seconds" in revoked.out
    until(lambda: "was revoked at" in client("status", *way).err, "the refusal")


def way_of(ring: Cluster, role: str, name: str) -> tuple[object, ...]:
    return "--supernode", ring.supernode_address, "--nodes", ring.node_list, "--kit", ring.kit(role, name)


@pytest.mark.parametrize(
    ("role", "reason"),
    [(None, "this ring needs certificates: give a kit with --kit"), ("stranger", "is it a kit of another ring?")],
)
def test_a_client_that_is_no_member_is_refused_in_one_line(
    ring: Cluster, tmp_path: Path, role: str | None, reason: str
) -> None:
    kit = () if role is None else ("--kit", Kits(tmp_path / "other").issue("viewer", role))
    done = client("status", "--supernode", ring.supernode_address, "--nodes", ring.node_list, *kit)

    assert done.code == 77
    assert reason in done.err
    assert done.err.count("\n") == 1


def test_a_node_with_a_kit_of_another_ring_is_refused(ring: Cluster, tmp_path: Path) -> None:
    kit = Kits(tmp_path / "other").issue("node", "stranger")
    node = ring.start("node", "0", "--supernode", str(ring.supernode_address), "--register", "--kit", str(kit))

    assert node.wait() == 77
    assert "is it a kit of another ring?" in node.text


def test_a_node_needs_a_nodes_kit(ring: Cluster) -> None:
    node = ring.start("node", "0", "--kit", str(ring.kit("viewer", "eve")))

    assert node.wait() == 65
    assert "is the kit of viewer eve; this program needs one with --role node" in node.text


def test_a_viewer_sees_the_ring_and_trains_nothing(ring: Cluster) -> None:
    way = ("--supernode", ring.supernode_address, "--nodes", ring.node_list, "--kit", ring.kit("viewer", "vera"))

    assert len(client("status", "--json", *way).json["nodes"]) == 3
    refused = client("train", ROOT / "letters", "validate_letters.txt", *FAST, *way)
    assert refused.code == 77
    assert "viewer vera may not call put" in refused.err


def test_no_key_is_in_a_log_a_record_an_error_or_on_a_command_line(ring: Cluster) -> None:
    """The state directories hold all records; the folder holds all that the processes of the tests above printed."""
    open_kit = ring.kit("viewer", "open")
    assert open_kit is not None
    open_kit.chmod(0o644)
    errors = client("status", "--supernode", ring.supernode_address, "--kit", open_kit).err
    secrets = [path for path in ring.folder.rglob("*") if path.suffix in (".kit", ".key")]
    others = [path for path in ring.folder.rglob("*") if path.is_file() and path not in secrets]
    running = [Path(f"/proc/{process.pid}") for process in (ring.supernode, *ring.nodes)]
    text = errors.encode() + b"".join((path / name).read_bytes() for path in running for name in ("cmdline", "environ"))
    text += b"".join(path.read_bytes() for path in others)
    keys = [key for path in secrets for key in forms_of_key(path)]

    assert "can be read by others" in errors
    assert {path.suffix for path in others} >= {".sqlite", ".jsonl", ".out"}
    assert len(secrets) > len(ring.nodes)
    assert [key for key in keys if key in text] == []
    assert all(any(key in path.read_bytes() for key in forms_of_key(path)) for path in secrets), "the search finds keys"


def forms_of_key(path: Path) -> tuple[bytes, ...]:
    """Return a private key as it stands in its file, as bytes, and in hexadecimal."""
    body = path.read_bytes().split(b"-----BEGIN PRIVATE KEY-----")[1].split(b"-----END")[0]
    secret = base64.b64decode(body)[-32:]  # RFC 8410, section 7
    return b"".join(body.split()), secret, secret.hex().encode()
