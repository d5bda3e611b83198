"""Broadcast and reduce over the fingers: each node passes on the part of the ring that it is given.

El-Ansary, Alima, Brand and Haridi, Efficient broadcast in structured P2P networks, IPTPS 2003: a node gives each of
its fingers the part of the ring from there to the next finger. N - 1 messages, at most log2 N levels, and
no part is given twice. On the way back exact partial sums are added. A child that is lost leaves its files
out of the sum, and the driver asks for these a second time.
"""

from __future__ import annotations

from dataclasses import replace

from roundelay.chord.effects import Procedure, ask, gather
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import between
from roundelay.federation.effects import offload
from roundelay.federation.errors import FederationError
from roundelay.federation.requests import Order, Share
from roundelay.federation.tickets import await_done
from roundelay.federation.topologies.partial import NodeWork, PartialSum, bitmap, partial_from_bytes
from roundelay.store.read_path import fetch
from roundelay.store.write_path import write


def split(node: ChordNode, order: Order) -> list[tuple[NodeRef, Order]]:
    """Whom this node asks for what: itself for its own share, each finger for its part of the ring."""
    me, parts = node.ref, []
    mine = tuple(share for share in order.shares if share.node == me)
    if mine:
        parts.append((me, _narrow(order, mine, 0)))
    children = _children(node, order.limit)
    ends = [*(c.id for c in children), order.limit][1:]
    for child, end in zip(children, ends, strict=True):
        shares = tuple(s for s in order.shares if s.node.id == child.id or between(child.id, s.node.id, end))
        shares = tuple(s for s in shares if s.node != me)
        if shares:
            parts.append((child, _narrow(order, shares, end, child)))
    return parts


def aggregate_branch(node: ChordNode, order: Order) -> Procedure[PartialSum]:
    """Have an order with shares carried out from here on; what could not be done is not in the sum."""
    parts = split(node, order)
    weights = b""
    if order.weights:
        weights = yield from fetch((node.ref,), order.weights, order.weights_bytes)
    outcomes = yield from gather(
        [branch(node.ref, child, part, weights) for child, part in parts], limit=max(1, len(parts))
    )
    children = [child for child, _ in parts if child != node.ref]
    total = PartialSum(order.job, order.round, order.weights, 0, messages=len(children))
    below: list[PartialSum] = []
    for (child, _), outcome in zip(parts, outcomes, strict=True):
        if isinstance(outcome, PartialSum):
            if child == node.ref:
                total = replace(outcome, messages=len(children))
            else:
                below.append(outcome)
        elif isinstance(outcome, ChordError | FederationError):
            total = replace(total, lost=(*total.lost, (str(child.address), why(outcome))))
        else:
            raise outcome
    from roundelay.federation.topologies.adding import (
        add,  # brings numpy, which a node that passes nothing on does without
    )

    made = yield from offload(lambda: add(total, below, order.task))
    return made


def branch(me: NodeRef, child: NodeRef, order: Order, weights: bytes) -> Procedure[PartialSum]:
    """One child's part, asked for and waited for. Raises ChordError, FederationError."""
    if order.weights and child != me:
        yield from write(child, order.weights, weights)
    yield from ask(child, order)
    progress = yield from await_done(child, order.ticket)
    content = yield from fetch((child,), progress.result, progress.size_bytes)
    if order.shares:
        return partial_from_bytes(content)
    files = tuple(f.index for f in order.files)
    work = NodeWork(str(child.address), files, progress.seconds, progress.loss, progress.accuracy, 0)
    return PartialSum(order.job, order.round, order.weights, bitmap(files), (work,), sum=content)


def why(error: Exception) -> str:
    """In words, and of what kind: who was only busy is not lost."""
    return f"{type(error).__name__}: {error}"


# --- helpers


def _children(node: ChordNode, limit: int) -> list[NodeRef]:
    """The live fingers between here and the limit, the nearest first."""
    known = dict.fromkeys((*node.live_successors()[:1], *node.fingers))
    inside = [n for n in known if not n.is_vacant and n != node.ref and between(node.ref.id, n.id, limit)]
    live = [n for n in inside if not node.failure_detector.is_dead(n)]
    return sorted(live, key=lambda n: node.ring.distance(node.ref.id, n.id))


def _narrow(order: Order, shares: tuple[Share, ...], limit: int, child: NodeRef | None = None) -> Order:
    """The same order about these shares only; a plain one, as a driver would make it, if they are one node's own."""
    wanted = {index for share in shares for index in share.files}
    is_plain = child is None or all(share.node == child for share in shares)
    return replace(
        order,
        files=tuple(file for file in order.files if file.index in wanted),
        shares=() if is_plain else shares,
        limit=0 if is_plain else limit,
    )
