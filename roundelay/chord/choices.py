"""Choices and defaults that command lines need before they import any other code of the ring."""

ASSIGNMENTS = ("balanced", "hash")  # how the supernode chooses the identifier of a node that joins
STABILIZE_INTERVAL_S = 1.0
NEAR_FINGER_CANDIDATES = 8  # nodes among which a near finger is chosen
