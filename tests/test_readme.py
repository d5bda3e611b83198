"""What the documents tell people to type works: every command is understood, and the three terminals really run."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path

import pytest

from roundelay.cli import main, options
from tests.processes import PATIENCE_S, ROOT, client_here, environment, run_here, until

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = ("python3", "make")
JOB = "0" * 64
PORTS = (9091, 8001, 8002)
FILES_KEPT = 6  # of the 33, in the copy: the lines are the README's, the training is short
HOLD_S = 600


@dataclass(frozen=True)
class Command:
    """One command that a document shows in a fenced block."""

    document: Path
    line: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line} {shlex.join(self.words)}"


def commands(document: Path) -> Iterator[Command]:
    fenced, begun = False, ""
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced, begun = not fenced, ""
        elif fenced and line.endswith("\\"):
            begun += line[:-1]
        elif fenced:
            for part in re.split(r"&&|;", begun + line):
                words = tuple(dropwhile(lambda word: "=" in word, split(part)))  # without the environment before it
                if words and words[0] in PROGRAMS:
                    yield Command(document, number, words)
            begun = ""


def split(text: str) -> list[str]:
    """The words of a shell's line, without prompt and comment; nothing where it is none."""
    try:
        return shlex.split(text.strip().removeprefix("$ ").split("|")[0].split(" > ")[0], comments=True)
    except ValueError:
        return []


ALL = [command for document in DOCUMENTS if document.exists() for command in commands(document)]


class Understood(Exception):
    """The parser has taken everything."""


@pytest.fixture
def only_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs go no further than their command lines."""
    parse = options.parse

    def parse_and_stop(made: options.Parser, arguments: Sequence[str]) -> None:
        parse(made, arguments)
        raise Understood

    monkeypatch.setattr(options, "parse", parse_and_stop)


@pytest.mark.parametrize("command", ALL, ids=str)
def test_every_command_of_the_documents_is_understood(command: Command, only_parse: None) -> None:
    program, *words = command.words
    if program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert all(word in targets for word in words), f"{command}: no such target"
    elif words[0] == "-m":
        assert importlib.util.find_spec(words[1]) is not None, f"{command}: no such module"
    elif words[0] != "-c":
        understand(command, words[0], [JOB if word == "JOB" else word for word in words[1:]])


def understand(command: Command, script: str, arguments: list[str]) -> None:
    assert (ROOT / script).is_file(), f"{command}: no such program"
    try:
        match script:
            case "client.py":
                outcome = client_here(*arguments)
            case "supernode.py":
                outcome = run_here(main.supernode, *arguments)
            case "compute_node.py":
                outcome = run_here(main.compute_node, *arguments)
            case _:
                return
    except Understood:
        return
    assert outcome.code == 0, f"{command}: {outcome.err}"  # --help is understood by being shown


@pytest.mark.parametrize("command", [c for c in ALL if "client.py" in c.words], ids=str)
def test_files_that_a_client_is_told_to_read_are_there(command: Command) -> None:
    """Those of the checkout; what an earlier command writes (a model) is not asked for."""
    for word in command.words:
        if re.fullmatch(r"(\./)?letters(/\w+\.txt)?/?", word):
            assert (ROOT / word).exists(), f"{command}: {word} is not there"
    if "predict" in command.words:
        file = command.words[command.words.index("predict") + 2]
        assert (ROOT / file).exists(), f"{command}: {file} is not there"


# --- the three terminals


class Terminals:
    """A copy of the checkout, and one terminal after the other in it, on a network of their own if there is one."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self.folder = folder
        self._opened = opened
        self._prefix = own_network(opened)
        if not self._prefix and not all(map(is_free, PORTS)):
            pytest.skip(f"one of the ports {PORTS} is in use, and there is no network namespace to be had")
        copy_checkout(folder)

    def run(self, line: str) -> Terminal:
        """Type a line."""
        terminal = Terminal([*self._prefix, *shlex.split(line)], self.folder)
        self._opened.callback(terminal.close)
        return terminal


class Terminal:
    """One command in the foreground."""

    def __init__(self, command: list[str], folder: Path) -> None:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # as after `. .venv/bin/activate`
        self._log = folder / f"terminal-{len(list(folder.glob('terminal-*')))}"
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment() | {"PATH": path},
            )

    @property
    def text(self) -> str:
        return self._log.read_text(errors="replace")

    def shows(self, text: str) -> None:
        """Wait for it."""
        until(lambda: text in self.text or self._process.poll() is not None, text)
        assert text in self.text

    def wait(self) -> int:
        return self._process.wait(PATIENCE_S)

    def interrupt(self) -> int:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)
        return self.wait()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def own_network(opened: ExitStack) -> list[str]:
    """How to run a command on a loopback of our own, so that no other process is on its ports; else nothing."""
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return []
    script = f"ip link set lo up && echo up && exec sleep {HOLD_S}"
    holder = subprocess.Popen(
        ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    opened.callback(holder.wait)
    opened.callback(holder.kill)
    assert holder.stdout is not None
    opened.enter_context(holder.stdout)
    if holder.stdout.readline() != "up\n":
        return []
    return ["nsenter", "--target", str(holder.pid), "--user", "--net", "--preserve-credentials"]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def copy_checkout(folder: Path) -> None:
    """What the programs need, and some of the letters."""
    for item in ROOT.iterdir():
        if item.is_dir() and (item / "__init__.py").exists():
            shutil.copytree(item, folder / item.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif item.suffix in (".py", ".txt"):
            shutil.copy(item, folder)
    kept = sorted(path for path in (folder / "letters").iterdir() if not path.suffix)
    for path in kept[FILES_KEPT:]:
        path.unlink()


def in_section(heading: str) -> list[str]:
    """The commands of one section of the README, as they stand there."""
    text = (ROOT / "README.md").read_text()
    section = re.split(r"^## ", text.split(f"## {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^```\n(python3 .*)\n```$", section, re.MULTILINE)


def test_the_three_terminals_work_with_exactly_the_readmes_lines(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    first, second, third = in_section("Three terminals")[:3]
    with ExitStack() as opened:
        terminals = Terminals(tmp_path, opened)
        supernode_terminal = terminals.run(first)
        supernode_terminal.shows("supernode listening")
        assert supernode_terminal.text.splitlines()[0] in readme
        nodes = [terminals.run(second), terminals.run(second.replace("8001", "8002"))]
        for node in nodes:
            node.shows("joined the ring")
        assert nodes[0].text.splitlines()[0] in readme
        nodes[0].shows("finger")

        client_terminal = terminals.run(third)

        assert client_terminal.wait() == 0, client_terminal.text
        assert "round 50 of 50: validation error" in client_terminal.text
        assert "which node trained which files" in client_terminal.text
        assert any("epoch 5: accuracy" in node.text for node in nodes)
        assert [node.interrupt() for node in nodes] == [130, 130]
        assert supernode_terminal.interrupt() == 130
        assert "127.0.0.1:8002 has left" in supernode_terminal.text


def test_the_readme_shows_the_lines_that_this_test_is_about() -> None:
    lines = in_section("Three terminals")

    assert [line.split()[1] for line in lines[:3]] == ["supernode.py", "compute_node.py", "client.py"]
    assert len(ALL) > 10
