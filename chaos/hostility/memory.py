"""Cases in which memory grew without a bound."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace

from chaos.hostility.case import Attack, Case
from chaos.hostility.golden import CONTENT, FILE, JOB, PLAN, STRANGER, golden_of
from chaos.hostility.raw_wire import send, send_frames
from roundelay.chord.effects import Request
from roundelay.chord.errors import ChordError, NotFound
from roundelay.federation.requests import DriverHeartbeat, Order, Push, Share
from roundelay.federation.tasks import MomentsTask
from roundelay.ml.design import Design
from roundelay.ml.training_plan import TrainingPlan
from roundelay.rpc.calls import COMPUTE_NODE, SAY_HELLO
from roundelay.rpc.handlers import Processor
from roundelay.rpc.server import Server
from roundelay.store.blobs import digest_of
from roundelay.store.items import CHUNK_BYTES, CONTENT_BYTES_MAX, Entry, Item, Put, Write
from roundelay.store.read_path import fetch

LONG = "j" * 1_900_000  # characters of a job's name
PIECES_MAX = CONTENT_BYTES_MAX // CHUNK_BYTES  # of the largest content


def heartbeats_for_unknown_jobs(attack: Attack) -> str:
    """Send 300 heartbeats for unknown jobs with names of 1.9 MB, and 5,000 with short ones."""
    node = attack.victim
    attack.flood(node, 300, lambda number: DriverHeartbeat(f"{number}{LONG}"))
    attack.flood(node, 5_000, lambda number: DriverHeartbeat(f"{number:064x}"))
    return ""


def orders_of_nonsense(attack: Attack) -> str:
    """Send 300 orders of 1.9 MB for unknown jobs: some with long names, some with very many files."""
    node = attack.victim
    plan = MomentsTask(PLAN)
    files = tuple(replace(FILE, index=index, digest=f"{index:064x}") for index in range(14_000))
    attack.flood(node, 150, lambda number: Order(f"{number}{LONG}", 1, (FILE,), plan))
    attack.flood(node, 150, lambda number: Order(f"{number:064x}", 1, files, plan))
    return ""


def pushes_for_unknown_jobs(attack: Attack) -> str:
    """Send 300 pushes of gossip for unknown jobs with names of 1.9 MB, and 5,000 with short ones."""
    node = attack.victim

    def push(job: str, number: int) -> Push:
        return Push(job, 1, number, number, STRANGER, digest_of(CONTENT), len(CONTENT))

    attack.flood(node, 300, lambda number: push(f"{number}{LONG}", number))
    attack.flood(node, 5_000, lambda number: push(f"{number:064x}", number))
    return ""


def staged_pieces(attack: Attack) -> str:
    """Write 600 contents of 1 MiB that no entry names, and 300 beginnings and 100 second pieces of large ones."""
    node, rng = attack.victim, attack.rng

    def whole(number: int) -> Request[object]:
        content = rng.randbytes(CHUNK_BYTES)
        return Write(digest_of(content), len(content), 0, content)

    attack.flood(node, 600, whole)
    piece = rng.randbytes(CHUNK_BYTES)
    attack.flood(node, 300, lambda number: Write(rng.randbytes(32).hex(), 200 << 20, 0, piece))
    attack.flood(node, 100, lambda number: Write(rng.randbytes(32).hex(), 200 << 20, CHUNK_BYTES, piece))
    return ""


def bitmaps_of_16_million(attack: Attack) -> str:
    """Send an order whose bitmaps name 16 million places."""
    node = attack.victim
    changed = golden_of(node, Order(JOB, 1, (FILE,), MomentsTask(PLAN), shares=_shares(1), limit=1))
    changed.arguments.order.shares *= 120
    for share in changed.arguments.order.shares:
        share.files = b"\xff" * (1 << 14)
    began = time.monotonic()
    send_frames(node.address, changed.frame(), timeout_s=30.0)
    seconds = time.monotonic() - began
    return f"the answer took {seconds:.1f} s" if seconds > 1.0 else ""


def deletions_of_nothing(attack: Attack) -> str:
    """Delete 60,000 entries that never existed."""
    node, now = attack.victim, time.time_ns()

    def deletion(number: int) -> Put:
        return Put.of(Item(Entry(number << 140, f"{number}", digest_of(CONTENT), 1), now, 1e9, deleted=True))

    attack.flood(node, 60_000, deletion)
    return ""


def huge_model(attack: Attack) -> str:
    """Order work on models near the limit and beyond it, without sending any weights."""
    node = attack.victim
    fingerprint = "ef" * 32
    file = attack.spec.files[0]
    for sizes in ((16, 500_000, 26), (500_000, 60, 26), (16, 5000, 5000, 26)):
        plan = TrainingPlan(Design(sizes), PLAN.config, 32, fingerprint)
        order = Order(f"{sizes[1]:064x}", 1, (file,), MomentsTask(plan))
        send(node, order)
        larger = golden_of(node, order)
        larger.arguments.order.task.moments.plan.design.sizes[1:-1] = [2 * size for size in sizes[1:-1]]
        assert larger.frame() != golden_of(node, order).frame()
        send_frames(node.address, larger.frame())
    time.sleep(5.0)
    return ""


def endless_content(attack: Attack) -> str:
    """Read a content of 2^62 bytes from a node that answers every read with another piece."""
    pieces: list[object] = []

    def answer(request: Request[object]) -> bytes:
        pieces.append(request)
        if len(pieces) > PIECES_MAX:
            raise NotFound("enough")
        return bytes(CHUNK_BYTES)

    processor = Processor(answer, (SAY_HELLO,), COMPUTE_NODE.values(), lambda: STRANGER)
    with Server(processor, "127.0.0.1") as server:
        node = replace(STRANGER, port=server.address[1])
        with suppress(ChordError):
            attack.ring.ask(lambda entry: fetch((node,), digest_of(CONTENT), 1 << 62))
    return f"{len(pieces)} pieces were read" if len(pieces) > PIECES_MAX else ""


def _shares(count: int) -> tuple[Share, ...]:
    return (Share(STRANGER, (0,)),) * count


CASES: tuple[Case, ...] = (
    heartbeats_for_unknown_jobs,
    orders_of_nonsense,
    pushes_for_unknown_jobs,
    staged_pieces,
    bitmaps_of_16_million,
    deletions_of_nothing,
    huge_model,
    endless_content,
)
