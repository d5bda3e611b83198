"""The Chord paper's evaluation on this code, one module an experiment, and two rows beyond it.

Each has a `run(seed, quick)` that returns a `figures.Result`: ours beside the published numbers,
with the band that each row must hold. Nothing here routes or repairs: chord/ does.
"""
