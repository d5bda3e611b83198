"""Exercise 1: a ring by hand. Identifiers are on a circle of 2**bits; see chapter 1 of the tutorial."""


def owner(key, nodes, bits):
    """Return the node that owns a key: the first one at or after it, clockwise.

    `nodes` are the identifiers of all nodes, ascending.
    """
    return next((node for node in nodes if node >= key), nodes[0])


def finger_table(me, nodes, bits):
    """Return the `bits` fingers of node `me`: finger i is the owner of me + 2**i, on the circle."""
    return [owner((me + 2**i) % 2**bits, nodes, bits) for i in range(bits)]
