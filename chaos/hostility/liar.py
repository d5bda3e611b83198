"""A compute node that joins a ring, stores and trains like the others, and lies in its answers.

It says only what no honest node could say. Answers that are plausible and wrong are another matter: they are found by
`--verify`.
"""

from __future__ import annotations

import copy
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chaos.hostility.mutation import DOUBLES, Mutator
from roundelay.chord.refs import Address
from roundelay.node.compute_node import ComputeNode
from roundelay.node.data_directory import DataDirectory
from roundelay.node.participant import ComputeNodeOptions
from roundelay.rpc.access import Caller
from roundelay.rpc.calls import COMPUTE_NODE, SAY_HELLO, WireCall
from roundelay.rpc.gen import ttypes as wire
from roundelay.rpc.handlers import Processor
from roundelay.rpc.server import Server

SHARES = {"collect": 0.3, "read": 0.1, "find": 0.1, "status": 0.3, "order": 0.05}  # of the answers that are lies


class LyingNode(ComputeNode):
    """A compute node in this process, whose answers to others are lies now and then."""

    def __init__(self, supernode: Address, folder: Path, rng: random.Random) -> None:
        listen = Address("127.0.0.1", 0)
        super().__init__(
            ComputeNodeOptions(listen, listen.host, lambda: supernode), DataDirectory(folder), lambda line: None
        )
        self.processor = LyingProcessor(self.answer, (SAY_HELLO,), COMPUTE_NODE.values(), self._ref, rng)
        self._server = Server(self.processor, listen.host, listen.port)

    @property
    def lies(self) -> Counter[str]:
        return self.processor.lies


class LyingProcessor(Processor):
    """Changes answers before they are sent; `lies` counts them by call."""

    def __init__(self, answer: Any, untargeted: Any, targeted: Any, me: Any, rng: random.Random) -> None:
        super().__init__(answer, untargeted, targeted, me)
        self._rng = rng
        self._mutator = Mutator(rng)
        self.lies: Counter[str] = Counter()
        self.is_lying = False

    def serve(self, call: WireCall, arguments: Sequence[Any], is_targeted: bool, caller: Caller | None = None) -> Any:
        honest = copy.deepcopy(super().serve(call, arguments, is_targeted, caller))  # the codec keeps some structs
        if not self.is_lying or self._rng.random() >= SHARES.get(call.method, 0.0):
            return honest
        self.lies[call.method] += 1
        lies: dict[str, Callable[[Any], Any]] = {"collect": self._lie_about_order, "read": self._other_bytes}
        lies |= {"find": self._other_items, "order": lambda ticket: "x" * 1000}
        return lies.get(call.method, self._changed)(honest)

    def _lie_about_order(self, progress: Any) -> Any:
        """Announce a result of another size or digest, with figures that no training has; or an unknown state."""
        rng = self._rng
        if rng.random() < 0.3:
            return self._changed(progress)
        progress.state = "done" if rng.random() < 0.8 else "finished"
        progress.result = rng.randbytes(32) if rng.random() < 0.5 else progress.result or rng.randbytes(32)
        progress.size = rng.choice((0, 1, 7, 1 << 33, 1 << 62, -1))
        progress.seconds, progress.loss = rng.choice(DOUBLES), rng.choice(DOUBLES)
        return progress

    def _other_bytes(self, content: bytes) -> bytes:
        rng = self._rng
        others = (rng.randbytes(len(content)), content[:-1], content + b"more", b"", rng.randbytes(1 << 20))
        return rng.choice(others)

    def _other_items(self, found: list[Any]) -> list[Any]:
        """Add an item of 2^62 bytes, or change one."""
        rng = self._rng
        if found and rng.random() < 0.5:
            self._mutator.change_struct(rng.choice(found))
            return found
        entry = wire.Entry(rng.randbytes(20), "endless", rng.randbytes(32), 1 << 62)
        return [*found, wire.Item(entry, time.time_ns(), 3_600_000, False)]

    def _changed(self, answer: Any) -> Any:
        self._mutator.change_struct(answer)
        return answer
