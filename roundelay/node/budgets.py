"""The table of budgets: what strangers can make a process keep or do, how much of it, and what happens then.

Each limit is a constant of the module that keeps the thing. docs/operations.md shows this table; a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.chord import failure_detector, maintenance, pending, quarantine, registry
from roundelay.federation import failover, job_lister, leaf_host, orders, requests, trainer_client
from roundelay.federation.topologies import gossip
from roundelay.ml import design, fingerprint, frames, task, worker
from roundelay.node import checkpoints, compute_node, leaf_hosting, line_limit
from roundelay.rpc import admission, lines, protocol, resolver, server, transport
from roundelay.store import blobs, delta, items, staging, store


@dataclass(frozen=True)
class Budget:
    """A limit. unit: bytes, or what is counted; per: whose share it is, unless it is the process's."""

    what: str
    most: float
    unit: str
    when_full: str
    per: str = ""

    @property
    def amount(self) -> str:
        """The limit for people."""
        is_large = self.unit == "bytes" and self.most >= 1 << 20
        number = f"{self.most / (1 << 20):,g} MiB" if is_large else f"{self.most:,} {self.unit}"
        return f"{number} per {self.per}" if self.per else number


_OLDEST = "the oldest is forgotten"
BUDGETS = (
    Budget("a message", transport.FRAME_SIZE_MAX, "bytes", "the connection is closed"),
    Budget("entries of a list in a message", protocol.CONTAINER_LENGTH_MAX, "entries", "the connection is closed"),
    Budget("messages above 64 KiB that are unpacked at a time", 1, "messages", "the others wait"),
    Budget("connections", admission.WORKERS_MAX, "threads", "one that stalls or is idle is closed, else refused"),
    Budget(
        "connections of all hosts that are not neighbours",
        round(admission.WORKERS_MAX * admission.STRANGERS_SHARE),
        "threads",
        "one of theirs is closed, else refused",
    ),
    Budget(
        "connections of one such host",
        round(admission.WORKERS_MAX * admission.HOST_SHARE),
        "threads",
        "one of its own is closed, else refused",
        "host",
    ),
    Budget(
        "messages above 16 KiB that are not answered yet",
        admission.LARGE_BYTES_MAX,
        "bytes",
        "those of neighbours are taken; others wait, and after the time of a message the connection is closed",
    ),
    Budget(
        "such messages of one host that is not a neighbour", admission.LARGE_PER_HOST_MAX, "bytes", "the same", "host"
    ),
    Budget("time of a message, or of taking its answer", server.FRAME_TIMEOUT_S, "s", "the connection is closed"),
    Budget("polls of orders that are held", compute_node.HELD_POLLS_MAX, "polls", "others are answered at once"),
    Budget("connections of leaves, besides", admission.KEPT_MAX, "threads", "they count as the others do"),
    Budget(
        "such connections of one host that is not a neighbour",
        admission.KEPT_PER_HOST_MAX,
        "threads",
        "they count as the others do",
        "host",
    ),
    Budget("leaves", leaf_host.LEAVES_MAX, "leaves", "Busy; one that is away makes room"),
    Budget("calls of a leaf that are held", leaf_host.POLLS_MAX, "calls", "others are answered at once", "leaf"),
    Budget("orders that a leaf has not taken", leaf_host.ORDERS_MAX, "orders", "Busy", "leaf"),
    Budget("such orders of all leaves", leaf_host.ORDERS_BYTES_MAX, "bytes", "Busy"),
    Budget("results of leaves", leaf_host.RESULTS_BYTES_MAX, "bytes", "the oldest goes; its leaf has it, too"),
    Budget("polls of leaves' orders", leaf_hosting.COLLECTS_HELD_MAX, "polls", "others are answered at once"),
    Budget("checkpoints of orders", checkpoints.CHECKPOINTS_MAX, "jobs", _OLDEST),
    Budget(
        "a checkpoint", frames.CHECKPOINT_BYTES_MAX, "bytes", "it is not made: the order begins anew if it is cut off"
    ),
    Budget("idle connections to others", lines.CONNECTIONS_MAX, "connections", "the longest idle is closed"),
    Budget("names being resolved", resolver.LOOKUPS_MAX, "names", "the peer counts as unreachable"),
    Budget("resolved names", resolver.NAMES_MAX, "names", _OLDEST),
    Budget("tasks left by handlers", pending.TASKS_MAX, "tasks", "Busy"),
    Budget("such tasks between two stabilizations", maintenance.PENDING_AT_ONCE, "tasks", "the others wait"),
    Budget("suspected peers", failure_detector.SUSPECTS_MAX, "peers", _OLDEST),
    Budget("dead peers", failure_detector.DEAD_MAX, "peers", _OLDEST),
    Budget("names in quarantine", quarantine.NAMES_MAX, "names", _OLDEST),
    Budget("addresses at the supernode", registry.ADDRESSES_MAX, "addresses", "admission is refused"),
    Budget("a content", items.CONTENT_BYTES_MAX, "bytes", "Malformed"),
    Budget("a training file", items.FILE_BYTES_MAX, "bytes", "Malformed; a reader refuses it"),
    Budget("stored contents", blobs.BYTES_MAX, "bytes", "StoreFull: the next node takes the copy"),
    Budget("those of them in memory", blobs.MEMORY_BYTES_MAX, "bytes", "the same"),
    Budget("items", store.ITEMS_MAX, "items", "StoreFull"),
    Budget("items of a key", store.KEY_BYTES_MAX, "bytes", "StoreFull", "key"),
    Budget("deletions of unknown entries", store.ORPHANS_MAX, "deletions", "StoreFull; they expire after an hour"),
    Budget("names in a find", store.FIND_NAMES_MAX, "names", "Malformed"),
    Budget(
        "staged contents below 4 MiB, in memory",
        staging.SMALL_BYTES_MAX,
        "bytes",
        "the least recently used goes, those that an order names last",
    ),
    Budget("larger staged contents, in temporary files", staging.LARGE_BYTES_MAX, "bytes", "the same"),
    Budget(
        "pieces that have overtaken others, in memory", staging.AHEAD_BYTES_MAX, "bytes", "ignored: they are sent again"
    ),
    Budget("incomplete contents", staging.UPLOADS_MAX, "contents", "the least recently used goes"),
    Budget("complete contents that no entry names", staging.COMPLETE_MAX, "contents", "the least recently used goes"),
    Budget("weights that a delta leads to", delta.BASE_BYTES_MAX, "bytes", "Malformed"),
    Budget("waiting orders", orders.QUEUED_MAX, "orders", "Busy"),
    Budget("waiting orders of one job", orders.QUEUED_PER_JOB_MAX, "orders", "Busy", "job"),
    Budget("orders kept, waiting and finished", orders.ORDERS_BYTES_MAX, "bytes", "finished ones go, then Busy"),
    Budget("finished orders", orders.FINISHED_MAX, "orders", _OLDEST),
    Budget("rows x epochs x weights of an order", requests.WORK_MAX, "steps", "Malformed"),
    Budget(
        "time of an order whose job is not looked up",
        orders.UNWATCHED_S,
        "s",
        "it is dropped if its job has ended or does not exist; at once if it holds up another job",
    ),
    Budget(
        "weights of a model that is tried before they come", trainer_client.UNPROVEN_MAX, "weights", "it is tried later"
    ),
    Budget("fingerprints", trainer_client.FINGERPRINTS_MAX, "fingerprints", "all are forgotten"),
    Budget("rows x width of a fingerprint", fingerprint.VALUES_MAX, "values", "fewer rows are tried"),
    Budget("weights of a model", design.PARAMETERS_MAX, "weights", "Malformed"),
    Budget("rows x width of a training step", task.STEP_VALUES_MAX, "values", "the order fails"),
    Budget(
        "parsed files in a trainer; more if --max-file-bytes is more",
        worker.CACHE_BYTES_MAX,
        "bytes",
        "the least recently used goes",
    ),
    Budget("records remembered for listings", job_lister.REMEMBERED_BYTES_MAX, "bytes", "the least recently used goes"),
    Budget("heartbeats for jobs that are not stored here", failover.UNKNOWN_JOBS_MAX, "jobs", _OLDEST),
    Budget("gossip: jobs", gossip.JOBS_KEPT, "jobs", "the least recently used goes"),
    Budget("gossip: attempts at rounds", gossip.ATTEMPTS_KEPT, "attempts", _OLDEST, "job"),
    Budget("gossip: pushes", gossip.PUSHES_MAX, "pushes", "NotFound: the sender keeps its half", "attempt"),
    Budget("gossip: pushes before an order", gossip.EARLY_PUSHES_MAX, "pushes", "NotFound: the sender keeps its half"),
    Budget("lines about epochs on a console", line_limit.LINES_PER_S, "lines", "left out and counted", "second"),
)


def table() -> str:
    """Return the table as Markdown."""
    head = ["| what | at most | when it is used up |", "| --- | --- | --- |"]
    return "\n".join([*head, *(f"| {each.what} | {each.amount} | {each.when_full} |" for each in BUDGETS)])
