"""Bad ways between processes: delays, slices, resets, losses, silence, one-way streets.

Every node listens at 127.0.0.1 and is reached by the others at 127.0.0.2, where a proxy of ours
stands in its way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from chaos import workload
from chaos.faults import contributions_wrong
from chaos.rows import Row, heard
from chaos.scenarios.pauses import ends_in
from chaos.workload import Data, Work
from roundelay.testing.cluster import Cluster, free_port
from roundelay.testing.proxy import Faults, Proxy, proxy

NODES = 4
WORK = Work(rounds=6)
SLOW = "trainer.train.before=sleep:0.5"
CUT_S = 8.0


def slow_and_sliced(folder: Path) -> Row:
    """Every message is 20 to 40 ms late, and arrives in slices of 200 bytes."""
    return _whole_job(
        folder,
        "every message 20 to 40 ms late, in slices of 200 bytes",
        Faults(latency_s=0.02, jitter_s=0.02, slice_bytes=200),
    )


def resets(folder: Path) -> Row:
    """One piece in fifty breaks its connection."""
    return _whole_job(folder, "one piece in fifty resets its connection", Faults(reset=0.02))


def losses(folder: Path) -> Row:
    """One piece in a hundred is lost, and everything after it on its connection."""
    return _whole_job(folder, "one piece in a hundred lost, with all that follows on its connection", Faults(loss=0.01))


def one_way_street(folder: Path) -> Row:
    """One node hears everybody and nobody hears it, for 8 s in the middle of a job."""
    return _cut_one(folder, "a node that hears and is not heard, for 8 s in a round", Faults(swallow_answers=True))


def cut_off(folder: Path) -> Row:
    """Nothing reaches one node for 8 s in the middle of a job, while it reaches the others."""
    return _cut_one(folder, "a node that nothing reaches, for 8 s in a round", Faults(swallow_requests=True))


def refused(folder: Path) -> Row:
    """One node's connections are all reset for 8 s in the middle of a job."""
    return _cut_one(
        folder, "a node all of whose connections are reset, for 8 s in a round", Faults(refuse=True, reset=1.0)
    )


def _whole_job(folder: Path, done: str, faults: Faults) -> Row:
    """With these faults on every way, from before the job until after it."""
    data = workload.small_letters(folder)
    with ring_behind_proxies(folder / "ring") as (ring, proxies):
        expected, undisturbed_s = workload.undisturbed(ring, data, WORK)
        for each in proxies:
            each.faults = faults
        began = time.monotonic()
        client = workload.start(ring, data, WORK, "--json")
        job = workload.id_of(client)
        held = ends_in(client, expected)
        seconds = time.monotonic() - began
        for each in proxies:
            each.faults = Faults()
        ring.wait_until_converged()
        counts = [each.counts for each in proxies]
        return _row(
            ring,
            client.name,
            data,
            done,
            held,
            job,
            {
                "undisturbed_s": round(undisturbed_s, 1),
                "seconds": round(seconds, 1),
                "resets": sum(c.resets for c in counts),
                "lost": sum(c.lost for c in counts),
            },
        )


def _cut_one(folder: Path, done: str, faults: Faults) -> Row:
    """The way to the owner of the first file, for a while."""
    data = workload.small_letters(folder)
    with ring_behind_proxies(folder / "ring") as (ring, proxies):
        expected, undisturbed_s = workload.undisturbed(ring, data, WORK)
        client = workload.start(ring, data, WORK, "--json")
        job = workload.id_of(client)
        workload.wait_for_round(ring, job, 1)
        node = workload.owner_of(ring, sorted(p.name for p in data.folder.iterdir())[0])
        way = proxies[ring.nodes.index(node)]
        way.faults = faults
        way.break_all()
        time.sleep(CUT_S)
        way.faults = Faults()
        way.break_all()
        held = ends_in(client, expected)
        ring.wait_until_converged()
        return _row(ring, client.name, data, done, held, job, {"undisturbed_s": round(undisturbed_s, 1)})


def _row(ring: Cluster, client: str, data: Data, done: str, held: bool, job: str, figures: dict[str, object]) -> Row:
    view = workload.wait_for_end(ring, job)
    running = next(each for each in ring.clients if each.name == client)
    return Row(
        done,
        "slower, and the same model; one ring afterwards",
        held and not contributions_wrong(ring, view),
        figures,
        heard(running, "answer", "slow", "closed", "out of touch", "took too long"),
    )


@contextmanager
def ring_behind_proxies(folder: Path) -> Iterator[tuple[Cluster, list[Proxy]]]:
    """A ring whose nodes know one another only by the addresses of their proxies."""
    ring = Cluster(folder, failpoints=SLOW)
    with ExitStack() as stack:
        stack.callback(ring.stop)
        ring.start_supernode()
        proxies = []
        for _ in range(NODES):
            port = free_port()
            proxies.append(stack.enter_context(proxy(("127.0.0.1", port))))
            ring.add_node("--advertise", "127.0.0.2", port=port)
        ring.wait_until_converged()
        yield ring, proxies


ROWS = (slow_and_sliced, resets, losses, one_way_street, cut_off, refused)
