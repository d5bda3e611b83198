"""The fault suite: real rings of processes, faults injected into them, and checks of what must still hold.

Run one with `python -m chaos NAME`:

faults       kills one process at a random moment
matrix       kills every role at every failpoint
rows         runs the scenarios, one row of the report each
history      checks that no acknowledged put is lost
hostile      says to a ring whatever a stranger can say, beside an honest job
intruder     tries what a stranger, a viewer, a submitter and another node could forge in a ring with kits
liars        has nodes return wrong results, which --verify must find
sites        cuts off and kills private sites in the middle of rounds
soak         runs 20 nodes that keep dying for ten minutes
slurm        runs deploy/slurm on three machines of Slurm, and preempts them
containers   runs deploy/compose.yaml, and disturbs it
ray          runs deploy/ray_ring.py on three machines of Ray; takes one away, and adds another
report       runs faults, matrix, history and rows, and writes docs/results/faults.md

The parts:

experiment   a job on a ring of its own, compared with an undisturbed run
workload     training jobs: started by clients, watched through any node
kv_workload  puts, gets and leases for a long time
nemesis      kills, pauses and restores processes by role
checker      what must hold of a job after a fault
scenario     a scenario's result
scenarios    all other faults, one function each
cuts         when sites are cut off, and for how long
sites_peers  other systems under the same cuts: sites_flower, sites_nvflare
hostility    the parts of `hostile`
engines      the outcomes on real engines: docs/results/engines.md
simulated_liars
             a simulated job in which some nodes return wrong results
"""
