"""Tell a ring which certificates are revoked."""

from __future__ import annotations

import time

from roundelay.client.error_translation import translated_errors
from roundelay.client.errors import RequestRefused
from roundelay.client.requests import RingAddress
from roundelay.client.ring import connect
from roundelay.federation.revocations import publish_revocations


def publish(address: RingAddress, content: bytes) -> None:
    """Store the authority's list on the ring, with an operator's kit. Raises ClientError."""
    with connect(address) as ring, translated_errors(RequestRefused):
        ring.connection.ask(lambda entry: publish_revocations(entry.node, entry.ring, content, time.time_ns()), tries=1)
