"""A hub that joins hosts as a wide-area network does: it delays frames, limits each uplink, and loses some frames.

    python -m roundelay.testing.hub LINK_AS_JSON TRACE_FILE NAMESPACE...

It works in user space, between one TAP device in each namespace, because the kernel may lack netem. On a link without
losses, a host hands over up to 64 kB of a TCP stream as one frame, as network cards let it (segmentation offload), so
that several links of 100 Mbit/s do not wait for the hub; all segments count. It reads commands, one JSON object per
line (see `_Hub.obey`), and answers each with one line; it ends with its standard input. Needs root.
"""

from __future__ import annotations

import fcntl
import heapq
import json
import math
import os
import random
import selectors
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

LINK = "uplink"  # the device's name on each host
BUFFER_S = 1.0  # what an uplink buffers at most; frames beyond are dropped
FRAME_SIZE_MAX = 1 << 17
IDLE_S = 1.0
SET_DEVICE, SET_OFFLOAD = 0x400454CA, 0x400454D0  # TUNSETIFF, TUNSETOFFLOAD
TAP, NO_HEADER, BATCH_HEADER = 0x0002, 0x1000, 0x4000  # IFF_TAP, IFF_NO_PI, IFF_VNET_HDR
BATCHED = 0x01 | 0x02 | 0x04  # TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6
# virtio_net_hdr; its fields 2, 4 and 5: kind of batch, bytes of a segment, place of its TCP header
BATCH = struct.Struct("<BBHHHH")
HEADER_SIZE = 14  # Ethernet
IPV4, TCP = b"\x08\x00", 6
CALL = b"\x80\x01\x00\x01"  # Thrift, strict binary, after the length of a frame
NAME_SIZE_MAX = 64
BEGIN_SIZE = 256  # of a frame, that is searched for the beginning of a call
PRIORITY = -10  # the hub delays by itself what it does not forward in time


@dataclass(frozen=True)
class Link:
    """What lies between any two hosts."""

    round_trip_s: float = 0.0
    mbit_s: float = 0.0  # of each host's uplink; 0: unlimited
    loss: float = 0.0  # the probability that a frame is lost
    seed: int = 1  # of the losses

    def __str__(self) -> str:
        speed = f", {self.mbit_s:g} Mbit/s" if self.mbit_s else ""
        lost = f", {100 * self.loss:g} % loss" if self.loss else ""
        return f"{1000 * self.round_trip_s:g} ms{speed}{lost}"


class Queue:
    """The frames on their way, and when each arrives. Knows no device and no clock."""

    def __init__(self, link: Link, ports: int) -> None:
        self.link = link
        self.sent = [0] * ports  # bytes, by uplink
        self.lost = 0  # frames: by chance, or because a buffer was full
        self._rng = random.Random(link.seed)
        self._free_at = [0.0] * ports  # when each uplink has sent what it buffers
        self._frames: list[tuple[float, int, int, bytes]] = []  # a heap: due, order, port, frame
        self._order = 0
        self._held_until = 0.0
        self._port_of: dict[bytes, int] = {}  # by hardware address

    def accept(self, source: int, frame: bytes, now: float) -> None:
        """Take a frame from an uplink, behind its batch header, and schedule its arrival."""
        self._port_of[frame[BATCH.size + 6 : BATCH.size + 12]] = source
        size_bytes = wire_bytes(frame)
        begins = max(self._free_at[source], now)
        if begins - now > BUFFER_S or (self.link.loss and self._rng.random() < self.link.loss):
            self.lost += 1
            return
        rate = self.link.mbit_s * 1e6 / 8
        self._free_at[source] = begins + (size_bytes / rate if rate else 0.0)
        self.sent[source] += size_bytes
        due = max(self._free_at[source] + self.link.round_trip_s / 2, self._held_until)
        for port in self._targets(source, frame[BATCH.size : BATCH.size + 6]):
            self._order += 1
            heapq.heappush(self._frames, (due, self._order, port, frame))

    def hold(self, until: float) -> None:
        """Let nothing arrive before `until`: a spike of the delay."""
        self._held_until = until
        waiting = [(max(due, until), order, port, frame) for due, order, port, frame in self._frames]
        heapq.heapify(waiting)
        self._frames = waiting

    def due(self, now: float) -> list[tuple[int, bytes]]:
        """Remove and return the frames that have arrived, each with its port."""
        found = []
        while self._frames and self._frames[0][0] <= now:
            _, _, port, frame = heapq.heappop(self._frames)
            found.append((port, frame))
        return found

    @property
    def next_due(self) -> float | None:
        """When the next frame arrives; None if no frame is on its way."""
        return self._frames[0][0] if self._frames else None

    def _targets(self, source: int, destination: bytes) -> Sequence[int]:
        known = self._port_of.get(destination)
        return [port for port in range(len(self.sent)) if port != source] if known is None else [known]


def wire_bytes(frame: bytes) -> int:
    """Return the bytes that a frame takes on the wire: of a batch, those of its segments, each with its headers."""
    _, kind, _, segment, tcp, _ = BATCH.unpack_from(frame)
    size_bytes = len(frame) - BATCH.size
    if not kind:
        return size_bytes
    headers: int = tcp + (frame[BATCH.size + tcp + 12] >> 4) * 4
    segments: int = -(-(size_bytes - headers) // segment)
    return size_bytes + headers * (segments - 1)


def call_in(frame: bytes) -> str:
    """Return the name of the Thrift method that a frame begins to call, or nothing."""
    if frame[12:14] != IPV4 or frame[23] != TCP:
        return ""
    tcp = HEADER_SIZE + (frame[HEADER_SIZE] & 15) * 4
    call = tcp + (frame[tcp + 12] >> 4) * 4 + 4
    if frame[call : call + 4] != CALL:
        return ""
    (size,) = struct.unpack_from(">I", frame, call + 4)
    return frame[call + 8 : call + 8 + size].decode("ascii", "replace") if size <= NAME_SIZE_MAX else ""


class Trips:
    """How many round trips each host has waited for, at most: calls that left within one have not waited for another.

    Pipelined calls and those of different threads count, too, where they leave later than that.
    """

    def __init__(self, ports: int) -> None:
        self.counts = [0] * ports
        self._begun_at = [-math.inf] * ports  # when the first call of the last round trip left

    def note(self, port: int, round_trip_s: float, now: float) -> None:
        """Count a call of a host."""
        if now - self._begun_at[port] >= round_trip_s:
            self.counts[port] += 1
            self._begun_at[port] = now


class _Hub:
    """The queue between real devices."""

    def __init__(self, link: Link, namespaces: Sequence[str], trace: TextIO | None) -> None:
        self._queue = Queue(link, len(namespaces))
        self._calls: Counter[str] = Counter()
        self._trips = Trips(len(namespaces))
        self._trace, self._began = trace, time.monotonic()
        self._devices = [_device_in(name, number) for number, name in enumerate(namespaces, 1)]
        self._batch()
        self._selector = selectors.DefaultSelector()
        for port, device in enumerate(self._devices):
            self._selector.register(device, selectors.EVENT_READ, port)
        self._selector.register(sys.stdin, selectors.EVENT_READ, None)

    def serve(self) -> None:
        """Forward frames until standard input ends."""
        while True:
            due = self._queue.next_due
            wait_s = IDLE_S if due is None else min(IDLE_S, max(0.0, due - time.monotonic()))
            for key, _ in self._selector.select(wait_s):
                if key.data is not None:
                    self._take_frames(key.data)
                elif not self._obey_line():
                    return
            for port, frame in self._queue.due(time.monotonic()):
                self._deliver(port, frame)

    def obey(self, command: dict[str, object]) -> dict[str, object]:
        """Carry out {"spike_s": seconds}, {"link": {...}} or {}; return what was counted so far."""
        if "spike_s" in command:
            self._queue.hold(time.monotonic() + float(str(command["spike_s"])))
        if isinstance(link := command.get("link"), dict):
            self._queue.link = Link(**link)
            self._batch()
        found = {"sent": self._queue.sent, "lost": self._queue.lost, "calls": self._calls}
        return found | {"trips": self._trips.counts}

    def _batch(self) -> None:
        """Let hosts hand over batches, unless frames are lost: then each segment is lost by itself."""
        for device in self._devices:
            fcntl.ioctl(device, SET_OFFLOAD, 0 if self._queue.link.loss else BATCHED)

    def _obey_line(self) -> bool:
        line = sys.stdin.readline()
        if line:
            print(json.dumps(self.obey(json.loads(line))), flush=True)
        return bool(line)

    def _take_frames(self, port: int) -> None:
        while True:
            try:
                frame = os.read(self._devices[port], FRAME_SIZE_MAX)
            except BlockingIOError:
                return
            self._note(port, frame)
            self._queue.accept(port, frame, time.monotonic())

    def _deliver(self, port: int, frame: bytes) -> None:
        try:
            os.write(self._devices[port], frame)
        except OSError:  # the device is down, or its buffer is full: the frame is lost
            self._queue.lost += 1

    def _note(self, port: int, frame: bytes) -> None:
        name = call_in(frame[BATCH.size : BATCH.size + BEGIN_SIZE])
        if not name:
            return
        self._calls[name] += 1
        self._trips.note(port, self._queue.link.round_trip_s, time.monotonic())
        if self._trace is not None:
            self._trace.write(f"{time.monotonic() - self._began:.4f} {port + 1} {frame[BATCH.size + 33]} {name}\n")


def _device_in(namespace: str, number: int) -> int:
    """Make a TAP device, move it into a namespace as its uplink, and return its descriptor."""
    name = f"r{os.getpid()}-{number}"
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, SET_DEVICE, struct.pack("16sH22x", name.encode(), TAP | NO_HEADER | BATCH_HEADER))
    subprocess.run(["ip", "link", "set", name, "netns", namespace, "name", LINK], check=True)
    return device


def arguments(link: Link, namespaces: Sequence[str], trace: str = "") -> list[str]:
    """Return the command that starts a hub; `trace` names a file that lists every call."""
    return [sys.executable, "-P", "-m", "roundelay.testing.hub", json.dumps(asdict(link)), trace, *namespaces]


def main(link: str, trace: str, *namespaces: str) -> None:
    os.nice(PRIORITY)
    with Path(trace or os.devnull).open("w", buffering=1) as file:
        hub = _Hub(Link(**json.loads(link)), namespaces, file if trace else None)
        print("{}", flush=True)  # the devices are there
        hub.serve()
    for name in namespaces:  # their owner does so, too, unless it was killed
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
