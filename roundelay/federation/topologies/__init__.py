"""Who adds: the driver alone (star), the nodes among themselves on the way to it (tree), or nobody (gossip).

star    has no module of its own: it is what `roundelay.federation.rounds` does, and what tree falls back on
tree    passes an order on and adds partial sums (tree, partial, adding); `reduction` is the driver's side
gossip  gives halves of weighted models away (gossip, roundelay.ml.push_sum); `mixing` is the driver's side
"""

TOPOLOGIES = ("star", "tree", "gossip")
