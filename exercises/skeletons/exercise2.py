"""Exercise 2: closest_preceding_node. See chapter 2 of the tutorial, and figure 4 of the Chord paper."""


def closest_preceding_node(me, key, known, size):
    """Return the node of `known` that lies between `me` and `key`, and is nearest to the key.

    Identifiers are on a circle of `size` numbers. `known` are the identifiers of fingers and successors, ascending;
    at least one of them lies between.
    """
    raise NotImplementedError("write this part")
