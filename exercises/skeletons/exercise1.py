"""Exercise 1: a ring by hand. Identifiers are on a circle of 2**bits; see chapter 1 of the tutorial."""


def owner(key, nodes, bits):
    """Return the node that owns a key: the first one at or after it, clockwise.

    `nodes` are the identifiers of all nodes, ascending.
    """
    raise NotImplementedError("write this part")


def finger_table(me, nodes, bits):
    """Return the `bits` fingers of node `me`: finger i is the owner of me + 2**i, on the circle."""
    raise NotImplementedError("write this part")
