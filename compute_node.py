"""A compute node: a member of the ring that stores training files and trains on them.

python3 compute_node.py 8001 [SUPERNODE_HOST [SUPERNODE_PORT]]
"""

from roundelay.cli.environment import launch

if __name__ == "__main__":
    launch("compute_node")
