"""Several hosts on one machine: network namespaces, each linked to one switch.

Needs root and the ip command. The network of this machine is not touched, and the namespaces end with the block.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMAND_TIMEOUT_S = 20.0
LINK, SWITCH = "uplink", "switch"


@dataclass(frozen=True)
class Host:
    """One network namespace, with an address of each kind and a name."""

    number: int  # from 1 on
    namespace: str

    @property
    def ipv4(self) -> str:
        return f"10.77.0.{self.number}"

    @property
    def ipv6(self) -> str:
        return f"fd77::{self.number}"

    @property
    def name(self) -> str:
        return f"node-{self.number}.ring.local"

    def cut(self) -> None:
        """Take the link down: packets are lost in both directions."""
        _ip("-n", self.namespace, "link", "set", LINK, "down")

    def mend(self) -> None:
        """Bring the link up again with both addresses: a link that goes down loses its IPv6 address."""
        _ip("-n", self.namespace, "link", "set", LINK, "up")
        _ip("-n", self.namespace, "address", "replace", f"{self.ipv6}/64", "dev", LINK, "nodad")

    def wrapper(self, names: Path | None = None) -> tuple[str, ...]:
        """Return the command that runs a program on this host, with `names` in place of /etc/hosts."""
        here = ("ip", "netns", "exec", self.namespace)  # also gives it mounts of its own
        if names is None:
            return here
        return (*here, "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(names))


def missing() -> str:
    """Return what this needs and does not find, or nothing."""
    is_there = os.geteuid() == 0 and shutil.which("ip") and shutil.which("unshare")
    allowed = is_there and subprocess.run(["unshare", "--net", "--mount", "true"], check=False, capture_output=True)
    return "" if allowed and allowed.returncode == 0 else "needs root, network namespaces and the ip command"


def names_of(hosts: tuple[Host, ...]) -> str:
    """Return an /etc/hosts that names the hosts."""
    return "127.0.0.1 localhost\n" + "".join(f"{host.ipv4} {host.name}\n" for host in hosts)


@contextmanager
def network(count: int) -> Iterator[tuple[Host, ...]]:
    """Make `count` hosts that reach each other through a switch."""
    stem = f"roundelay-{os.getpid()}"
    switch, hosts = f"{stem}-{SWITCH}", tuple(Host(n, f"{stem}-{n}") for n in range(1, count + 1))
    try:
        _add(switch)
        _ip("-n", switch, "link", "add", SWITCH, "type", "bridge")
        _ip("-n", switch, "link", "set", SWITCH, "up")
        for host in hosts:
            _connect(host, switch)
        yield hosts
    finally:
        for name in (switch, *(host.namespace for host in hosts)):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True, timeout=COMMAND_TIMEOUT_S)


def _connect(host: Host, switch: str) -> None:
    """Make a host, and a link from it to the switch."""
    plug = f"to-{host.number}"
    _add(host.namespace)
    _ip("-n", host.namespace, "link", "add", LINK, "type", "veth", "peer", "name", plug, "netns", switch)
    _ip("-n", switch, "link", "set", plug, "master", SWITCH)
    _ip("-n", switch, "link", "set", plug, "up")
    _ip("-n", host.namespace, "address", "add", f"{host.ipv4}/24", "dev", LINK)
    host.mend()


def _add(namespace: str) -> None:
    _ip("netns", "add", namespace)
    _ip("-n", namespace, "link", "set", "lo", "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=COMMAND_TIMEOUT_S)
