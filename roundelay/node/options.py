"""What a command line needs to know of nodes before any of their code is imported."""

from pathlib import Path

OPTION_PREFIX = "ROUNDELAY_"  # of variables that set options; except those that begin with
NO_OPTIONS = ("ROUNDELAY_FAILPOINTS", "ROUNDELAY_TEST_")

DEFAULT_FILE = Path("compute_nodes.txt")  # the node list
SUPERNODE_PORT = 9091
NODES_MAX = 256  # of a ring on one machine

PRIVATE_NAME = "private"  # under which private files are published, if under no other
LOAD_DELAY_S = 3.0  # of an order, where a node is busy with other things
