"""The node list, compute_nodes.txt: one `host,port` per line for each node that may join.

The line `# supernode host,port` says where the supernode is. A host may be a name, an IPv4 or an IPv6 address, or a
pattern (`node-*.ring.local`, `10.0.0.*`); a port may be `*`. Names are compared as written, never resolved.

The file is read at each use, so that a line added while the ring runs takes effect at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TextIO

from roundelay.chord.refs import Address
from roundelay.node import operating_system
from roundelay.node.options import SUPERNODE_PORT

SUPERNODE_MARK = "# supernode "
USUAL_SUPERNODE = Address("127.0.0.1", SUPERNODE_PORT)  # where a list that names no supernode expects it
ANY = "*"
EVERYWHERE = ("0.0.0.0", "::")
LINES_MAX = 100_000


class NodeListError(Exception):
    """The node list is there but cannot be understood; the message names file and line."""


@dataclass(frozen=True)
class Pattern:
    """A line with a wildcard, which matches several nodes."""

    host: str
    port: int | None  # None: any

    def allows(self, address: Address) -> bool:
        return self.port in (None, address.port) and bool(re.fullmatch(_expression(self.host), address.host))


@dataclass(frozen=True)
class NodeList:
    """The contents of the file."""

    nodes: tuple[Address, ...] = ()
    supernode: Address | None = None
    patterns: tuple[Pattern, ...] = ()

    def allows(self, address: Address) -> bool:
        plain = normal(address)
        return plain in self.nodes or any(pattern.allows(plain) for pattern in self.patterns)


def normal(address: Address) -> Address:
    """Return the canonical spelling: localhost and 127.0.0.1 are the same, and so are 0:0::1 and ::1."""
    host = address.host.strip().lower().removeprefix("[").removesuffix("]")
    if ":" in host:
        with suppress(ValueError):
            host = ip_address(host).compressed
    return Address("127.0.0.1" if host == "localhost" else host, address.port)


def parse_address(text: str, default_port: int | None = None) -> Address:
    """Parse HOST:PORT, [IPV6]:PORT, or HOST if there is a default port. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.startswith("[")):  # a host alone
        host, port = text, str(default_port or "")
    host = host.strip("[]")
    if not _is_host(host) or not _is_port(port) or ANY in host:
        raise ValueError(f"{text[:80]!r} is not HOST:PORT")
    return normal(Address(host, int(port)))


def parse_host(text: str) -> str:
    """Parse a name, an IPv4 or an IPv6 address by which others reach this host. Raises ValueError."""
    if not _is_host(text) or ANY in text:
        raise ValueError(f"{text[:80]!r} is not a host")
    return normal(Address(text, 0)).host


def is_everywhere(host: str) -> bool:
    """Return whether a socket bound to this host accepts connections at every local address."""
    return host in EVERYWHERE


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read(path: Path) -> NodeList:
    """Read the node list; a missing file is an empty list. Raises NodeListError."""
    try:
        with path.open() as file:
            operating_system.lock(file, exclusive=False)  # wait for another process to finish writing
            text = file.read()
    except FileNotFoundError:
        return NodeList()
    except (OSError, UnicodeDecodeError) as error:
        raise NodeListError(f"{path}: {error}") from error
    lines: list[Address | Pattern] = []
    supernode = None
    for number, line in enumerate(text.splitlines()[:LINES_MAX], 1):
        if line.startswith(SUPERNODE_MARK):
            supernode = _address(line.removeprefix(SUPERNODE_MARK), path, number)
        elif line.strip() and not line.lstrip().startswith("#"):
            lines.append(_pattern(line) or _address(line, path, number))
    nodes = tuple(line for line in lines if isinstance(line, Address))
    return NodeList(nodes, supernode, tuple(line for line in lines if isinstance(line, Pattern)))


class ListedNodes:
    """A callable that returns the listed nodes as of now, or as last read while the file cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[Address, ...] = ()

    def __call__(self) -> tuple[Address, ...]:
        with suppress(NodeListError):  # a line may be half edited
            self._known = read(self._path).nodes
        return self._known


class ListedSupernode:
    """A callable that returns the supernode's address as of now; the list may be written after this process started."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = USUAL_SUPERNODE

    def __call__(self) -> Address:
        with suppress(NodeListError):  # a line may be half edited
            self._known = read(self._path).supernode or self._known
        return self._known


def register(path: Path, address: Address) -> None:
    """Add a node's line, once; safe when several processes do so at the same time. Raises NodeListError, OSError.

    A node of this machine that a pattern admits needs no line. Others get one: the lines also say where nodes are.
    """
    with _locked(path) as file:
        text = file.read()
        lines = text.splitlines()
        if _line(address) not in lines and not (is_loopback(address.host) and _has_pattern(lines, address)):
            is_torn = text and not text.endswith("\n")
            _write(file, ["", _line(address)] if is_torn else [_line(address)])


def register_supernode(path: Path, address: Address) -> None:
    """Write the supernode's address in the place of an earlier one. Raises NodeListError, OSError.

    A list that names none means USUAL_SUPERNODE, which is not written there.
    """
    with _locked(path) as file:
        before = file.read().splitlines()
        others = [line for line in before if not line.startswith(SUPERNODE_MARK)]
        is_meant = others == before and address == USUAL_SUPERNODE
        after = before if is_meant else [SUPERNODE_MARK + _line(address), *others]
        if after != before:
            file.truncate(0)
            _write(file, after)


def _has_pattern(lines: Sequence[str], address: Address) -> bool:
    """Return whether a pattern among these lines admits an address."""
    patterns = [pattern for line in lines if (pattern := _pattern(line)) is not None]
    return any(pattern.allows(normal(address)) for pattern in patterns)


def _line(address: Address) -> str:
    return f"{address.host},{address.port}"


def _is_host(text: str) -> bool:
    try:
        text.encode("idna")  # as the resolver does: a label is neither empty nor longer than 63 characters
    except UnicodeError:
        return False
    return text.isprintable() and bool(text) and " " not in text


def _is_port(text: str) -> bool:
    return text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536


def _pattern(line: str) -> Pattern | None:
    """Return the pattern in a line, or None if the line has no valid wildcard."""
    host, _, port = (part.strip() for part in line.partition("#")[0].rpartition(","))
    if ANY not in host + port or not _is_host(host) or not (port == ANY or _is_port(port)):
        return None
    return Pattern(normal(Address(host, 0)).host, None if port == ANY else int(port))


def _expression(host: str) -> str:
    """Return the regular expression of a pattern. In `10.0.0.*` the star matches only numbers, never a name."""
    if host == ANY or not re.fullmatch(r"[0-9.*]+|[0-9a-f:.*]*:[0-9a-f:.*]*", host):
        star = ".*"
    else:
        star = "[0-9a-f:.]*" if ":" in host else "[0-9.]*"
    return star.join(map(re.escape, host.split(ANY)))


def _address(line: str, path: Path, number: int) -> Address:
    host, comma, port = line.partition("#")[0].strip().rpartition(",")
    if not comma or not _is_host(host.strip()) or not _is_port(port.strip()) or ANY in host:
        raise NodeListError(f"{path}, line {number}: expected host,port, found {line.strip()[:80]!r}")
    return normal(Address(host, int(port)))


@contextmanager
def _locked(path: Path) -> Iterator[TextIO]:
    """Open the file to read and append, under an exclusive lock."""
    with path.open("a+") as file:
        operating_system.lock(file, exclusive=True)
        file.seek(0)
        try:
            yield file
        except UnicodeDecodeError as error:
            raise NodeListError(f"{path}: {error}") from error


def _write(file: TextIO, lines: Sequence[str]) -> None:
    file.write("".join(f"{line}\n" for line in lines))
    file.flush()
    os.fsync(file.fileno())
