"""Federated learning in rounds on a Chord ring."""
