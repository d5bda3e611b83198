"""client.py ring: a whole ring on this machine, until Ctrl-C. However the command ends, it leaves nothing running."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack

from roundelay.cli import exits, parser_base
from roundelay.node.errors import LocalRingFailed
from roundelay.node.local import LocalRing, start_local_ring
from roundelay.node.options import NODES_MAX

LOOK_EVERY_S = 1.0


def run(chosen: parser_base.Namespace) -> int:
    if not 1 <= chosen.count <= NODES_MAX:
        raise exits.Exit(exits.USAGE, f"client.py ring takes 1 to {NODES_MAX} nodes")
    try:
        with ExitStack() as stack:
            began = time.monotonic()
            print(f"starting a ring of {chosen.count} node{'s' * (chosen.count > 1)} on this machine", file=sys.stderr)
            ring = start_local_ring(chosen.count, stack, _of_supernode(chosen), _of_nodes(chosen))
            show(ring, chosen, time.monotonic() - began)
            while True:
                time.sleep(LOOK_EVERY_S)
                ring.require_running()
    except LocalRingFailed as error:
        raise exits.Exit(exits.UNAVAILABLE, str(error)) from error


def show(ring: LocalRing, chosen: parser_base.Namespace, seconds: float) -> None:
    """Print the ring's address and what to type next."""
    if chosen.json:
        exits.say(json.dumps({"supernode": str(ring.supernode), "nodes": chosen.count, "seconds": round(seconds, 2)}))
        return
    exits.say(
        f"a ring of {chosen.count} node{'s' * (chosen.count > 1)}, supernode at {ring.supernode}, "
        f"up after {seconds:.1f} s; Ctrl-C stops it all. In another terminal:"
    )
    exits.say(f"    python3 client.py ./letters validate_letters.txt --supernode {ring.supernode}")


def _of_supernode(chosen: parser_base.Namespace) -> list[str]:
    found = ["--port", str(chosen.port), "--assign", chosen.assign]
    for name in ("bits", "successors", "replicas"):
        found += [f"--{name}", str(getattr(chosen, name))]
    return found


def _of_nodes(chosen: parser_base.Namespace) -> list[str]:
    return ["--data-dir", str(chosen.data_dir.resolve())] if chosen.data_dir else []
