"""What of a ring may be chosen, as far as command lines must know before any code of the ring is imported."""

ASSIGNMENTS = ("balanced", "hash")  # ways to give a joiner its identifier
STABILIZE_INTERVAL_S = 1.0
