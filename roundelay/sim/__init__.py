"""The whole system in one thread, from one seed: chord/, ml/, federation/ as they are, over a made-up network.

clock        virtual time and what is due at it
options      how bad the world is to be, field by field
journal      every message and event, a line each; the same seed gives the same bytes
network      how bad the wire is: latency, loss, reordering, duplication, partitions
links        how wide it is: the bandwidth of each host's link
process      a program's one life, and the procedures that run in it
calls        questions under way, and what the effects mean here
world        all processes, and the time and network they share
machine      one computer: boots, dies, freezes; runs what a compute node runs
supernode    the membership as a process
faults       crashes, pauses and partitions, drawn from the seed
scene        a ring under observation, and what a workload is
health       what is demanded of it: safety always, the proof's predicates, wholeness in the end
program      the whole compute node: store, orders, care for jobs; the trainer inline
lookups      a workload: walks that must be right once the ring is whole
puts         another: what was acknowledged must be found
jobs         another: a federated job must end with the very weights of one process
scenario     24 nodes: safety while things break, liveness once they are whole
soak         as many seeds as fit

direct       another way to run procedures, for experiments: every answer at once, no wire
perfect      rings built as if stabilised for ever, from sorted identifiers
experiments  the evaluation of the Chord paper, and rows beyond it
figures      tables, bands, and how they are printed; plot draws them; paper writes them down

It never touches rpc/ or node/: those are what it replaces.
"""
