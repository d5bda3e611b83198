"""client.py pki: one command for each step, one line for each mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.processes import client_here


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
        (("issue", "--role", "node", "--name", "n", "--out", "/nowhere/n.kit"), 65, "cannot write /nowhere/n.kit"),
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
