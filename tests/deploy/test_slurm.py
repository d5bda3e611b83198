"""The scripts for Slurm: valid shell, directives that Slurm knows, commands and options that the programs know."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.engines import Outcome, record
from roundelay.cli import commands, main, parser_base
from roundelay.cli import compute_node as node_line
from roundelay.cli import supernode as supernode_line
from tests.processes import ROOT

SCRIPTS = sorted((ROOT / "deploy" / "slurm").glob("*.sbatch"))
VALUES = {
    "$RING_STATE": tempfile.gettempdir(),
    "$1": tempfile.gettempdir(),
    "$number": "1",
    "$advertise": "m1",
    "$SLURM_JOB_ID": "7",
    '"$@"': "letters",
}
DIRECTIVES = {"job-name", "nodes", "ntasks", "ntasks-per-node", "cpus-per-task", "requeue", "open-mode", "signal"}


def commands_of(script: Path) -> list[list[str]]:
    """Return the words of each command of Roundelay that a script runs."""
    text = script.read_text()
    for name, value in VALUES.items():
        text = text.replace(name, value)
    text = re.sub(r"\$\(kit (\S+)\)|\$kit\b", "--kit /kits/a.kit", text)
    lines = re.findall(r"(?:\$RING_COMMAND|\$\{RING_COMMAND:-roundelay\}) ([a-z]+ .*?)(?:[>&;']|$)", text, re.MULTILINE)
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_each_script_is_valid_shell_with_known_directives(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)

    assert set(re.findall(r"^#SBATCH --([a-z-]+)", script.read_text(), re.MULTILINE)) <= DIRECTIVES


def test_each_command_and_option_exists() -> None:
    found = [words for script in SCRIPTS for words in commands_of(script)]

    assert [words[0] for words in found] == ["node", "supernode", "node", "status", "train", "attach"]
    for word, *arguments in found:
        made: Callable[..., parser_base.Parser] | None
        made = {"node": node_line.parser, "supernode": supernode_line.parser}.get(word) or commands.parser_of(word)
        assert made is not None
        main.parse(made([]), arguments)  # raises Exit for an unknown option


def test_an_engines_row_takes_the_place_of_its_last_one(tmp_path: Path) -> None:
    page = tmp_path / "engines.md"
    for engine, seconds in (("Slurm", 1.0), ("Ray", 2.0), ("Slurm", 3.0)):
        record(Outcome(engine, "1", "make it", "a job", True, seconds), page)

    rows = [line for line in page.read_text().splitlines() if line.startswith(("| Slurm", "| Ray"))]
    assert [row.split(" | ")[-2] for row in rows] == ["2", "3"]
