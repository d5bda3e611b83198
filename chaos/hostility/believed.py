"""Cases in which a value was believed, or shown as it came."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

from chaos.hostility.case import Attack, Case
from chaos.hostility.golden import STRANGER, golden_of
from chaos.hostility.raw_wire import send, send_frames
from chaos.hostility.records import HostileRecord, store
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Heartbeat, Notify, Retire
from roundelay.federation.records import RoundReport
from roundelay.store.blobs import digest_of
from roundelay.store.items import Entry, Item, Put, Write
from roundelay.store.read_path import get

MARKUP = "\x1b]0;stolen title\x07[bold]x[/nothing]\nERROR forged\u202e"
# Rows of what was tried that need roles and signatures: who may say what is another matter than what can be said.
LATER = {
    "forged_end": "a stranger writes JOB.cancelled, JOB.failed or JOB.done",
    "deletion_of_a_result": "a stranger deletes an honest RESULT, and writes another chain beside it",
    "announced_newcomers": "nodes that were never admitted are announced, and own arcs",
    "stranger_at_the_wheel": "a stranger's heartbeats keep a dead driver's job from being taken over",
    "plausible_lies": "a node multiplies its sums by -10: only --verify finds it",
    "crafted_weights": "an order with crafted weights reads private rows from the gradients",
    "models_by_name": "MODULE:NAME calls anything in the namespace of --plugins",
}


def deletion_of_the_future(attack: Attack) -> str:
    """Delete an entry with version 2^63 - 1, then store it again: it must be stored."""
    node, content = attack.victim, attack.rng.randbytes(100)
    entry = Entry(node.id, "again", digest_of(content), len(content))  # a key that this node owns
    send(node, Put.of(Item(entry, 2**63 - 1, 1e9, deleted=True)))
    send(node, Write(entry.digest, len(content), 0, content), Put.of(Item(entry, time.time_ns(), 60.0)))
    found = attack.ring.ask_again(lambda ring: get(node, ring.ring, entry.key, "again", entry.digest))
    return "" if found == content else "it was not stored"


def retire_and_report_floods(attack: Attack) -> str:
    """Report 3,000 nodes that do not exist, and retire all that do; the supernode names the living again."""
    nodes, supernode = attack.nodes, attack.ring.supernode_address
    ghosts = [
        NodeRef(attack.rng.getrandbits(160), f"10.0.{number // 250}.{number % 250}", 9) for number in attack.times(3000)
    ]
    send_frames(supernode, *(golden_of(ghost, Heartbeat(ghost)).frame() for ghost in ghosts))
    send_frames(supernode, *(golden_of(node, Retire(node)).frame() for node in nodes))
    time.sleep(4.0)
    attack.wait_until_healed(30.0)
    return ""


def announced_ghosts(attack: Attack) -> str:
    """Announce 500 predecessors that do not exist; the ring stays one."""
    node = attack.victim
    attack.flood(node, 500, lambda n: Notify(NodeRef((node.id - 1 - n) % (1 << 160), "127.0.0.1", 9, 1)))
    attack.wait_until_healed()
    return ""


def reports_with_objects(attack: Attack) -> str:
    """Store REPORTs whose fields have other types; list, attach, audit and export the job."""
    honest = asdict(RoundReport(attack.spec.job, 1, "127.0.0.1:1", 0.1, 0.1, 0.9, 1.0, 1.0))
    changes: tuple[dict[str, object], ...] = ({"round": {}}, {"seconds": "long"}, {"placement": []}, {"tiers": 3})
    for change in changes:
        record = HostileRecord("report-1", json.dumps(honest | change).encode(), time.time_ns())
        attack.ring.ask_again(lambda entry, record=record: store(entry, attack.spec.job, record))  # type: ignore[misc]
    return _shown(attack)


def markup_in_texts(attack: Attack) -> str:
    """Put escape sequences and markup into a report's texts, a failure's reason and a name; show the job."""
    job, now = attack.spec.job, time.time_ns()
    report = RoundReport(job, 1, MARKUP, 0.0, 0.0, 0.0, 0.0, 0.0, {MARKUP: MARKUP}, (MARKUP,))
    texts = {"report-1": report.to_bytes(), "failed": MARKUP.encode(), f"result-{MARKUP}": b"{}"}
    for what, content in texts.items():
        record = HostileRecord(what, content, now)
        attack.ring.ask_again(lambda entry, record=record: store(entry, job, record))  # type: ignore[misc]
    send(attack.victim, Notify(NodeRef(STRANGER.id, MARKUP, 9, 1)))
    return _shown(attack)


def _shown(attack: Attack) -> str:
    job = attack.spec.job
    model = str(attack.ring.folder / "model.npz")
    ran = [attack.client("jobs"), attack.client("attach", job), attack.client("audit", job), attack.client("status")]
    return "; ".join(filter(None, (*ran, attack.client("export", job, "--out", model))))


CASES: tuple[Case, ...] = (
    deletion_of_the_future,
    retire_and_report_floods,
    announced_ghosts,
    reports_with_objects,
    markup_in_texts,
)
