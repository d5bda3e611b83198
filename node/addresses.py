"""compute_nodes.txt: one `host,port` a line says who may join; `# supernode host,port` where it is.

Read anew at each use, so that a line added while everything runs counts at once.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from chord.refs import Address

DEFAULT_FILE = Path("compute_nodes.txt")
SUPERNODE_PORT = 9091
SUPERNODE_MARK = "# supernode "
LINES_MAX = 100_000


class NodeListError(Exception):
    """The node list is there but cannot be understood; the message names file and line."""


@dataclass(frozen=True)
class NodeList:
    """What the file says."""

    nodes: tuple[Address, ...] = ()
    supernode: Address | None = None

    def allows(self, address: Address) -> bool:
        return normal(address) in self.nodes


def normal(address: Address) -> Address:
    """localhost and 127.0.0.1 are the same."""
    host = address.host.strip().lower()
    return Address("127.0.0.1" if host == "localhost" else host, address.port)


def parse_address(text: str, default_port: int | None = None) -> Address:
    """HOST:PORT, [IPV6]:PORT, or HOST where there is a default port. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.startswith("[")):  # a host alone
        host, port = text, str(default_port or "")
    host = host.strip("[]")
    if not _is_host(host) or not _is_port(port):
        raise ValueError(f"{text[:80]!r} is no HOST:PORT")
    return normal(Address(host, int(port)))


def read(path: Path) -> NodeList:
    """The list; empty where there is no file. Raises NodeListError."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH)  # nobody is in the middle of rewriting it
            text = file.read()
    except FileNotFoundError:
        return NodeList()
    except (OSError, UnicodeDecodeError) as error:
        raise NodeListError(f"{path}: {error}") from error
    nodes: list[Address] = []
    supernode = None
    for number, line in enumerate(text.splitlines()[:LINES_MAX], 1):
        if line.startswith(SUPERNODE_MARK):
            supernode = _address(line.removeprefix(SUPERNODE_MARK), path, number)
        elif line.strip() and not line.lstrip().startswith("#"):
            nodes.append(_address(line, path, number))
    return NodeList(tuple(nodes), supernode)


class ListedNodes:
    """Called: who is on the list by now; as it was before, while it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[Address, ...] = ()

    def __call__(self) -> tuple[Address, ...]:
        with suppress(NodeListError):  # whoever edits it may be in the middle of a line
            self._known = read(self._path).nodes
        return self._known


class ListedSupernode:
    """Called: where the supernode is by now, as the list says. The list may be written after we have begun."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = Address("127.0.0.1", SUPERNODE_PORT)

    def __call__(self) -> Address:
        with suppress(NodeListError):  # whoever edits it may be in the middle of a line
            self._known = read(self._path).supernode or self._known
        return self._known


def register(path: Path, address: Address) -> None:
    """Add a node's line, once; safe when several processes do so at the same time. Raises NodeListError, OSError."""
    with _locked(path) as file:
        text = file.read()
        if _line(address) not in text.splitlines():
            is_torn = text and not text.endswith("\n")
            _write(file, ["", _line(address)] if is_torn else [_line(address)])


def register_supernode(path: Path, address: Address) -> None:
    """Write where the supernode is, in the place of what was written before. Raises NodeListError, OSError."""
    with _locked(path) as file:
        before = file.read().splitlines()
        others = [line for line in before if not line.startswith(SUPERNODE_MARK)]
        after = [SUPERNODE_MARK + _line(address), *others]
        if after != before:
            file.truncate(0)
            _write(file, after)


def _line(address: Address) -> str:
    return f"{address.host},{address.port}"


def _is_host(text: str) -> bool:
    return text.isprintable() and bool(text) and " " not in text


def _is_port(text: str) -> bool:
    return text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536


def _address(line: str, path: Path, number: int) -> Address:
    host, comma, port = line.partition("#")[0].strip().rpartition(",")
    if not comma or not _is_host(host.strip()) or not _is_port(port.strip()):
        raise NodeListError(f"{path}, line {number}: expected host,port, found {line.strip()[:80]!r}")
    return normal(Address(host, int(port)))


@contextmanager
def _locked(path: Path) -> Iterator[TextIO]:
    """The file, to read from its beginning and write at its end, while nobody else does."""
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        try:
            yield file
        except UnicodeDecodeError as error:
            raise NodeListError(f"{path}: {error}") from error


def _write(file: TextIO, lines: Sequence[str]) -> None:
    file.write("".join(f"{line}\n" for line in lines))
    file.flush()
    os.fsync(file.fileno())
