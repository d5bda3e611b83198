"""The supernode: admits nodes to the ring; assigns each an identifier and a member to join through.

python3 supernode.py [--port 9091]
"""

from roundelay.cli.environment import launch

if __name__ == "__main__":
    launch("supernode")
