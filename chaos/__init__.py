"""The fault suite: real rings of processes, faults injected into them, and checks of what must still hold.

faults       kill one random process at a random moment: is the model the same?
matrix       kill every role at every failpoint
rows         run the scenarios, one row of the report each
history      a set checker: is an acknowledged put ever lost?
soak         20 nodes that keep dying for ten minutes
report       run all of it and write docs/results/faults.md

workload     the training job: start it, watch it, compare its model
kv_workload  puts, gets and leases for a long time
scenarios    what else can go wrong: see the package
"""
