"""grpcio's client with messages of raw bytes: one channel for small calls, for large ones, and new ones."""

from __future__ import annotations

import hashlib
import os
import time
from statistics import median

import grpc

from bench.peers import serve

OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
PING = bytes(96)
channels: dict[int, grpc.Channel] = {}


def answer(port: int, do: str, count: int) -> float:
    """Return the median seconds of small calls, of one call for many bytes, or of a new channel and its first call."""
    if do == "open":
        began = time.perf_counter()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            channel.unary_unary("/bench/echo")(PING)
        return time.perf_counter() - began
    channel = channels.setdefault(port, grpc.insecure_channel(f"127.0.0.1:{port}", OPTIONS))
    if do in ("weights", "checked weights"):
        ask = channel.unary_unary("/bench/weights")
        began = time.perf_counter()
        got = ask(str(count).encode())
        if do == "checked weights":
            hashlib.sha256(got).hexdigest()
        seconds = time.perf_counter() - began
        assert len(got) == count
        return seconds
    ask, times = channel.unary_unary("/bench/echo"), []
    for _ in range(count):
        began = time.perf_counter()
        ask(PING)
        times.append(time.perf_counter() - began)
    return median(times)


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    serve(answer)
