"""client.py pki: one command for each step, one line for each mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.processes import client, client_here


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "authority"
    assert client_here("pki", "init", made).code == 0
    return made


def test_each_step_is_one_command(folder: Path) -> None:
    issued = client_here("pki", "issue", folder, "--role", "node", "--name", "n1", "--host", "10.0.0.1")
    assert (issued.code, issued.out.split(":")[0]) == (0, f"{folder}/n1.kit")
    assert "node n1 of ring" in issued.out
    assert "at 10.0.0.1, valid until" in client_here("pki", "show", folder / "n1.kit").out

    assert client_here("pki", "revoke", folder, "--name", "n1").out.startswith("revoked 1 certificate of n1;")
    shown = json.loads(client_here("pki", "show", folder, "--json").out)
    assert [(each["name"], each["revoked"]) for each in shown["issued"]] == [("n1", True)]


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("init",), 65, "holds an authority already"),
        (("issue", "--name", "n"), 64, "needs --role and --name"),
        (("issue", "--role", "king", "--name", "n"), 64, "invalid choice"),
        (("issue", "--role", "node", "--name", "../n"), 65, "a name of letters, digits"),
        (("issue", "--role", "node", "--name", "n", "--days", "0"), 65, "--days 0"),
        (("issue", "--role", "node", "--name", "n", "--days", "-1"), 65, "--days -1"),
        (("issue", "--role", "node", "--name", "n", "--out", "/nowhere/n.kit"), 73, "cannot write /nowhere/n.kit"),
        (("revoke", "--name", "stranger"), 65, "stranger has no certificate"),
        (("revoke",), 64, "needs --name"),
        (("sing",), 64, "invalid choice"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, arguments: tuple[str, ...], code: int, reason: str) -> None:
    action, *options = arguments
    done = client_here("pki", action, folder, *options)

    assert done.code == code
    assert reason in done.err
    assert done.err.count("\n") <= 1


def test_an_empty_folder_is_no_authority(tmp_path: Path) -> None:
    done = client_here("pki", "issue", tmp_path, "--role", "node", "--name", "n")

    assert (done.code, done.err) == (
        65,
        f"{tmp_path} holds no authority: make one with  client.py pki init {tmp_path}\n",
    )


@pytest.mark.parametrize("room_bytes", [0, 64, 200])  # neither file, neither whole, the key alone
def test_a_full_disk_leaves_no_half_authority(room_bytes: int, tmp_path: Path) -> None:
    made = tmp_path / "authority"
    done = client("pki", "init", made, room_bytes=room_bytes)

    assert (done.code, done.out) == (73, "")
    assert done.err.startswith(f"cannot write {made}/authority.")
    assert done.err.endswith(": File too large; nothing has changed: make room, or name another folder\n")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_loses_nothing_of_what_was_issued_and_revoked(folder: Path) -> None:
    for number in range(10):
        assert client_here("pki", "issue", folder, "--role", "node", "--name", f"n{number}").code == 0
    assert client_here("pki", "revoke", folder, "--name", "n1").code == 0
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    kit, journal, revoked = (len(before[name]) for name in ("n1.kit", "issued.jsonl", "revoked.crl"))
    assert kit < journal, "there is room for a kit, and none for its record"
    issue = ("issue", folder, "--role", "node", "--name", "n10")
    for room_bytes, command in ((kit - 1, issue), (journal, issue), (revoked, ("revoke", folder, "--name", "n2"))):
        done = client("pki", *command, room_bytes=room_bytes)

        assert (done.code, done.err.count("\n")) == (73, 1)
        assert "File too large; nothing has changed: make room" in done.err
        assert {each.name: each.read_bytes() for each in folder.iterdir()} == before
