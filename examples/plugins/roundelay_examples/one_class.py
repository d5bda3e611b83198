"""A partitioner: each client gets rows of one class only, the hardest skew there is."""

import numpy as np


def one_class(labels, clients, rng):
    """Return the rows of each client; clients take the classes in turn, and share the rows of theirs."""
    classes = np.unique(labels)
    holders = [list(range(number, clients, len(classes))) for number in range(len(classes))]
    parts = {}
    for label, own in zip(classes, holders, strict=True):
        rows = rng.permutation(np.flatnonzero(labels == label))
        parts |= {client: np.sort(rows[at :: len(own)]) for at, client in enumerate(own)}
    return [parts[client] for client in range(clients)]
