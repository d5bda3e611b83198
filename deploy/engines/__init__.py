"""Runs the deployment files as they ship on real engines, on this machine.

slurm    three machines of Slurm, a ring and a job in an allocation, preemption
report   the outcomes: docs/results/engines.md

Each run installs nothing, ends by itself, and says in one line what is missing.
"""
