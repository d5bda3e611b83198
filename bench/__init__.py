"""Measurements and proofs on real processes; each prints a table, or with --json one line.

neighbours  does a node answer while it trains?
ring     a supernode and nodes as processes that can be killed, paused and started again
jobs     jobs on such a ring: started, watched, compared
history  puts and gets while nodes die: is an acknowledged put ever lost?
proxy    a way between two processes that delays, slices, swallows and breaks what passes
faults   kill any one process at any moment: is it the same model?
matrix   every role killed at every failpoint
rows     what else can go wrong, and what people then see
report   the whole of it as docs/results/faults.md
soak     twenty nodes that keep dying for ten minutes: is anything lost, does anything grow?
"""
