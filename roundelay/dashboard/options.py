"""The dashboard's options, and their checks."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from roundelay.chord.refs import Address
from roundelay.client.errors import BadInput, InputNotFound, InvalidRequest
from roundelay.client.requests import RingAddress
from roundelay.dashboard.choices import TOKEN_CHARACTERS_MIN
from roundelay.node.addresses import is_everywhere, is_loopback
from roundelay.node.options import NODES_MAX

LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class DashboardOptions:
    """How a dashboard is reached, and what it shows. Raises ClientError for options that contradict each other."""

    ring: RingAddress
    port: int = 8080  # 0: any free one
    host: str = "127.0.0.1"
    other_names: tuple[str, ...] = ()  # by which browsers reach the page, besides the host
    token_file: Path | None = None  # required beyond loopback
    lab: int | None = None  # start a ring of N nodes
    read_only: bool = False
    data: Path = Path()  # training files are taken from below here
    end_with_parent: bool = False
    metrics: tuple[Address, ...] = ()  # processes that serve metrics there
    plugins: tuple[str, ...] = ()  # modules that jobs launched here may name

    def __post_init__(self) -> None:
        self._check_lab()
        if not is_loopback(self.host) and self.token_file is None:
            raise InvalidRequest(
                f"--host {self.host} can be reached from other machines: choose a token with --token-file FILE "
                "(plain HTTP does not hide it)"
            )
        if not self.names:
            raise InvalidRequest(
                f"--host {self.host} is not a name that a browser can use: add --name H, the name of the page"
            )
        if len(self.metrics) > NODES_MAX:
            raise InvalidRequest(f"--metrics: at most {NODES_MAX} addresses")
        if not self.data.is_dir():
            raise InputNotFound(f"--data: there is no folder {self.data}")

    @property
    def names(self) -> list[str]:
        """The names by which browsers may reach the page."""
        own = LOCAL_NAMES if is_loopback(self.host) else () if is_everywhere(self.host) else (self.host,)
        return [*own, *self.other_names]

    def token(self) -> str:
        """Return the token from the file, or a new one. Raises InputNotFound, BadInput."""
        if self.token_file is None:
            return secrets.token_urlsafe(32)
        try:
            given = self.token_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputNotFound(f"--token-file: cannot read {self.token_file}: {error}") from error
        if len(given) < TOKEN_CHARACTERS_MIN or not all(c.isalnum() or c in "-_" for c in given):
            raise BadInput(f"--token-file: a token is {TOKEN_CHARACTERS_MIN} or more letters, digits, - or _")
        return given

    def _check_lab(self) -> None:
        if self.lab is None:
            return
        if not 1 <= self.lab <= NODES_MAX:
            raise InvalidRequest(f"--lab takes 1 to {NODES_MAX} nodes")
        for name in ("supernode", "bootstrap"):
            if getattr(self.ring, name) is not None:
                raise InvalidRequest(f"--lab cannot be combined with --{name}: the lab is a ring of its own")
