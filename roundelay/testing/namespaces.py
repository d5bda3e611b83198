"""Several hosts on one machine: network namespaces, each linked to one switch, or to a hub that adds distance.

Needs root and the ip command. The network of this machine is not touched, and the namespaces end with the block.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from roundelay.node.subprocesses import child_environment
from roundelay.testing import hub
from roundelay.testing.hub import LINK, Link

COMMAND_TIMEOUT_S = 20.0
SWITCH = "switch"
TUNNEL = Path("/dev/net/tun")
CLONE_NEWNET = 0x40000000


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

    def kill_all(self) -> None:
        """Kill every process on this host but this one."""
        for pid in map(int, _ip("netns", "pids", self.namespace).split()):
            if pid != os.getpid():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def wrapper(self, names: Path | None = None) -> tuple[str, ...]:
        """Return the command that runs a program on this host, with `names` in place of /etc/hosts."""
        here = ("ip", "netns", "exec", self.namespace)  # also gives it mounts of its own
        if names is None:
            return here
        return (*here, "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(names))


class WideArea:
    """Hosts that are far apart, and the hub between them."""

    def __init__(self, hosts: tuple[Host, ...], running: subprocess.Popen[str]) -> None:
        self.hosts = hosts
        self._running = running
        self._read()

    def counts(self) -> dict[str, Any]:
        """Return what the hub has forwarded: bytes `sent` by each uplink, frames `lost`, `calls` by method.

        `trips`: the round trips that each host has waited for, at most.
        """
        return self._tell()

    def spike(self, seconds: float) -> None:
        """Let no frame arrive for so long; all arrive then."""
        self._tell(spike_s=seconds)

    def change(self, link: Link) -> None:
        """Set another delay, bandwidth and loss."""
        self._tell(link=asdict(link))

    def _tell(self, **command: object) -> dict[str, Any]:
        assert self._running.stdin is not None
        self._running.stdin.write(json.dumps(command) + "\n")
        self._running.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._running.stdout is not None
        line = self._running.stdout.readline()
        if not line:
            raise OSError("the hub has ended")
        found: dict[str, Any] = json.loads(line)
        return found


def missing() -> str:
    """Return what `network` needs and does not find, or nothing."""
    is_there = os.geteuid() == 0 and shutil.which("ip") and shutil.which("unshare")
    allowed = is_there and subprocess.run(["unshare", "--net", "--mount", "true"], check=False, capture_output=True)
    return "" if allowed and allowed.returncode == 0 else "needs root, network namespaces and the ip command"


def missing_for_distance() -> str:
    """Return what `wide_area` needs and does not find, or nothing."""
    return missing() or ("" if TUNNEL.exists() else f"needs TAP devices: {TUNNEL} does not exist")


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
            _delete(name)


@contextmanager
def wide_area(count: int, link: Link, trace: str = "") -> Iterator[WideArea]:
    """Make `count` hosts that reach each other through a hub; `trace` names a file that lists every call.

    This process is on the first host until the block ends: it reaches the others, and what it starts is there, too.
    """
    hosts = tuple(Host(n, f"roundelay-{os.getpid()}-{n}") for n in range(1, count + 1))
    names = [host.namespace for host in hosts]
    with ExitStack() as stack:
        for name in names:
            stack.callback(_delete, name)
            _add(name)
        running = stack.enter_context(
            subprocess.Popen(
                hub.arguments(link, names, trace),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=child_environment(),
            )
        )
        stack.callback(running.kill)
        found = WideArea(hosts, running)
        for host in hosts:
            _ip("-n", host.namespace, "address", "add", f"{host.ipv4}/24", "dev", LINK)
            host.mend()
        stack.enter_context(inside(names[0]))
        yield found


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Move this thread, and what it starts, into a network namespace."""
    with Path("/proc/thread-self/ns/net").open() as home, Path(f"/run/netns/{namespace}").open() as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())


def _enter(descriptor: int) -> None:
    # os.setns came with Python 3.12
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter a network namespace")


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


def _delete(namespace: str) -> None:
    subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True, timeout=COMMAND_TIMEOUT_S)


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S)
    return done.stdout
