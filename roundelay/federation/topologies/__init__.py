"""Topologies: where updates are aggregated.

star         at the driver: roundelay.federation.rounds, which is also what a tree falls back on
tree_reduce  along a tree over the fingers, masked or not; `partial` is the wire form of its sums
groups       along one tree for each group of nodes, as a plugin groups them
buffered     at the driver, as they come, weighted by their staleness; `order_plan` says which orders it sends next
gossip       nowhere: nodes exchange halves of weighted models (push-sum, roundelay.ml.push_sum)
"""

TOPOLOGIES = ("star", "tree", "gossip", "buffered")
