"""Who adds: the driver alone (star), or the nodes among themselves on the way to it (tree).

star has no module of its own: it is what `federation.rounds` does. tree falls back on it for what is missing.
"""

TOPOLOGIES = ("star", "tree")
