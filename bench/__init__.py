"""Measurements and proofs on real processes; each prints a table, or with --json one line.

neighbours  does a node answer while it trains?
"""
