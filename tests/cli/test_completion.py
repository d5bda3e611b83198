"""Completion scripts: a real shell completes with them."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from roundelay.cli.completion import options_of_all
from roundelay.cli.main import SERVERS, SUBCOMMANDS
from tests.processes import client_here


def completed(*words: str) -> list[str]:
    """Return what bash offers for the last of these words."""
    script = client_here("completion", "bash").out
    ask = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _roundelay; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True, check=True, cwd="/")
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
def test_bash_completes_subcommands_options_and_values() -> None:
    assert "status" in completed("roundelay", "stat")
    assert completed("roundelay", "train", "--placem") == ["--placement"]
    assert "bounded" in completed("roundelay", "train", "--placement", "bo")
    assert "--check" in completed("roundelay", "status", "--")
    assert "--register" in completed("roundelay", "node", "--reg")


def test_every_subcommand_is_completed() -> None:
    words = options_of_all()

    assert set(words) == set(SUBCOMMANDS) | set(SERVERS)
    assert all("--help" in options for options in words.values())
    assert all(f"-a {word} " in client_here("completion", "fish").out for word in words)
