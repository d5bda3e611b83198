"""Deterministic simulation: the whole system in one thread and virtual time, from one seed.

The code of chord/, store/, federation/ and ml/ runs unchanged; the simulator replaces rpc/ and node/, which it never
imports.

Simulated world:
calls         requests in flight, and how effects are performed
clock         virtual time: a heap of events
faults        crashes, pauses and partitions, drawn from the seed
identities    signed records and their rules in a secured ring, without cryptography
journal       a line for every message and event; the same seed gives the same bytes
links         the bandwidth of each host
machine       a computer: boots, crashes, freezes; runs what a compute node runs
network       latency, loss, reordering, duplication and partitions of messages
options       the parameters of a simulation
process       one incarnation of a program, and the procedures that it runs
program       the complete compute node, with an inline trainer
supernode     the registry as a process
world         all processes, and the time and network that they share

Scenarios:
checks        what is required: safety always, the proof's predicates, convergence at the end
commands      what `client.py simulate` runs: a scenario, a soak, an experiment, the paper's evaluation
jobs          workload: a federated job must end with the weights of a centralized run
learnable_files small training files, drawn from the seed
leaves        workload: sites that only dial out train in the jobs; and what nodes do for them
lookups       workload: lookups must be correct once the ring has converged
observed_ring a ring under observation, and the protocol of a workload
puts          workload: every acknowledged put must be found
scenario      a ring forms, suffers faults, heals; safety meanwhile, liveness afterwards
soak          scenarios of one seed after another

Experiments:
experiments            the evaluation of the Chord paper, and more
figures                tables with limits, and how they are printed
ideal_ring             rings as they would be after stabilization, from sorted identifiers
instant_network        run procedures with immediate answers, without a network
paper                  all experiments, written down as one document
plot                   line plots as SVG
sampler                which functions the processor time of an experiment is spent in
"""
