"""Cases in which others waited without a bound."""

from __future__ import annotations

import importlib.util
import resource
import socket
import time
from contextlib import ExitStack
from dataclasses import replace

from chaos.hostility.case import Attack, Case
from chaos.hostility.golden import CONTENT, FILE, JOB, PLAN
from chaos.hostility.greedy import Act, connections, drip, never_read, say_nothing, wait_for_ticket
from chaos.hostility.raw_wire import send
from roundelay.chord.effects import Ask
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetNeighbours, Notify
from roundelay.federation.requests import Order
from roundelay.federation.tasks import TrainTask
from roundelay.ml.training_plan import TrainConfig
from roundelay.node.dashboard_process import of_ring, start_page
from roundelay.node.line_limit import LINES_AT_ONCE, LINES_PER_S
from roundelay.rpc.peers import Peers
from roundelay.store.blobs import digest_of
from roundelay.store.items import CHUNK_BYTES, Entry, Find, Item, Put, Write

HOLD_S = 6.0  # for how long connections are held
GOOD_CALLS = 20
GOOD_SHARE_MIN = 0.95
JOB_LIMIT_S = 60.0


def endless_order(attack: Attack) -> str:
    """Order 10^6 epochs on a file that the node has; the honest job beside it goes on."""
    spec, file = attack.spec, attack.spec.files[0]
    config = TrainConfig(epochs=1_000_000)
    plan = replace(PLAN, design=spec.design, config=config)
    weights = bytes(4 * sum((a + 1) * b for a, b in zip(spec.sizes, spec.sizes[1:], strict=False)))
    digest = digest_of(weights)
    lines = {node.name: len(node.text.splitlines()) for node in attack.ring.nodes}
    for node in attack.nodes:
        order = Order("dd" * 32, 1, (file,), TrainTask(plan), digest, len(weights))
        send(node, Write(digest, len(weights), 0, weights), order)
    began = time.monotonic()
    held = attack.honest.run_once()
    seconds = time.monotonic() - began
    if not held or seconds > JOB_LIMIT_S:
        return f"an honest job took {seconds:.0f} s" if held else "an honest job failed"
    grown = max(len(node.text.splitlines()) - lines[node.name] for node in attack.ring.nodes)
    most = 2 * (LINES_AT_ONCE + LINES_PER_S * seconds)  # the honest job's lines, too
    return f"{grown} lines on a console" if grown > most else ""


def names_in_find(attack: Attack) -> str:
    """Find 65,000 names under a key of 12,000 items."""
    node, now, key = attack.victim, time.time_ns(), 1 << 99
    send(node, Write(digest_of(CONTENT), len(CONTENT), 0, CONTENT))
    attack.flood(
        node, 12_000, lambda n: Put.of(Item(Entry(key, f"item-{n}", digest_of(CONTENT), len(CONTENT)), now, 60.0))
    )
    names = tuple(f"n{number}" for number in range(65_000))
    for asked in (Find(key, names), Find(key)):
        attack.flood(node, 10, lambda _, asked=asked: asked)  # type: ignore[misc]
    return ""


def dripping_connections(attack: Attack) -> str:
    """Hold 140 connections that send a byte now and then."""
    return _held(attack, attack.victim, 140, drip)


def deaf_connections(attack: Attack) -> str:
    """Hold 70 connections that never read their answers."""
    node, content = attack.victim, attack.rng.randbytes(CHUNK_BYTES)
    send(node, Write(digest_of(content), len(content), 0, content))
    return _held(attack, node, 70, never_read(node, digest_of(content)))


def collect_waits(attack: Attack) -> str:
    """Hold 70 polls of an order that does not end."""
    node = attack.victim
    order = Order(JOB, 1, (FILE,), TrainTask(replace(PLAN, config=TrainConfig(epochs=1_000_000))))
    send(node, order)
    return _held(attack, node, 70, wait_for_ticket(node, order.ticket))


def silent_connections(attack: Attack) -> str:
    """Hold 500 connections that say nothing, and come again when they are closed."""
    return _held(attack, attack.victim, 500, say_nothing)


def unresolvable_host(attack: Attack) -> str:
    """Announce nodes at hosts that do not resolve, then kill a node: the ring heals as fast as without."""
    node = attack.victim
    for number in attack.times(50):
        send(node, Notify(NodeRef((node.id - 1 - number) % (1 << 160), f"no-such-host-{number}.invalid", 9, 1)))
    killed = attack.process_of(attack.victim)
    killed.kill()
    began = time.monotonic()
    attack.ring.restart(killed)
    attack.wait_until_healed()
    seconds = time.monotonic() - began
    return f"the ring healed in {seconds:.1f} s" if seconds > 15.0 else ""


def silent_browsers(attack: Attack) -> str:
    """Hold more silent connections to the dashboard than it may have descriptors."""
    if importlib.util.find_spec("nicegui") is None:
        return ""  # the extra is not installed: there is no dashboard to attack
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
        supernode = attack.ring.supernode_address
        shown = start_page(of_ring(supernode, (), attack.ring.node_list), stack)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        place = shown.removeprefix("http://").partition("/")[0]
        address = Address("127.0.0.1", int(place.rpartition(":")[2]))
        frame = f"GET / HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n".encode()
        with connections(address, attack.times(1224).stop, say_nothing):
            time.sleep(2.0)
            answered = sum(_is_answered(address, frame) for _ in range(GOOD_CALLS))
    return "" if answered >= GOOD_SHARE_MIN * GOOD_CALLS else f"{answered} of {GOOD_CALLS} requests were answered"


def _is_answered(address: Address, request: bytes) -> bool:
    """Return whether a web server answers anything at all."""
    try:
        with socket.create_connection((address.host, address.port), 2.0) as sock:
            sock.sendall(request)
            return sock.recv(16).startswith(b"HTTP/1.1")
    except OSError:
        return False


def _held(attack: Attack, node: NodeRef, count: int, act: Act) -> str:
    """Hold connections to a node, and make good calls meanwhile."""
    peers, good = Peers(), 0
    with connections(node.address, attack.times(count).stop, act, again=True):
        time.sleep(HOLD_S * attack.share)
        for _ in range(GOOD_CALLS):
            time.sleep(0.05)
            try:
                peers.ask(Ask(node, GetNeighbours(), 1.0))
                good += 1
            except ChordError:
                pass
            peers.close()
            peers = Peers()
    return "" if good >= GOOD_SHARE_MIN * GOOD_CALLS else f"{good} of {GOOD_CALLS} good calls were answered"


CASES: tuple[Case, ...] = (
    endless_order,
    names_in_find,
    dripping_connections,
    deaf_connections,
    collect_waits,
    silent_connections,
    unresolvable_host,
    silent_browsers,
)
