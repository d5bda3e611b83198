"""Converts what a leaf and its host exchange to wire structs and back; what violates the contract is Malformed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from roundelay.federation.leaf_host import ERRANDS_MAX, TICKETS_MAX
from roundelay.federation.requests import Attach, Errands, LeafTicket
from roundelay.rpc import fields
from roundelay.rpc.gen import ttypes as wire
from roundelay.rpc.job_codec import order_from_wire, order_to_wire, progress_from_wire, progress_to_wire
from roundelay.rpc.ring_codec import member_from_wire, node_to_wire


def attach_to_wire(request: Attach) -> tuple[Any, ...]:
    tickets = [wire.LeafTicket(each.ticket, progress_to_wire(each.progress)) for each in request.tickets]
    leaf, wait_ms = node_to_wire(request.leaf), round(request.wait_s * 1000)
    return leaf, request.number, tickets, list(request.taken), wait_ms


def attach_from_wire(
    leaf: wire.Node, number: int, tickets: Sequence[wire.LeafTicket], taken: Sequence[str], wait_ms: int
) -> Attach:
    fields.at_most("tickets", len(tickets), TICKETS_MAX)
    known = tuple([_ticket_from_wire(each) for each in tickets])
    wait_s = fields.count("wait_ms", wait_ms) / 1000
    return Attach(member_from_wire(leaf), fields.count("number", number), known, _tickets("taken", taken), wait_s)


def _ticket_from_wire(raw: wire.LeafTicket) -> LeafTicket:
    return LeafTicket(fields.text("ticket", raw.ticket), progress_from_wire(raw.progress))


def errands_to_wire(errands: Errands) -> wire.Errands:
    orders = [wire.LeafOrder(order_to_wire(order), order.content) for order in errands.orders]
    return wire.Errands(orders, list(errands.wanted))


def errands_from_wire(raw: wire.Errands) -> Errands:
    fields.at_most("errands.orders", len(raw.orders), ERRANDS_MAX)
    orders = tuple([order_from_wire(each.order, each.content) for each in raw.orders])
    return Errands(orders, _tickets("errands.wanted", raw.wanted))


def _tickets(field: str, raw: Sequence[str]) -> tuple[str, ...]:
    fields.at_most(field, len(raw), TICKETS_MAX)
    return tuple([fields.text("ticket", each) for each in raw])
