"""Constants and names of files that command lines need before any code of nodes is imported."""

from pathlib import Path

OPTION_PREFIX = "ROUNDELAY_"  # of environment variables that set options, except
NO_OPTIONS = ("ROUNDELAY_FAILPOINTS", "ROUNDELAY_TEST_")

DEFAULT_FILE = Path("compute_nodes.txt")  # the node list
SUPERNODE_PORT = 9091
NODES_MAX = 256  # in a ring on one machine

PRIVATE_NAME = "private"  # the default name under which private data is published
LOAD_DELAY_S = 3.0  # of an order on a busy node


def journal_of(state_dir: Path, port: int) -> Path:
    """Return the path of the journal of the supernode with this port."""
    return state_dir / f"supernode-{port}.jsonl"
