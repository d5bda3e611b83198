"""A connection that sends any bytes, and reads whatever comes back."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from chaos.hostility.golden import golden_of
from roundelay.chord.effects import Request
from roundelay.chord.refs import Address, NodeRef
from roundelay.rpc.transport import FRAME_SIZE_MAX, HEADER

TIMEOUT_S = 2.0
BATCH_BYTES = 16 << 10  # of frames sent together


class RawConnection:
    """One connection at a time to one address, opened again after it has ended."""

    def __init__(self, address: Address, timeout_s: float = TIMEOUT_S, source: str = "") -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._source = (source, 0) if source else None
        self._socket: socket.socket | None = None

    def exchange(self, frame: bytes) -> bytes | None:
        """Send a frame; return the answer, or None if the peer hung up or did not answer in time."""
        try:
            return self._exchange(frame)
        except OSError:
            self.close()
            return None

    def exchange_all(self, frames: Sequence[bytes]) -> int:
        """Send frames one behind the other, and read their answers. Return how many there were."""
        answered = 0
        for batch in _batches(frames):
            answered += self.exchange(b"".join(batch)) is not None
            for _ in batch[1:]:
                answered += self._socket is not None and self.exchange(b"") is not None
        return answered

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, frame: bytes) -> bytes:
        if self._socket is None:
            place = (self._address.host, self._address.port)
            self._socket = socket.create_connection(place, self._timeout_s, self._source)
        self._socket.sendall(frame)
        (size,) = HEADER.unpack(self._receive(HEADER.size))
        if not 0 <= size <= 2 * FRAME_SIZE_MAX:
            raise OSError(f"an answer of {size} bytes")
        return self._receive(size)

    def _receive(self, size: int) -> bytes:
        assert self._socket is not None
        parts: list[bytes] = []
        while size:
            part = self._socket.recv(min(size, 1 << 16))
            if not part:
                raise OSError("the peer hung up")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _batches(frames: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield the frames in order, as many together as the buffers between two processes hold."""
    batch: list[bytes] = []
    for frame in frames:
        if batch and sum(map(len, batch)) + len(frame) > BATCH_BYTES:
            yield batch
            batch = []
        batch.append(frame)
    yield from [batch] if batch else []


def send(node: NodeRef, *requests: Request[Any], timeout_s: float = TIMEOUT_S) -> int:
    """Send requests as they are, over one connection. Return how many were answered; by which answer does not count."""
    frames = [golden_of(node, request).frame() for request in requests]
    return send_frames(node.address, *frames, timeout_s=timeout_s)


def send_frames(address: Address, *frames: bytes, timeout_s: float = TIMEOUT_S) -> int:
    """Send frames over one connection. Return how many were answered."""
    connection = RawConnection(address, timeout_s)
    try:
        return connection.exchange_all(frames)
    finally:
        with suppress(OSError):
            connection.close()
