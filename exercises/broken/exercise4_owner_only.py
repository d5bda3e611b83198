"""Exercise 4: copies. See chapter 4 of the tutorial. Identifiers are on a circle; `nodes` are ascending."""


def holders(key, nodes, replicas):
    """Return the nodes that store a key: its owner and the next ones, `replicas` in all, or all if there are fewer."""
    first = next((place for place, node in enumerate(nodes) if node >= key), 0)
    return {nodes[(first + i) % len(nodes)] for i in range(min(replicas, len(nodes)))}


def hand_off(keys, before, after, replicas):
    """Return the steps by which the nodes `before` become the nodes `after`: one node joins or leaves.

    A step is ("copy", key, source, target) or ("delete", key, node). The process may be killed after any step: no key
    may ever have fewer copies than it needs.
    """
    steps = []
    for key in keys:
        old, new = holders(key, before, 1), holders(key, after, 1)
        steps += [("copy", key, min(old), target) for target in sorted(new - old)]
        steps += [("delete", key, node) for node in sorted(old - new)]
    return steps
