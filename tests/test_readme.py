"""Every command line in the documentation is run or parsed, and the three terminals of docs/start.md really work."""

from __future__ import annotations

import argparse
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
from typing import Any

import pytest

import bench.__main__
import chaos.__main__
import deploy.ray_ring
import exercises.__main__
import letters_generator.make
import letters_generator.split
from roundelay.cli import main
from roundelay.cli.parser_base import Parser
from roundelay.testing.waiting import until
from tests.processes import PATIENCE_S, ROOT, client_here, environment, run_here

DOCUMENTS = [
    *(path for path in sorted(ROOT.glob("*.md")) if path.name != "CHANGELOG.md"),  # which also names what is gone
    ROOT / "letters_generator" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
START = ROOT / "docs" / "start.md"
PROGRAMS = ("python3", "python", "make")
SCRIPTS = ("client.py", "compute_node.py", "supernode.py")
MODULES = {
    "bench": bench.__main__.main,
    "chaos": chaos.__main__.main,
    "deploy.ray_ring": deploy.ray_ring.main,
    "exercises": exercises.__main__.main,
    "letters_generator.make": letters_generator.make.main,
    "letters_generator.split": letters_generator.split.main,
    "roundelay": main.roundelay,
}
WITHOUT_OPTIONS = (
    "roundelay.cli.pictures",
    "roundelay.dashboard.pictures",
    "roundelay.dashboard.recording",
    "roundelay.ml.trainer",
    "tests.rpc.golden_frames",
    "tests.state_diagrams",
    "tests.test_budgets",
)
OF_OTHERS = ("register_ip.py",)  # what users of earlier systems typed
PLACEHOLDERS = {
    "JOB": "0" * 64,
    "N": "2",
    "PORT": "8001",
    "DIR": "letters",
    "NAME": "wards",
    "FILE": "letters/validate_letters.txt",
    "MODULE:NAME": "mine:Model",
}
PORTS = (9091, 8001, 8002)
FILES_KEPT = 6  # of the 33 in the copy, so that training is short
HOLD_S = 600


@dataclass(frozen=True)
class Command:
    """A command in a fenced block or in a code span of a document."""

    document: Path
    line: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line} {shlex.join(self.words)}"


def commands(document: Path) -> Iterator[Command]:
    is_fenced, continued = False, ""
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            is_fenced, continued = not is_fenced, ""
        elif is_fenced and line.endswith("\\"):
            continued += line[:-1]
        elif is_fenced:
            for part in re.split(r"&&|;", continued + line):
                yield from command_in(split(part), document, number)
            continued = ""
        else:
            for span in re.findall(r"`([^`]+)`", line):
                words = split(span)
                if "..." not in span and len(words) > 1:
                    yield from command_in(["python3", *words] if words[0] in SCRIPTS else words, document, number)


def command_in(line: list[str], document: Path, number: int) -> Iterator[Command]:
    words = tuple(dropwhile(lambda word: "=" in word, line))  # without the environment before the program
    if len(words) > 1 and words[0] in PROGRAMS and words[1] not in OF_OTHERS and "HOST" not in words:
        yield Command(document, number, words)


def split(text: str) -> list[str]:
    """Split a shell line into words, without prompt, comment, pipe and redirection; return [] if it cannot be split."""
    try:
        return shlex.split(text.strip().removeprefix("$ ").split("|")[0].split(" > ")[0], comments=True)
    except ValueError:
        return []


ALL = [command for document in DOCUMENTS for command in commands(document)]


class Understood(Exception):
    """The parser has accepted the whole command line."""


@pytest.fixture
def only_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop each program after it has parsed its command line."""
    parse, parse_args = main.parse, argparse.ArgumentParser.parse_args

    def parse_and_stop(made: Parser, arguments: Sequence[str]) -> None:
        parse(made, arguments)
        raise Understood

    def parse_args_and_stop(made: argparse.ArgumentParser, *arguments: Any) -> argparse.Namespace:
        chosen: argparse.Namespace = parse_args(made, *arguments)
        if isinstance(made, Parser | deploy.ray_ring.Parser):
            return chosen  # main.parse follows, and checks more
        raise Understood

    monkeypatch.setattr(bench.__main__, "use_own_choice", lambda: None)  # it would outlive this test
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None, raising=False)
    monkeypatch.setattr(main, "parse", parse_and_stop)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_args_and_stop)


@pytest.mark.parametrize("command", ALL, ids=str)
def test_every_command_in_the_documents_is_accepted(command: Command, only_parse: None) -> None:
    program, first, *rest = command.words
    arguments = [PLACEHOLDERS.get(word, word) for word in rest]
    if program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert all(word in targets for word in (first, *rest)), f"{command}: no such target"
    elif first == "-m":
        parse_module(command, arguments[0], arguments[1:])
    elif first != "-c" and not first.startswith("--"):
        parse_script(command, first, arguments)


def parse_module(command: Command, module: str, arguments: list[str]) -> None:
    assert importlib.util.find_spec(module) is not None, f"{command}: no such module"
    if module == "pytest":
        missing = [word for word in arguments if word.startswith("tests") and not (ROOT / word).exists()]
        assert not missing, f"{command}: no such tests: {missing}"
    elif module in WITHOUT_OPTIONS or (module == "roundelay" and not arguments):
        assert not arguments, f"{command}: takes no options"
    elif module in MODULES:
        with pytest.raises(Understood):
            outcome = run_here(MODULES[module], *arguments)
            pytest.fail(f"{command}: {outcome.err}")
    else:
        assert module in ("pip", "ruff", "mypy", "venv"), f"{command}: add its main function to MODULES"


def parse_script(command: Command, script: str, arguments: list[str]) -> None:
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
                pytest.fail(f"{command}: not one of the three programs")
    except Understood:
        return
    assert outcome.code == 0, f"{command}: {outcome.err}"  # --help ends by itself


@pytest.mark.parametrize("command", [c for c in ALL if "client.py" in c.words], ids=str)
def test_input_files_named_in_client_commands_exist(command: Command) -> None:
    """Check files of the checkout only: an earlier command writes the model files."""
    for word in command.words:
        if re.fullmatch(r"(\./)?letters(/\w+\.txt)?/?", word):
            assert (ROOT / word).exists(), f"{command}: {word} is not there"
    if "predict" in command.words:
        file = command.words[command.words.index("predict") + 2]
        assert (ROOT / file).exists(), f"{command}: {file} is not there"


# --- the three terminals


class Terminals:
    """Terminals in a copy of the checkout, on a network namespace of their own if the system allows it."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self.folder = folder
        self._opened = opened
        self._prefix = own_network(opened)
        if not self._prefix and not all(map(is_free, PORTS)):
            pytest.skip(f"one of the ports {PORTS} is in use, and no network namespace can be created")
        copy_checkout(folder)

    def run(self, line: str) -> Terminal:
        """Start a command line in a new terminal."""
        terminal = Terminal([*self._prefix, *shlex.split(line)], self.folder)
        self._opened.callback(terminal.close)
        return terminal


class Terminal:
    """A command that runs in the foreground of a terminal."""

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
        """Wait until the terminal shows this text."""
        until(lambda: text in self.text or self._process.poll() is not None, text)
        assert text in self.text

    def wait(self) -> int:
        return self._process.wait(PATIENCE_S)

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self.wait()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def own_network(opened: ExitStack) -> list[str]:
    """Return a command prefix that runs in a new network namespace, where all ports are free; [] if there is none."""
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
    """Copy the programs, the packages and some of the letters."""
    for item in ROOT.iterdir():
        if item.is_dir() and ((item / "__init__.py").exists() or item.name == "letters"):
            shutil.copytree(item, folder / item.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif item.suffix in (".py", ".txt"):
            shutil.copy(item, folder)
    kept = sorted(path for path in (folder / "letters").iterdir() if not path.suffix)
    for path in kept[FILES_KEPT:]:
        path.unlink()


def in_section(heading: str) -> list[str]:
    """Return the commands of one section of docs/start.md, verbatim."""
    text = START.read_text()
    section = re.split(r"^## ", text.split(f"## {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^```\n(python3 .*)\n```$", section, re.MULTILINE)


def test_the_three_terminals_train_a_model(tmp_path: Path) -> None:
    start = START.read_text()
    first, second, third = in_section("Three terminals")[:3]
    with ExitStack() as opened:
        terminals = Terminals(tmp_path, opened)
        supernode_terminal = terminals.run(first)
        supernode_terminal.shows("supernode listening")
        assert supernode_terminal.text.splitlines()[0] in start
        nodes = [terminals.run(second), terminals.run(second.replace("8001", "8002"))]
        for node in nodes:
            node.shows("joined the ring")
        assert nodes[0].text.splitlines()[0] in start
        nodes[0].shows("finger")

        client_terminal = terminals.run(third)

        assert client_terminal.wait() == 0, client_terminal.text
        assert "round 50 of 50: validation error" in client_terminal.text
        assert "which node trained which files" in client_terminal.text
        assert any("round 50: training" in node.text for node in nodes)
        check_listing(r"job \w+, round 1: training", nodes[0].text)
        check_listing("validation error", client_terminal.text)
        assert [node.interrupt() for node in nodes] == [130, 130]
        assert "left the ring; its successors have what it stored" in nodes[0].text
        assert "left the ring as its last node; what it stored is gone" in nodes[1].text
        assert supernode_terminal.interrupt() == 130
        assert "127.0.0.1:8002 has left" in supernode_terminal.text


def check_listing(line: str, shown: str) -> None:
    """Check that the listing with this line in docs/start.md is what a terminal shows, but for numbers."""
    blocks = re.findall(r"^```\n(.*?)^```$", START.read_text(), re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if re.search(f"^{line}", block, re.MULTILINE)]
    missing = [each for each in block.splitlines() if mask(each) not in mask(shown)]
    assert not missing, f"the terminal shows other lines than docs/start.md: {missing}"


def mask(text: str) -> str:
    """Replace numbers and identifiers, and leave out how wide a table is and how many successors there are."""
    text = re.sub(r"\b[0-9a-f.-]*[0-9][0-9a-f.-]*\b", "#", text)
    return re.sub(r"(, #)+$|[\u2500-\u257f*]| +", "", text, flags=re.MULTILINE)


def test_the_first_page_has_the_commands_that_the_terminals_test_uses() -> None:
    lines = in_section("Three terminals")

    assert [line.split()[1] for line in lines[:3]] == ["supernode.py", "compute_node.py", "client.py"]
    assert len(ALL) > 10
