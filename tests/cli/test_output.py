"""Output that cannot be written: a full disk, a reader that has gone, a stream that is closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from roundelay.client.errors import CannotWrite
from roundelay.client.whole_file import whole_file
from tests.processes import PATIENCE_S, ROOT, client

FULL = Path("/dev/full")
ROOM_BYTES = 64  # as much as the search for a folder of temporary files writes, and less than the table
COMMANDS = (("--version",), ("train", "--help"), ("inspect", "letters"), ("train", "--show-config"))


def run(*arguments: str, output: str) -> subprocess.CompletedProcess[str]:
    """Run the client with its standard output redirected as a shell would."""
    command = f'exec "$0" client.py "$@" {output}'
    shell = ["sh", "-c", command, sys.executable, *arguments]
    return subprocess.run(shell, cwd=ROOT, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [each for each in COMMANDS if "--help" not in each])  # argparse tells nobody
def test_a_full_disk_below_the_output_is_one_line(arguments: tuple[str, ...]) -> None:
    done = run(*arguments, output=f">{FULL}")

    assert (done.returncode, done.stderr) == (73, "cannot write the output: No space left on device\n")


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_closed_output_is_done_without(arguments: tuple[str, ...]) -> None:
    done = run(*arguments, output=">&-")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_reader_that_has_gone_is_no_failure(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "client.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, timeout=PATIENCE_S, check=False)
    os.close(writing)

    assert (done.returncode, done.stderr) == (0, b"")


def test_a_file_that_cannot_be_finished_leaves_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "model.npz"
    file.write_bytes(b"before")

    with (
        pytest.raises(CannotWrite, match=r"cannot write .*model\.npz: No space left on device"),
        whole_file(file) as new,
    ):
        new.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("model.npz", b"before")]


def test_a_full_disk_of_temporary_files_is_named(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    np.savetxt(table, np.arange(20.0).reshape(10, 2) % 2, delimiter=",", header="a,label", comments="", fmt="%d")
    for command in ("train", "inspect", "describe"):
        done = client(command, table, room_bytes=ROOM_BYTES)

        assert done.code == 73, done.err
        assert done.err.count("\n") == 1
        assert "cannot write temporary files: File too large; TMPDIR names a folder" in done.err


def test_ctrl_c_while_a_program_is_imported_shows_no_traceback() -> None:
    program = """
import os, signal, sys
from roundelay.cli.environment import launch

class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == "roundelay.cli.main":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
launch("client")
"""
    command = [sys.executable, "-c", program, "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=PATIENCE_S, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")
