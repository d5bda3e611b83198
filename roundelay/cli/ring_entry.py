"""Enter the ring that a command line names."""

from __future__ import annotations

from roundelay.cli import exits, parser_base
from roundelay.cli.ring_address import ring_address
from roundelay.client.errors import RingUnavailable
from roundelay.client.progress import SILENT, Progress
from roundelay.client.ring import Ring, connect

START = "Start what is missing of  python3 supernode.py  and  python3 compute_node.py 8001"


def open_ring(chosen: parser_base.Namespace, progress: Progress = SILENT) -> Ring:
    """Enter the ring; if there is none, say what to start. Raises Exit."""
    try:
        return connect(ring_address(chosen), progress=progress)
    except RingUnavailable as error:
        local = ", or add  --local 4" if hasattr(chosen, "local") else ""
        hint = "" if chosen.bootstrap is not None else f". {START}{local}"
        raise exits.Exit(exits.UNAVAILABLE, f"{error}{hint}") from error
