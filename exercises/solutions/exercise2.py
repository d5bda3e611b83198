"""Exercise 2: closest_preceding_node. See chapter 2 of the tutorial, and figure 4 of the Chord paper."""


def closest_preceding_node(me, key, known, size):
    """Return the node of `known` that lies between `me` and `key`, and is nearest to the key.

    Identifiers are on a circle of `size` numbers. `known` are the identifiers of fingers and successors, ascending;
    at least one of them lies between.
    """
    between = [node for node in known if 0 < (node - me) % size < ((key - me) % size or size)]
    return max(between, key=lambda node: (node - me) % size)
