"""gRPC's client and server, as child processes that are measured beside ours."""

from __future__ import annotations

from contextlib import ExitStack

from bench.compare import Peer, PeerMissing


class Grpc:
    """gRPC's client, if it is installed, and the address of its server."""

    def __init__(self, client: Peer, port: int) -> None:
        self._client, self._port = client, port

    @staticmethod
    def start(stack: ExitStack) -> Grpc | None:
        try:
            return Grpc(Peer("grpc_client", stack), int(Peer("grpc_server", stack).ask()))
        except PeerMissing:
            return None

    @property
    def pid(self) -> int:
        """The client's process."""
        return self._client.pid

    def seconds(self, do: str, count: int) -> float:
        return float(self._client.ask(port=self._port, do=do, count=count))


def why_missing(grpc: Grpc | None) -> str:
    return "" if grpc is not None else "make bench-peers"
